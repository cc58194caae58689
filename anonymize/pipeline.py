"""From loan tape to protected cube and privacy report, in one call."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import duckdb

from anonymize.aggregate import aggregate
from anonymize.checks import Finding, check_cube
from anonymize.cube import Cells, Cube
from anonymize.files import read_whole
from anonymize.identifiers import IdentifierFinding, refuse_mapped, scan
from anonymize.ledger import Ledger
from anonymize.mapping import TapeMapping, load_mapping
from anonymize.protect import Protected, protect
from anonymize.report import Language, render
from anonymize.reporting.facts import Provenance, Summary, summarize
from anonymize.stages import Stage, Watch, unwatched
from anonymize.tape import Place, Tape
from anonymize.tapes.join import Joined
from anonymize.tapes.mapped import after_joining, columns_used, open_mapped
from anonymize.template import Template


@dataclass(frozen=True, eq=False)
class Counted:
    """A tape that was read: its cells, which never leave, and what was noticed on the way."""

    cells: Cells
    identifiers: tuple[IdentifierFinding, ...]
    provenance: Provenance
    joined: Joined | None


@dataclass(frozen=True)
class Asked:
    """What an officer is told besides the cube: in which language, when, beside which other cubes of the tape."""

    language: Language = "en"
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    together_with: tuple[str, ...] = ()


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

    `previous` is the institution's cube of the period before, for the plausibility checks, `previous_tape` its tape for
    a mapping with `[previous]`; `effort`, `secret` and `ledger` are `protect`'s; `watch` is told each stage. A
    LoanTapeError, MappingError, IdentifierError, ProtectionError or LedgerError means that there is no cube.
    """
    found = counted(tape, mapping, template, period, previous_tape, watch)
    watch(Stage("Protecting and auditing"))
    protected = protect(found.cells, template, institution, effort=effort, secret=secret, ledger=ledger)
    watch(Stage("Checking and reporting"))
    return finished(found, protected, template, previous, Asked(language, at or datetime.now(UTC)))


def counted(
    tape: Place,
    mapping: str | Path | TapeMapping,
    template: Template,
    period: str,
    previous_tape: Place | None = None,
    watch: Watch = unwatched,
) -> Counted:
    """The cells of a tape, and the direct identifiers in its columns, none of which is used."""
    read = mapping if isinstance(mapping, TapeMapping) else load_mapping(mapping, template)
    watch(Stage(f"Opening the tape for {template.id}"))
    with open_mapped(tape, read, template, period, previous_tape) as opened:
        joined = after_joining(read)
        watch(Stage("Looking for direct identifiers", share=opened.progress))
        identifiers = scan(opened, joined)
        refuse_mapped(identifiers, joined)
        watch(Stage("Aggregating", share=opened.progress))
        cells = aggregate(opened, joined, template, period)
        opened.check_unchanged()
        provenance = _provenance(opened, joined, mapping, template, cells)
    return Counted(cells, identifiers, provenance, opened.joined)


def finished(found: Counted, protected: Protected, template: Template, previous: Cube | None, asked: Asked) -> Prepared:
    """The protected cube with its findings and its report."""
    findings = [*_about_joining(found.joined), *check_cube(protected.cube, template, previous)]
    summary = summarize(
        found.cells, protected, template, findings, found.identifiers, found.provenance, asked.together_with
    )
    html = render(summary, template, asked.language, asked.at)
    return Prepared(protected.cube, summary, html, findings, found.identifiers, found.joined)


def _provenance(
    tape: Tape, mapping: TapeMapping, source: str | Path | TapeMapping, template: Template, cells: Cells
) -> Provenance:
    document = json.dumps(template.source, ensure_ascii=False, sort_keys=True).encode()
    return Provenance(
        files=tuple(Path(file).name for file in tape.files),
        rows=cells.rows,
        columns_used=tuple(columns_used(tape.column_names, mapping)),
        mapping_sha256="" if isinstance(source, TapeMapping) else _digest(read_whole(Path(source))),
        template_sha256=_digest(document),
        software=f"concord {version('concord')}, duckdb {duckdb.__version__}",
    )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _about_joining(joined: Joined | None) -> list[Finding]:
    if joined is None or not joined.is_doubtful:
        return []
    sentence = (
        f"Only {joined.matched} loans are on both tapes, {joined.gone} only on the previous and {joined.new} only on this "
        "one. Is --previous-tape the right file, and [previous] on the loan's key?"
    )
    return [Finding("previous-tape", "warning", sentence)]
