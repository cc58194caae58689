"""How people sign in: second factors, sessions, attempts, and an institution's own single sign-on."""
