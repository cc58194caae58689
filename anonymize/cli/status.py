"""`concord status`: what is due and what became of what was sent."""

from __future__ import annotations

from pathlib import Path

import click

from anonymize.cli.options import config_option
from anonymize.cli.output import Output, command, table
from anonymize.client import Client
from anonymize.config import load_config


@command(example="concord status --round delinquency-2026-10")
@click.option("--round", "round_id", help="Only this round.")
@config_option
def status(output: Output, round_id: str | None, config_file: Path | None) -> None:
    """Show open rounds with their due dates, and your submissions."""
    config = load_config(config_file)
    with Client(config) as client:
        rounds = [client.round(round_id)] if round_id else client.rounds(state="open")
        submissions = client.submissions(round_id)
    due = [(each.id, each.period, each.state, each.due_at) for each in rounds]
    sent = [tuple(each.get(name, "") for name in _COLUMNS) for each in submissions]
    output.result(
        {"rounds": [each.document for each in rounds], "submissions": submissions},
        "\n\n".join(
            [
                table(("round", "period", "state", "due"), due) if due else "No round is open.",
                table(_COLUMNS, sent) if sent else "Nothing was sent.",
            ]
        ),
    )


_COLUMNS = ("round", "version", "state", "received_at", "findings_count", "id")
