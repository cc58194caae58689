"""The sealed package: what leaves a bank, and the receipt that comes back.

The byte-level description is docs/contracts/sealed-package.md; the test vectors are in tests/vectors/sealed/.
"""

from anonymize.package.keys import SealingKey, SealingKeyPair, SigningKey, ed25519_jwk, kid_of, unwrap, wrap
from anonymize.package.open import (
    MAX_PLAINTEXT,
    Envelope,
    Header,
    max_package_bytes,
    open_sealed,
    package_digest,
    read_header,
    verify,
)
from anonymize.package.receipt import Receipt, issue_receipt, verify_receipt
from anonymize.package.registration import REGISTRATION_RULES, read_registration, request_registration
from anonymize.package.round_key import sign_jwk, verify_jwk
from anonymize.package.rules import RULES
from anonymize.package.seal import MEDIA_TYPES, PACKAGE_MEDIA_TYPE, PARQUET, SDMX_CSV, XLSX, seal

__all__ = [
    "MAX_PLAINTEXT",
    "MEDIA_TYPES",
    "PACKAGE_MEDIA_TYPE",
    "PARQUET",
    "REGISTRATION_RULES",
    "RULES",
    "SDMX_CSV",
    "XLSX",
    "Envelope",
    "Header",
    "Receipt",
    "SealingKey",
    "SealingKeyPair",
    "SigningKey",
    "ed25519_jwk",
    "issue_receipt",
    "kid_of",
    "max_package_bytes",
    "open_sealed",
    "package_digest",
    "read_header",
    "read_registration",
    "request_registration",
    "seal",
    "sign_jwk",
    "unwrap",
    "verify",
    "verify_jwk",
    "verify_receipt",
    "wrap",
]
