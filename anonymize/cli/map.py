"""`concord map`: a first mapping file for a tape, for a person to check."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any

import click

from anonymize.cli.options import config_option, reading_options
from anonymize.cli.output import Output, command, table
from anonymize.config import load_config
from anonymize.errors import ConfigError
from anonymize.files import write_whole
from anonymize.mappings.proposal import Proposal, propose
from anonymize.mappings.proposal_file import written
from anonymize.pinned import pinned_template
from anonymize.tape import open_tape
from anonymize.tapes.reading import Reading


@command(example="concord map loans-2026-10.csv --collection delinquency -o map.toml")
@click.argument("tape", required=False)
@click.option(
    "--collection",
    "--template",
    "collection",
    default="delinquency",
    show_default=True,
    help="The collection to map to.",
)
@reading_options
@click.option("-o", "--output", "target", type=click.Path(path_type=Path, dir_okay=False), help="Else standard output.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the mapping file and do nothing else.")
@config_option
def map(
    output: Output,
    tape: str | None,
    collection: str,
    target: Path | None,
    schema: bool,
    config_file: Path | None,
    **given: Any,
) -> None:
    """Propose a mapping file from the names and values of a tape's columns.

    Every line says how sure it is and why. Nobody's name, key or number is printed. TAPE is a CSV, Parquet or Excel file, a
    folder, a glob in quotes, or a database (postgresql://..., duckdb://FILE).
    """
    if schema:
        document = json.loads((resources.files("anonymize") / "mapping.schema.json").read_text(encoding="utf-8"))
        output.result(document, json.dumps(document, ensure_ascii=False, indent=2))
        return
    if tape is None:
        raise ConfigError("Name the tape that is to be mapped, or ask for --schema.", rule="usage")
    if target is not None and target.exists():
        raise ConfigError(
            f"{target} is there already. Name another file, so that nobody's mapping is lost.", rule="usage"
        )
    template = pinned_template(load_config(config_file), collection)
    reading = Reading(**given)
    with open_tape(tape, reading=reading) as opened:
        proposal = propose(opened, template)
    text = written(proposal, reading)
    if target is not None:
        write_whole(target, text.encode())
    output.result(_document(proposal, target), text if target is None else _summary(proposal, target))


def _document(proposal: Proposal, target: Path | None) -> dict[str, object]:
    return {**asdict(proposal), "missing": proposal.missing, "written": None if target is None else str(target)}


def _summary(proposal: Proposal, target: Path) -> str:
    rows = [[each.table, each.column or each.sql or "-", each.confidence, each.why] for each in proposal.guesses]
    lines = [table(["table", "from", "confidence", "why"], rows), "", f"Written to {target}. Check every line."]
    if proposal.missing:
        lines.append(f"Still to be chosen: {', '.join(proposal.missing)}.")
    return "\n".join(lines)
