"""Where the key-encryption key is and what it does: it wraps the rounds' private keys, in a vault worker only.

It is 32 bytes in the worker's memory (`local`), a key inside a hardware module (`token`), or one inside a key server
(`transit`); `keyring` chooses by address. Nothing here knows Django, so that settings can check an address at start.
"""

from consortium.key_encryption.keyring import KeyEncryption, Keyring, keyring

__all__ = ["KeyEncryption", "Keyring", "keyring"]
