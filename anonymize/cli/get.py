"""`concord get`: a release as a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click

from anonymize.cli.options import chosen, config_option, where_option
from anonymize.cli.output import Output, command
from anonymize.client import Client
from anonymize.config import load_config
from anonymize.files import write_whole
from anonymize.package import PARQUET, XLSX

MEDIA_TYPES: Final[Mapping[str, str]] = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".parquet": PARQUET,
    ".xlsx": XLSX,
}


@command(example="concord get delinquency-2026-10-r1 -o benchmark.csv --where INDICATOR=DPD30_RATE")
@click.argument("release")
@click.option(
    "-o",
    "--output",
    "target",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file; it is replaced.",
)
@where_option
@config_option
def get(output: Output, release: str, target: Path, where: tuple[str, ...], config_file: Path | None) -> None:
    """Download a release's cells; the ending of the file chooses CSV, JSON, Parquet or Excel."""
    media_type = MEDIA_TYPES.get(target.suffix.lower())
    if media_type is None:
        raise click.BadParameter(f"the file must end in {', '.join(MEDIA_TYPES)}", param_hint="--output")
    with Client(load_config(config_file)) as client:
        content = client.cells(release, media_type, chosen(where))
    write_whole(target, content)
    document = {"file": str(target), "release": release, "bytes": len(content)}
    output.result(document, f"{release}: {len(content):,} bytes in {target}.")
