"""Verifies what nobody may rewrite: the audit log's chain and the log of accepted packages; see docs/operations.md."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from consortium.audit.models import Entry
from consortium.audit.services import verify_chain
from sharing.models import Leaf
from sharing.services.log import first_wrong


class Command(BaseCommand):
    help = "Verify the audit log and the log of accepted packages from the beginning. Reads only; fails when one does not hold."

    def handle(self, *args: Any, **options: Any) -> None:
        wrong = []
        if broken := verify_chain():
            wrong.append(f"Audit log, entry {broken.entry}: {broken.what}.")
        if (leaf := first_wrong()) is not None:
            wrong.append(f"Log of accepted packages, leaf {leaf}: it is missing, or not what was accepted.")
        if wrong:
            raise CommandError("\n".join(wrong))
        last = Entry.objects.order_by("pk").last()
        # Whoever noted the digest before sees whether the end was cut off, which a chain alone does not tell.
        ending = f", the last {last.digest}" if last else ""
        self.stdout.write(
            f"All hold: {Entry.objects.count()} entries{ending}; {Leaf.objects.count()} accepted packages."
        )
