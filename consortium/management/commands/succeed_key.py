"""One signing key of the consortium names the next, so that members follow by themselves; see docs/key-ceremony.md."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from anonymize.errors import ConcordError
from anonymize.package import SigningKey, ed25519_jwk
from anonymize.package.jose import Jwk, decode
from consortium import key_history, signing

USES = ("receipts", "round-keys")
OVERLAP_DAYS = 7


class Command(BaseCommand):
    help = (
        "Let the key in use name its successor in the history of keys. Run it where the private key is: as the process "
        "web for receipts, vault for round-keys. Then give the processes the new key, and web the history."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("use", choices=USES)
        parser.add_argument(
            "successor", type=Path, help="file with the new key: a JWK, or 32 public bytes in base64url"
        )
        parser.add_argument(
            "history", type=Path, help="the history of keys, CONCORD_KEY_HISTORY; made when it is missing"
        )
        parser.add_argument("--days", type=int, default=OVERLAP_DAYS, help="for how long the key in use still signs")
        parser.add_argument(
            "--compromised",
            action="store_true",
            help="the key in use ends now and names nobody: members pin the successor by hand",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            said = self._succeed(**options)
        except OSError as wrong:
            raise CommandError(f"{options['successor']} cannot be read: {wrong.strerror}.") from wrong
        except (ConcordError, ImproperlyConfigured) as wrong:
            raise CommandError(str(wrong)) from wrong
        self.stdout.write(said)

    def _succeed(self, *, use: Any, successor: Path, history: Path, days: int, compromised: bool, **_: Any) -> str:
        new = key_history.public_key(successor.read_text(encoding="utf-8"))
        if compromised:
            key_history.succeed(history, _public(use), new, use, int(time.time()), is_trusted=False)
            return (
                f"The key ended now. Publish {use}:{new['kid']} by another way than the portal; members pin it by hand."
            )
        if not 0 < days <= 90:
            raise ImproperlyConfigured("The key in use signs on for 1 to 90 days.")
        key_history.succeed(history, _private(use), new, use, int(time.time()) + days * 24 * 3600)
        return f"{use}:{new['kid']} follows. Members go over to it by themselves; the former key ends in {days} days."


def _private(use: str) -> SigningKey:
    if use == "receipts":
        return signing.receipt_key()
    if not settings.CONCORD_VAULT_SIGNING_KEY:
        raise ImproperlyConfigured("This process holds no CONCORD_VAULT_SIGNING_KEY; run it as the process vault.")
    return SigningKey.from_private_bytes(decode(settings.CONCORD_VAULT_SIGNING_KEY))


def _public(use: str) -> Jwk:
    """Web knows both public halves; the vault its own."""
    if use == "round-keys" and settings.CONCORD_VAULT_PUBLIC_KEY:
        return ed25519_jwk(decode(settings.CONCORD_VAULT_PUBLIC_KEY))
    return _private(use).public_jwk()
