"""The door to the API is that of the tests of sharing."""

from tests.sharing.conftest import send, token

__all__ = ["send", "token"]
