"""What `concord push` makes of a tape: one cube for each round, alone or protected together, and kept until sent."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anonymize.accepted import accepted_before
from anonymize.checks import has_errors
from anonymize.config import Config
from anonymize.cube import Cube, write_cube
from anonymize.errors import CheckError, PackageError
from anonymize.files import read_whole, write_whole
from anonymize.ledger import ledger_for, rehearsed
from anonymize.pipeline import Prepared, prepare
from anonymize.pipeline_linked import prepare_together
from anonymize.protection_key import protection_key
from anonymize.remembered import Ready, made_of, remember, remembered
from anonymize.rounds import Round
from anonymize.sending import was_sent
from anonymize.stages import Watch
from anonymize.template import Template


@dataclass(frozen=True)
class Job:
    """One round that the tape answers, and how the tape becomes its cells."""

    round: Round
    mapping: Path
    template: Template


@dataclass(frozen=True)
class Tape:
    """Where the loans are, and how much work may go into publishing more of them."""

    place: str
    period: str
    previous: str | None = None
    effort: float = 1.0

    @property
    def places(self) -> list[str]:
        return [self.place] if self.previous is None else [self.place, self.previous]


def ready_cubes(config: Config, jobs: Sequence[Job], tape: Tape, watch: Watch) -> dict[str, Ready]:
    """A cube for each round's id: those of the last run if they were made of the same things, else new ones, kept.

    The errors are those of `prepare`, CheckError for a cube that breaks a rule, and PackageError for a round that is not
    open; after one nothing was kept.
    """
    before = _before(config, jobs, tape.period)
    made = made_of(tape.places, _parts(config, jobs, tape, before))
    ids = [job.round.id for job in jobs]
    if made is not None and (kept := remembered(config, made, ids)) is not None:
        return kept
    for job in jobs:
        # What was sent before the round closed is still asked about; for anything else the work would be in vain.
        if not job.round.is_open and not was_sent(config, job.round.id):
            raise PackageError(f"Round {job.round.id} is {job.round.state}. Nothing was sealed.", rule="round-not-open")
    prepared = prepared_cubes(config, jobs, tape, before, watch)
    ready = {id: Ready.of(each, write_cube(each.cube)) for id, each in prepared.items()}
    if made is not None:
        remember(config, made, ready)
    return ready


def rehearsed_cubes(config: Config, jobs: Sequence[Job], tape: Tape, watch: Watch) -> dict[str, Prepared]:
    """The same without keeping or paying for anything but the reports."""
    return prepared_cubes(config, jobs, tape, _before(config, jobs, tape.period), watch, is_rehearsal=True)


def prepared_cubes(
    config: Config,
    jobs: Sequence[Job],
    tape: Tape,
    before: Mapping[str, Cube],
    watch: Watch,
    *,
    is_rehearsal: bool = False,
) -> dict[str, Prepared]:
    """Aggregated, protected and checked; the reports are kept even where a check refuses the cube."""
    if len(jobs) == 1:
        made = [_alone(config, jobs[0], tape, before, watch, is_rehearsal)]
    else:
        made = prepare_together(
            tape.place,
            [(job.mapping, job.template) for job in jobs],
            tape.period,
            config.need("institution"),
            previous=before,
            previous_tape=tape.previous,
            effort=tape.effort,
            watch=watch,
        )
    prepared = {job.round.id: each for job, each in zip(jobs, made, strict=True)}
    for id, each in prepared.items():
        write_whole(report_file(config, id), each.report_html.encode())
    for each in prepared.values():
        _refuse_errors(each)
    return prepared


def report_file(config: Config, round_id: str) -> Path:
    return config.kept("reports", round_id, ".html")


def _alone(
    config: Config, job: Job, tape: Tape, before: Mapping[str, Cube], watch: Watch, is_rehearsal: bool
) -> Prepared:
    book = ledger_for(config, job.template)
    with rehearsed(book) if is_rehearsal else nullcontext(book) as ledger:
        return prepare(
            tape.place,
            job.mapping,
            job.template,
            tape.period,
            config.need("institution"),
            secret=protection_key(config, job.template),
            ledger=ledger,
            previous=before.get(job.template.id),
            previous_tape=tape.previous,
            effort=tape.effort,
            watch=watch,
        )


def _refuse_errors(prepared: Prepared) -> None:
    if has_errors(prepared.findings):
        first = next(finding for finding in prepared.findings if finding.severity == "error")
        raise CheckError(f"{prepared.cube.collection}: {first.sentence} Nothing was sealed.", rule=first.rule)


def _before(config: Config, jobs: Sequence[Job], period: str) -> dict[str, Cube]:
    """The accepted cubes of the period before, by collection."""
    found = {job.template.id: accepted_before(config, job.template, period) for job in jobs}
    return {id: cube for id, cube in found.items() if cube is not None}


def _parts(config: Config, jobs: Sequence[Job], tape: Tape, before: Mapping[str, Cube]) -> dict[str, Any]:
    """All that cubes depend on besides the tapes."""
    return {
        "institution": config.need("institution"),
        "period": tape.period,
        "effort": tape.effort,
        "jobs": [[job.round.id, _digest(read_whole(job.mapping)), job.template.source] for job in jobs],
        "before": {id: _digest(write_cube(cube)) for id, cube in before.items()},
    }


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
