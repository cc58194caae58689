"""Backs up the key-encryption key for custodians, any two of whom recover it; see docs/key-ceremony.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from anonymize.errors import ConcordError
from consortium.key_encryption import custodians
from consortium.key_encryption.key_files import new_file, passphrase


class Command(BaseCommand):
    help = "Custodians' keys, the backup of a key-encryption key for them, and its recovery by two. Needs no database."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        custodian = verbs.add_parser("custodian", help="make a custodian's key: NAME.pem, encrypted, and NAME.jwk")
        custodian.add_argument("name", type=Path)
        make = verbs.add_parser("make", help="back up the key in a file for two custodians or more")
        make.add_argument("kek", type=Path, help="file with the key-encryption key")
        make.add_argument("backup", type=Path, help="file to write")
        make.add_argument("holders", metavar="custodian", type=Path, nargs="+", help="their .jwk files")
        first = verbs.add_parser("first", help="what one custodian does alone, away from the vault")
        recover = verbs.add_parser("recover", help="recover the key: two custodians, or the second after `first`")
        for verb in (first, recover):
            verb.add_argument("backup", type=Path)
            verb.add_argument("target", type=Path, help="file to write")
            verb.add_argument("keys", type=Path, nargs="+", help="custodians' .pem files")

    def handle(self, *_args: Any, verb: str, **options: Any) -> None:
        try:
            said = getattr(self, f"_{verb}")(**options)
        except OSError as wrong:
            raise CommandError(f"{wrong.filename}: {wrong.strerror}. Nothing was written.") from wrong
        except (ConcordError, ValueError) as wrong:
            raise CommandError(str(wrong)) from wrong
        self.stdout.write(said)

    def _custodian(self, *, name: Path, **_: Any) -> str:
        pem, jwk = custodians.new_custodian(passphrase(f"Passphrase for {name.name}", is_new=True))
        new_file(name.with_name(name.name + ".pem"), pem)
        new_file(name.with_name(name.name + ".jwk"), json.dumps(jwk).encode() + b"\n")
        return f"Custodian {jwk['kid']}. Keep {name.name}.pem and its passphrase apart; hand {name.name}.jwk over."

    def _make(self, *, kek: Path, backup: Path, holders: list[Path], **_: Any) -> str:
        jwks = [json.loads(path.read_text(encoding="utf-8")) for path in holders]
        document = custodians.back_up(kek.read_text(encoding="ascii").strip(), jwks)
        new_file(backup, json.dumps(document, indent=2).encode() + b"\n")
        return f"{backup} holds {document['kek']} for any two of {len(jwks)} custodians."

    def _first(self, *, backup: Path, target: Path, keys: list[Path], **_: Any) -> str:
        if len(keys) != 1:
            raise CommandError("One custodian at a time takes off the first layer.")
        half = custodians.take_off_first(custodians.read(backup), _opened(keys[0]))
        if not half["envelopes"]:
            raise CommandError("This custodian's layer is never the first: let another begin, and follow with recover.")
        new_file(target, json.dumps(half, indent=2).encode() + b"\n")
        return f"{target} is still sealed to the others. One of them runs recover with it."

    def _recover(self, *, backup: Path, target: Path, keys: list[Path], **_: Any) -> str:
        kek = custodians.recover(custodians.read(backup), [_opened(path) for path in keys])
        new_file(target, kek.encode("ascii"))
        return (
            f"{target} holds the key-encryption key. Give it to the vault as CONCORD_KEK_FILE, then destroy this copy."
        )


def _opened(path: Path) -> Any:
    return custodians.open_custodian(path.read_bytes(), passphrase(f"Passphrase of {path.name}"))
