"""`concord push`: the whole way from loan tape to accepted submission, for cron. Running it twice sends once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from anonymize.accepted import keep_accepted
from anonymize.cli.options import (
    Duration,
    collections_option,
    config_option,
    correction_options,
    dry_run_option,
    effort_option,
    previous_tape_option,
)
from anonymize.cli.output import Output, command
from anonymize.cli.push_result import Outcome, tell, tell_nothing_to_do
from anonymize.client import Client, Patience
from anonymize.config import Config, load_config
from anonymize.cube import PARQUET, read_cube
from anonymize.ending import what_ends_soon
from anonymize.errors import ConcordError, ServerError
from anonymize.pinned import template_for
from anonymize.pushing import Job, Tape, ready_cubes, rehearsed_cubes, report_file
from anonymize.remembered import Ready
from anonymize.rounds import Round
from anonymize.sending import Manner, only_run, push_alone
from anonymize.tapes.database import shown_place
from anonymize.template import parse

COUNTED = frozenset({"accepted", "awaiting_approval"})


@command(example="concord push loans-2026-10.parquet --map map.toml --period 2026-10")
@click.argument("tape")
@click.option(
    "--map",
    "mappings",
    required=True,
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="How the tape becomes the collection's cells. One for each --collection, in the same order.",
)
@click.option("--period", required=True, help="The reference period, such as 2026-10.")
@collections_option
@previous_tape_option
@effort_option
@dry_run_option
@click.option("--trial", is_flag=True, help="Have it checked only: a trial never counts and may be repeated.")
@correction_options
@click.option(
    "--wait/--no-wait", "waits", default=True, help="Wait until the platform has decided, or for the receipt."
)
@click.option(
    "--if-open", is_flag=True, help="End at once, without a word, when no round is open yet or it was accepted before."
)
@click.option(
    "--give-up-after",
    type=Duration(),
    help="Try again for so long (30m, 2h) when the platform cannot be reached, and wait so long for its decision.",
)
@config_option
def push(
    output: Output,
    tape: str,
    mappings: tuple[Path, ...],
    period: str,
    collections: tuple[str, ...],
    previous_tape: str | None,
    effort: float,
    dry_run: bool,
    trial: bool,
    reason: str | None,
    note: str,
    waits: bool,
    if_open: bool,
    give_up_after: float | None,
    config_file: Path | None,
) -> None:
    """Aggregate, protect, check, seal and submit a loan tape, and wait for the answer.

    Safe to run twice, at once, and after it was ended anywhere: the same figures are the same submission. The privacy
    report is kept in reports/. TAPE is a CSV, Parquet or Excel file, a folder, a glob in quotes, or a database
    (postgresql://..., duckdb://FILE).
    """
    if len(mappings) != len(set(collections)):
        raise click.UsageError("Give one --map for each --collection, in the same order.")
    config = load_config(config_file)
    loans = Tape(tape, period, previous_tape, effort)
    with Client(config, patience=Patience(give_up_after=give_up_after)) as client, ExitStack() as locks:
        rounds = _rounds(client, collections, period, if_open=if_open)
        if rounds is None:
            tell_nothing_to_do(output, "no-round-open")
            return
        for id in sorted(round_.id for round_ in rounds):
            locks.enter_context(only_run(config, id))
        if if_open and all(_is_counted(client, round_) for round_ in rounds):
            tell_nothing_to_do(output, "accepted-before")
            return
        jobs = [
            Job(round_, mapping, template_for(config, client, round_))
            for round_, mapping in zip(rounds, mappings, strict=True)
        ]
        output.say(f"Aggregating {shown_place(tape)} for {' and '.join(job.round.id for job in jobs)}.")
        if dry_run:
            tell(output, _rehearse(output, config, jobs, loans))
            return
        outcomes = _push(output, client, config, jobs, loans, Manner(trial, waits, reason or "", note))
        tell(output, outcomes, what_ends_soon(config, client))


def _rounds(client: Client, collections: Sequence[str], period: str, *, if_open: bool) -> list[Round] | None:
    """The round of each collection; None, where that is no error, as long as one of them is not open yet."""
    found = [_round(client.rounds(each, period), period) for each in collections]
    if if_open and any(each is None or each.state == "planned" for each in found):
        for collection in collections:
            # Silence over a mistyped collection or period would last until the round is over.
            parse(client.template(collection)).check_period(period)
        return None
    for collection, round_ in zip(collections, found, strict=True):
        if round_ is None:
            raise ServerError(
                f"There is no round of {collection} for {period} yet. Nothing was sent.", rule="no-round", status=404
            )
    return [each for each in found if each is not None]


def _round(rounds: Sequence[Round], period: str) -> Round | None:
    return next((each for each in rounds if each.period == period), None)


def _is_counted(client: Client, round_: Round) -> bool:
    """Whether the platform has a submission that counts or waits for its approver, whoever sent it."""
    return any(each["state"] in COUNTED and not each.get("is_trial") for each in client.submissions(round_.id))


def _rehearse(output: Output, config: Config, jobs: Sequence[Job], loans: Tape) -> list[Outcome]:
    began = time.monotonic()
    with output.watching() as watch:
        prepared = rehearsed_cubes(config, jobs, loans, watch)
    seconds = {"prepare": time.monotonic() - began}
    _say_reports(output, config, jobs)
    return [Outcome(job.round, Ready.of(prepared[job.round.id], b""), is_trial=False, seconds=seconds) for job in jobs]


def _push(
    output: Output, client: Client, config: Config, jobs: Sequence[Job], loans: Tape, manner: Manner
) -> list[Outcome]:
    began = time.monotonic()
    with output.watching() as watch:
        cubes = ready_cubes(config, jobs, loans, watch)
    seconds = time.monotonic() - began
    if any(each.is_remembered for each in cubes.values()):
        output.say("Nothing has changed since the last run made its cube; going on with that one.")
    else:
        _say_reports(output, config, jobs)
    return [_send(output, client, config, job, cubes[job.round.id], manner, seconds) for job in jobs]


def _send(
    output: Output, client: Client, config: Config, job: Job, cube: Ready, manner: Manner, prepared: float
) -> Outcome:
    """One cube's delivery. Its failure is told and does not keep the cubes beside it from being sent."""
    seconds = {"prepare": prepared}
    try:
        delivery = push_alone(client, config, job.round, cube.content, PARQUET, output.say, manner)
    except ConcordError as error:
        return Outcome(job.round, cube, manner.is_trial, seconds, error=error)
    if delivery.is_accepted and not manner.is_trial:
        keep_accepted(config, read_cube(cube.content, job.template))
    return Outcome(job.round, cube, manner.is_trial, {**seconds, **delivery.seconds}, delivery)


def _say_reports(output: Output, config: Config, jobs: Sequence[Job]) -> None:
    for job in jobs:
        output.say(f"Privacy report kept in {report_file(config, job.round.id)}.")
