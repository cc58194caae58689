"""Makes the consortium's keys, in a ceremony; see docs/key-ceremony.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from anonymize.package import SigningKey, ed25519_jwk
from anonymize.package.jose import decode
from consortium.embedded import keys
from consortium.key_encryption.local import LocalKey


class Command(BaseCommand):
    help = "Make every key of the consortium that is not in DIRECTORY yet, and name the public ones. Needs no database."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory", type=Path)

    def handle(self, *_args: Any, directory: Path, **_options: Any) -> None:
        receipts = SigningKey.from_jwk(json.loads(keys.signing_key(directory).read_text(encoding="utf-8")))
        vault = ed25519_jwk(decode(keys.vault_public_key(directory)))
        kek = LocalKey.from_text(keys.key_encryption_key(directory))
        keys.django_secret(directory)
        delivery = keys.delivery_public_key(keys.delivery_key(directory))
        keys.kept(directory / "delivery-public-key", lambda: delivery)
        self.stdout.write(f"receipts:{receipts.kid}\nround-keys:{vault['kid']}\nkey-encryption key {kek.id}")
