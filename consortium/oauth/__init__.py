"""The token endpoint: client credentials with a secret or a signed assertion, and its description."""
