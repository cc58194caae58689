"""Every reason for which a sealed package is refused: a stable slug and its sentence.

The contract page lists the same slugs and each has a test vector. A sentence names the rule, never the content.
"""

from __future__ import annotations

from collections.abc import Mapping

from anonymize.errors import PackageError

RULES: Mapping[str, str] = {
    "malformed": "The package is not a compact JWS with a complete, well-formed header.",
    "truncated": "The package ends too early. Send the whole file.",
    "too-large": "The package is larger than this collection allows.",
    "unknown-header": "The header holds a member that this version of the format does not know.",
    "wrong-type": "The package is not of type concord-sealed+jws.",
    "unsupported-algorithm": "The package must be signed with Ed25519 or ES256, by a key of that kind.",
    "unsupported-suite": "The package must be sealed with X-Wing or X25519.",
    "unsupported-media-type": "The sealed content must be Parquet, SDMX-CSV or .xlsx.",
    "wrong-audience": "The package is addressed to another consortium.",
    "wrong-round": "The package was sealed for another round.",
    "wrong-institution": "The package names another institution than the one that sends it.",
    "issued-in-future": "The package says that it was made in the future. Check the clock of the machine that seals.",
    "wrong-sealing-key": "The package is sealed to another key than this round's. Fetch the round and seal anew.",
    "unknown-key": "The signing key is not registered for this institution.",
    "revoked-key": "The signing key is no longer in force. Register a new one and sign with it.",
    "bad-signature": "The signature does not belong to this package and this key.",
    "cannot-open": "The package does not open with the round's key: its content or header was changed after sealing.",
    "wrong-key-use": "The consortium's key that signed this is not meant for it. Trust nothing; ask the association.",
    "other-package": "The receipt is about another package than this one.",
}


def refusal(rule: str, *, member: str | None = None) -> PackageError:
    """The error to raise for a rule; KeyError when the table has no such rule."""
    sentence = RULES[rule]
    return PackageError(f"{sentence} (header member {member})" if member else sentence, rule=rule, member=member)
