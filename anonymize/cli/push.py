"""`concord push`: the whole way from loan tape to accepted submission, for cron. Running it twice sends once."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import click

from anonymize.accepted import accepted_before, keep_accepted
from anonymize.checks import has_errors
from anonymize.cli.delivery import tell
from anonymize.cli.options import collection_option, config_option, dry_run_option, effort_option, previous_tape_option
from anonymize.cli.output import Output, command
from anonymize.client import Client
from anonymize.config import load_config
from anonymize.cube import PARQUET, write_cube
from anonymize.errors import CheckError, ServerError
from anonymize.files import write_whole
from anonymize.ledger import ledger_for, rehearsed
from anonymize.pinned import template_for
from anonymize.pipeline import Prepared, prepare
from anonymize.protection_key import protection_key
from anonymize.rounds import Round
from anonymize.sending import push as push_cube
from anonymize.tapes.database import shown_place


@command(example="concord push loans-2026-10.parquet --map map.toml --period 2026-10")
@click.argument("tape")
@click.option(
    "--map",
    "mapping",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="How the tape becomes the collection's cells.",
)
@click.option("--period", required=True, help="The reference period, such as 2026-10.")
@collection_option
@previous_tape_option
@effort_option
@dry_run_option
@config_option
def push(
    output: Output,
    tape: str,
    mapping: Path,
    period: str,
    collection: str,
    previous_tape: str | None,
    dry_run: bool,
    effort: float,
    config_file: Path | None,
) -> None:
    """Aggregate, protect, check, seal and submit a loan tape, and wait for the answer.

    Safe to run twice: the same figures are the same submission. The privacy report is kept in reports/. TAPE is a CSV,
    Parquet or Excel file, a folder, a glob in quotes, or a database (postgresql://..., duckdb://FILE).
    """
    config = load_config(config_file)
    with Client(config) as client:
        round_ = _round(client.rounds(collection, period), collection, period)
        template = template_for(config, client, round_)
        output.say(f"Aggregating {shown_place(tape)} for {round_.id}.")
        book = ledger_for(config, template)
        with output.watching() as watch, rehearsed(book) if dry_run else nullcontext(book) as ledger:
            prepared = prepare(
                tape,
                mapping,
                template,
                period,
                config.need("institution"),
                secret=protection_key(config, template),
                ledger=ledger,
                previous=accepted_before(config, template, period),
                previous_tape=previous_tape,
                effort=effort,
                watch=watch,
            )
        report = config.kept("reports", round_.id, ".html")
        write_whole(report, prepared.report_html.encode())
        output.say(f"Privacy report kept in {report}.")
        if has_errors(prepared.findings):
            first = next(finding for finding in prepared.findings if finding.severity == "error")
            raise CheckError(f"{first.sentence} Nothing was sealed.", rule=first.rule)
        if dry_run:
            _tell_dry(output, prepared, round_)
            return
        delivery = push_cube(client, config, round_, write_cube(prepared.cube), PARQUET, output.say)
    if delivery.is_accepted:
        keep_accepted(config, prepared.cube)
    tell(output, delivery)


def _tell_dry(output: Output, prepared: Prepared, round_: Round) -> None:
    summary = prepared.cells_summary
    output.result(
        {"round": round_.id, "state": None, "summary": summary.to_dict()},
        f"{summary.cells:,} cells, {summary.withheld:,} of them withheld, are ready for {round_.id}. Nothing was sent.",
    )


def _round(rounds: list[Round], collection: str, period: str) -> Round:
    for round_ in rounds:
        if round_.period == period:
            return round_
    raise ServerError(
        f"There is no round of {collection} for {period} yet. Nothing was sent.", rule="no-round", status=404
    )
