"""`concord template get`: what a collection asks for, pinned for later work without a connection."""

from __future__ import annotations

from pathlib import Path

import click

from anonymize.cli.options import config_option
from anonymize.cli.output import Output, command
from anonymize.client import Client
from anonymize.config import load_config
from anonymize.pinned import keep_round, pin_template


@click.group()
def template() -> None:
    """Fetch and pin a collection's template."""


@command(example="concord template get delinquency")
@click.argument("collection")
@config_option
def get(output: Output, collection: str, config_file: Path | None) -> None:
    """Fetch a collection's template and its open rounds, and keep both beside the configuration."""
    config = load_config(config_file)
    with Client(config) as client:
        pinned = pin_template(config, client, collection)
        rounds = client.rounds(collection, state="open")
    for round_ in rounds:
        keep_round(config, round_)
    ids = [round_.id for round_ in rounds]
    output.result(
        {"collection": pinned.id, "version": pinned.version, "rounds": ids},
        f"{pinned.id} {pinned.version} is pinned. Open rounds: {', '.join(ids) or 'none'}.",
    )


template.add_command(get)
