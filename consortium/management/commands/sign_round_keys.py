"""Signs the sealing keys of all rounds with the vault's key in use, after it has succeeded another."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from anonymize.errors import KeyStoreError
from sharing.services import round_keys


class Command(BaseCommand):
    help = "Sign every sealing key that is not destroyed with CONCORD_VAULT_SIGNING_KEY. Run it as the process vault."

    def handle(self, *_args: Any, **_options: Any) -> None:
        try:
            done = round_keys.sign_all()
        except KeyStoreError as wrong:
            raise CommandError(wrong.sentence) from wrong
        self.stdout.write(f"{done} sealing keys signed.")
