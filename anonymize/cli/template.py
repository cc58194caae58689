"""`concord template`: what a collection asks for, fetched and pinned, or exchanged with others as SDMX structures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import click

from anonymize.cli.options import config_option
from anonymize.cli.output import Output, command
from anonymize.client import Client
from anonymize.config import load_config
from anonymize.files import write_whole
from anonymize.pinned import keep_round, pin_template, pinned_template
from anonymize.template import Template


@click.group()
def template() -> None:
    """Fetch and pin a collection's template; exchange templates as SDMX structures."""


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


@command(name="export", example="concord template export delinquency --format sdmx-ml -o delinquency.xml")
@click.argument("collection")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["sdmx-ml", "sdmx-json", "json"]),
    default="sdmx-ml",
    show_default=True,
    help="SDMX-ML 3.0, SDMX-JSON 2.0, or the template's own JSON.",
)
@click.option(
    "-o",
    "--output",
    "target",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file; it is replaced.",
)
@config_option
def export(
    output: Output,
    collection: str,
    format_: Literal["sdmx-ml", "sdmx-json", "json"],
    target: Path,
    config_file: Path | None,
) -> None:
    """Write the pinned or shipped template of a collection, as SDMX structures for instance."""
    exported = pinned_template(load_config(config_file), collection)
    write_whole(target, _content(exported, format_))
    output.result(
        {"collection": exported.id, "version": exported.version, "format": format_, "file": str(target)},
        f"{exported.id} {exported.version} is written to {target}.",
    )


@command(name="import", example="concord template import structures.xml -o template.json")
@click.argument("source", metavar="FILE", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--structure", help="The id of the data structure, where the message has several.")
@click.option(
    "-o",
    "--output",
    "target",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The template; it is replaced.",
)
def import_(output: Output, source: Path, structure: str | None, target: Path) -> None:
    """Make a template of a data structure in an SDMX message, and say what a person must complete in it."""
    from anonymize.sdmx_import import from_structures  # the extra's packages load for this command only

    imported = from_structures(source, structure)
    write_whole(target, _content(imported.template, "json"))
    made = imported.template
    output.result(
        {"collection": made.id, "version": made.version, "file": str(target), "to_complete": imported.to_complete},
        "\n".join(
            [f"{made.id} {made.version} is written to {target}.", *(f"- {each}" for each in imported.to_complete)]
        ),
    )


def _content(template: Template, format_: Literal["sdmx-ml", "sdmx-json", "json"]) -> bytes:
    if format_ == "json":
        return json.dumps(template.source, ensure_ascii=False, indent=2).encode() + b"\n"
    from anonymize.sdmx import write_structures

    return write_structures(template, format_)


template.add_command(get)
template.add_command(export)
template.add_command(import_)
