"""From loan tape to protected cube and privacy report, in one call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from anonymize.aggregate import aggregate
from anonymize.checks import Finding, check_cube
from anonymize.cube import Cube
from anonymize.identifiers import IdentifierFinding, refuse_mapped, scan
from anonymize.ledger import Ledger
from anonymize.mapped_tape import after_joining, open_mapped
from anonymize.mapping import TapeMapping, load_mapping
from anonymize.protect import protect
from anonymize.report import Language, render
from anonymize.report_facts import Summary, summarize
from anonymize.stages import Stage, Watch, unwatched
from anonymize.tape import Place
from anonymize.tape_join import Joined
from anonymize.template import Template


@dataclass(frozen=True, eq=False)
class Prepared:
    """What an institution has in hand before it seals: only the cube is meant to leave."""

    cube: Cube
    cells_summary: Summary
    report_html: str
    findings: list[Finding]
    identifiers: tuple[IdentifierFinding, ...]
    joined: Joined | None = None  # how this period's tape met the one before


def prepare(
    tape: Place,
    mapping: str | Path | TapeMapping,
    template: Template,
    period: str,
    institution: str,
    *,
    previous: Cube | None = None,
    previous_tape: Place | None = None,
    language: Language = "en",
    at: datetime | None = None,
    effort: float = 1.0,
    secret: bytes | None = None,
    ledger: Ledger | None = None,
    watch: Watch = unwatched,
) -> Prepared:
    """The protected cube of a tape, what the checks find in it, and the report for the officer who signs.

    `previous` is the institution's cube of the period before, for the plausibility checks, `previous_tape` its tape for a
    mapping with `[previous]`; `effort`, `secret` and
    `ledger` are `protect`'s; `watch` is told each stage. A LoanTapeError, MappingError, IdentifierError,
    ProtectionError or LedgerError means that there is no cube.
    """
    if not isinstance(mapping, TapeMapping):
        mapping = load_mapping(mapping, template)
    watch(Stage("Opening the tape"))
    with open_mapped(tape, mapping, template, period, previous_tape) as opened:
        mapping = after_joining(mapping)
        watch(Stage("Looking for direct identifiers", share=opened.progress))
        identifiers = scan(opened, mapping)
        refuse_mapped(identifiers, mapping)
        watch(Stage("Aggregating", share=opened.progress))
        cells = aggregate(opened, mapping, template, period)
        opened.check_unchanged()
    watch(Stage("Protecting and auditing"))
    protected = protect(cells, template, institution, effort=effort, secret=secret, ledger=ledger)
    watch(Stage("Checking and reporting"))
    findings = [*_about_joining(opened.joined), *check_cube(protected.cube, template, previous)]
    summary = summarize(cells, protected, template, findings, identifiers)
    html = render(summary, template, language, at or datetime.now(UTC))
    return Prepared(protected.cube, summary, html, findings, identifiers, opened.joined)


def _about_joining(joined: Joined | None) -> list[Finding]:
    if joined is None or not joined.is_doubtful:
        return []
    sentence = (
        f"Only {joined.matched} loans are on both tapes, {joined.gone} only on the previous and {joined.new} only on this "
        "one. Is --previous-tape the right file, and [previous] on the loan's key?"
    )
    return [Finding("previous-tape", "warning", sentence)]
