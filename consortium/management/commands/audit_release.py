"""Checks a release against the record of its audit, and on request computes and audits it again.

See docs/auditing-a-release.md.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from anonymize.errors import ConcordError
from consortium.errors import Refused
from sharing.models import Release
from sharing.services import release_audits
from sharing.services.release_audits import Check

NARROWEST = 10


class Command(BaseCommand):
    help = "Check a release against the record of its audit. Exit code 0 when all holds, 1 when something does not."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("release", help="the release's id, as in delinquency-2026-10-r1")
        parser.add_argument(
            "--recompute",
            action="store_true",
            help="open the packages again, compute, audit and compare bit for bit; only where the vault's key is",
        )
        parser.add_argument("--json", action="store_true", help="print the record and the checks as JSON")
        parser.add_argument(
            "--export",
            metavar="FILE",
            help="write the record to FILE; with --recompute also the system of equations, which is as secret as the packages",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        release = self._release(options["release"])
        record = release_audits.record_of(release)
        if record is None:
            raise CommandError(
                f"{release.public_id} has no audit record: it was computed before records were kept, or not yet. "
                "Compute it, or its revision, and ask again."
            )
        checks = release_audits.checks(release, record)
        exported = dict(record)
        if options["recompute"]:
            found, exported["system"] = self._again(release, record)
            checks += found
        if options["export"]:
            self._export(Path(options["export"]), exported)
        ok = all(check.ok for check in checks)
        if options["json"]:
            self.stdout.write(json.dumps({"ok": ok, "checks": [vars(each) for each in checks], "record": record}))
        else:
            self.stdout.write("\n".join(_report(release, record, checks)))
        if not ok:
            raise CommandError(f"{release.public_id} does not hold. Do not publish it; withdraw it if it is published.")

    def _release(self, public_id: str) -> Release:
        release = Release.objects.filter(public_id=public_id).select_related("round__collection").first()
        if release is None:
            raise CommandError(
                f"There is no release {public_id}. Its id stands on its page, as in delinquency-2026-10-r1."
            )
        return release

    def _again(self, release: Release, record: dict[str, Any]) -> tuple[list[Check], dict[str, Any]]:
        try:
            return release_audits.recomputed(release, record)
        except ImproperlyConfigured as missing:
            raise CommandError(f"{missing} Run --recompute as a vault worker does.") from missing
        except (ConcordError, Refused) as gone:
            raise CommandError(f"The release cannot be computed again: {gone}") from gone

    def _export(self, path: Path, document: Mapping[str, Any]) -> None:
        try:
            path.touch(mode=0o600, exist_ok=False)
            path.write_text(json.dumps(document, sort_keys=True) + "\n", encoding="utf-8")
        except OSError as wrong:
            raise CommandError(
                f"{path} cannot be written: {wrong.strerror}. Name a file that is not there yet."
            ) from wrong


def _report(release: Release, record: Mapping[str, Any], checks: list[Check]) -> Iterator[str]:
    """What a statistician reads first."""
    sizes = record["sizes"]
    yield f"Release {release.public_id} ({release.get_state_display()}): {release.cells} cells, {release.withheld} withheld"
    yield (
        f"System: {record['members']} members in {record['atoms']} atoms, {sizes['columns']} unknowns, "
        f"{sizes['equations']} equations, {sizes['components']} components, {record['versions']} versions of the round"
    )
    yield ""
    yield f"{'measure':20} {'sensitive':>9} {'proven':>7} {'solved':>7} {'1-sided':>7} {'unsafe':>7}  narrowest"
    for each in record["measures"]:
        statuses = each["statuses"]
        safe = [statuses.get(name, 0) for name in ("proven", "solved", "one-sided")]
        narrowest = "-" if each["narrowest"] is None else f"{each['narrowest']:.2f} widths"
        yield (
            f"{each['measure']:20} {each['targets']:9} {safe[0]:7} {safe[1]:7} {safe[2]:7} "
            f"{each['targets'] - sum(safe):7}  {narrowest}"
        )
    yield ""
    yield f"The {NARROWEST} narrowest intervals, in multiples of the width that the rules demand:"
    widest_side = sorted(record["findings"], key=lambda each: max(each["rise"], each["fall"]))
    for each in widest_side[:NARROWEST]:
        where = ", ".join(f"{name} {code}" for name, code in each["codes"].items())
        yield (
            f"  up {each['rise']:8.2f}  down {each['fall']:8.2f}  {each['status']:9} {each['reason']} {each['kind']:9} "
            f"{each['measure']} {where} | {'/'.join(each['groups'])} | {each['key']}"
        )
    yield ""
    yield f"Solver: {', '.join(f'{count} {word}' for word, count in record['solver'].items()) or 'not needed'}"
    yield f"Seconds: {', '.join(f'{name} {seconds}' for name, seconds in record['seconds'].items())}"
    yield f"Earlier releases in the equations: {', '.join(record['ledger']) or 'none'}"
    yield (
        f"{record['statuses'].get('proven', 0)} sums were proven at once and not solved one by one: what they may move is "
        "at least 1.00 widths and not known more exactly."
    )
    yield ""
    for check in checks:
        yield f"{'holds' if check.ok else 'FAILS':6} {check.name}: {check.found}"
