"""From one loan tape to several cubes that are protected together, in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from anonymize.aggregate import aggregate
from anonymize.checks import check_cube
from anonymize.cube import Cells, Cube
from anonymize.identifiers import IdentifierFinding, refuse_mapped, scan
from anonymize.linked import protect_together
from anonymize.mapped_tape import after_joining, open_mapped
from anonymize.mapping import TapeMapping, load_mapping
from anonymize.pipeline import Prepared
from anonymize.protection.outcome import Protected
from anonymize.report import Language, render
from anonymize.report_facts import summarize
from anonymize.stages import Stage, Watch, unwatched
from anonymize.tape import Place
from anonymize.template import Template

Asked = tuple[str | Path | TapeMapping, Template]  # how the tape becomes the cells of one collection


def prepare_together(
    tape: Place,
    asked: Sequence[Asked],
    period: str,
    institution: str,
    *,
    previous: Mapping[str, Cube] | None = None,
    previous_tape: Place | None = None,
    language: Language = "en",
    at: datetime | None = None,
    effort: float = 1.0,
    watch: Watch = unwatched,
) -> list[Prepared]:
    """What `prepare` makes of the tape for each collection, in the same order, safe beside each other.

    `previous` has cubes of the period before by collection; `previous_tape` is for the mappings with `[previous]`. The
    errors are `prepare`'s; after one there is no cube at all.
    """
    cubes: list[tuple[Cells, Template]] = []
    found: list[tuple[IdentifierFinding, ...]] = []
    for mapping, template in asked:
        read = mapping if isinstance(mapping, TapeMapping) else load_mapping(mapping, template)
        cells, identifiers = _counted(tape, read, template, period, previous_tape, watch)
        cubes.append((cells, template))
        found.append(identifiers)
    watch(Stage("Protecting and auditing together"))
    protected = protect_together(cubes, institution, effort=effort)
    watch(Stage("Checking and reporting"))
    before = previous or {}
    moment = at or datetime.now(UTC)
    return [
        _prepared(*cube, each, identifiers, before.get(cube[1].id), language, moment)
        for cube, each, identifiers in zip(cubes, protected, found, strict=True)
    ]


def _counted(
    tape: Place, mapping: TapeMapping, template: Template, period: str, previous_tape: Place | None, watch: Watch
) -> tuple[Cells, tuple[IdentifierFinding, ...]]:
    """The cells of one collection and the direct identifiers in its columns, none of which is used."""
    watch(Stage(f"Opening the tape for {template.id}"))
    last = previous_tape if mapping.previous is not None else None
    with open_mapped(tape, mapping, template, period, last) as opened:
        joined = after_joining(mapping)
        watch(Stage("Looking for direct identifiers", share=opened.progress))
        identifiers = scan(opened, joined)
        refuse_mapped(identifiers, joined)
        watch(Stage("Aggregating", share=opened.progress))
        cells = aggregate(opened, joined, template, period)
        opened.check_unchanged()
    return cells, identifiers


def _prepared(
    cells: Cells,
    template: Template,
    protected: Protected,
    identifiers: tuple[IdentifierFinding, ...],
    previous: Cube | None,
    language: Language,
    at: datetime,
) -> Prepared:
    findings = check_cube(protected.cube, template, previous)
    summary = summarize(cells, protected, template, findings, identifiers)
    html = render(summary, template, language, at)
    return Prepared(protected.cube, summary, html, findings, identifiers)
