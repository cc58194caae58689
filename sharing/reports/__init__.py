"""Papers that are printed: the board report of a release."""
