"""From one loan tape to several cubes that are protected together, in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from anonymize.cube import Cube
from anonymize.linked import protect_together
from anonymize.mapping import TapeMapping, load_mapping
from anonymize.pipeline import Asked, Counted, Prepared, counted, finished
from anonymize.report import Language
from anonymize.stages import Stage, Watch, unwatched
from anonymize.tape import Place
from anonymize.template import Template

Wanted = tuple[str | Path | TapeMapping, Template]  # how the tape becomes the cells of one collection


def prepare_together(
    tape: Place,
    wanted: Sequence[Wanted],
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
    found = [_counted(tape, *each, period, previous_tape, watch) for each in wanted]
    templates = [template for _, template in wanted]
    watch(Stage("Protecting and auditing together"))
    cells = [each.cells for each in found]
    protected = protect_together(list(zip(cells, templates, strict=True)), institution, effort=effort)
    watch(Stage("Checking and reporting"))
    before, moment = previous or {}, at or datetime.now(UTC)
    return [
        finished(each, done, template, before.get(template.id), Asked(language, moment, _others(template, templates)))
        for each, done, template in zip(found, protected, templates, strict=True)
    ]


def _counted(
    tape: Place,
    mapping: str | Path | TapeMapping,
    template: Template,
    period: str,
    previous_tape: Place | None,
    watch: Watch,
) -> Counted:
    """Only a mapping that joins two tapes is given the previous one."""
    read = mapping if isinstance(mapping, TapeMapping) else load_mapping(mapping, template)
    return counted(tape, mapping, template, period, previous_tape if read.previous is not None else None, watch)


def _others(template: Template, templates: Sequence[Template]) -> tuple[str, ...]:
    return tuple(each.id for each in templates if each.id != template.id)
