"""`concord releases`: what has been published."""

from __future__ import annotations

from pathlib import Path

import click

from anonymize.cli.options import config_option
from anonymize.cli.output import Output, command, table
from anonymize.client import Client
from anonymize.config import load_config


@command(example="concord releases --collection delinquency")
@click.option("--collection", help="Only releases of this collection.")
@config_option
def releases(output: Output, collection: str | None, config_file: Path | None) -> None:
    """List the published releases that you may see."""
    with Client(load_config(config_file)) as client:
        found = client.releases(collection)
    rows = [tuple(each.get(name, "") for name in _COLUMNS) for each in found]
    output.result({"releases": found}, table(_COLUMNS, rows) if rows else "Nothing is published yet.")


_COLUMNS = ("id", "collection", "period", "state", "published_at")
