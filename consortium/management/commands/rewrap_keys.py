"""Wraps the rounds' private keys by the current key-encryption key; see docs/key-ceremony.md for when."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from anonymize.errors import KeyStoreError
from sharing import vault
from sharing.services import round_keys


class Command(BaseCommand):
    help = "Wrap every round key by CONCORD_KEK that one of CONCORD_FORMER_KEKS wrapped. Run it again after an interruption."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--all", action="store_true", help="also those that CONCORD_KEK wrapped: a key server rotates inside"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            done = round_keys.rewrap_all(everything=options["all"])
        except KeyStoreError as wrong:
            raise CommandError(f"{wrong.sentence} The keys before it are wrapped anew; run this again.") from wrong
        current = vault.require_kek().current.id
        self.stdout.write(f"{done} keys wrapped anew. All are wrapped by {current}.")
