"""`concord seal`: a cube becomes a package. Works without a connection when the round was saved before."""

from __future__ import annotations

from pathlib import Path

import click

from anonymize.cli.options import config_option
from anonymize.cli.output import Output, command
from anonymize.client import Client
from anonymize.config import Config, load_config
from anonymize.cube import SUFFIXES, read_cube
from anonymize.errors import PackageError, TemplateError
from anonymize.files import read_whole, write_whole
from anonymize.package import package_digest
from anonymize.pinned import keep_round, pinned_template
from anonymize.rounds import Round, read_round_file
from anonymize.sending import seal_for


@command(example="concord seal cube.parquet --round delinquency-2026-10 -o cube.sealed")
@click.argument("cube", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--round", "round_name", required=True, help="The round's id, or a saved round file.")
@click.option(
    "-o",
    "--output",
    "target",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The sealed package.",
)
@config_option
def seal(output: Output, cube: Path, round_name: str, target: Path, config_file: Path | None) -> None:
    """Seal a cube for a round and sign it. The cube must be of the round's collection, period and your institution."""
    config = load_config(config_file)
    round_ = _round(config, round_name)
    media_type = SUFFIXES.get(cube.suffix.lower())
    if media_type is None:
        raise PackageError(
            "A cube is a .parquet, .csv or .xlsx file. Nothing was sealed.", rule="unsupported-media-type"
        )
    _check_fits(cube, round_, config)
    package = seal_for(round_, read_whole(cube), media_type, config)
    write_whole(target, package)
    digest = package_digest(package)
    output.result(
        {"file": str(target), "round": round_.id, "sha256": digest, "bytes": len(package)},
        f"Sealed for {round_.id}: {target}, {len(package):,} bytes, SHA-256 {digest}.",
    )


def _round(config: Config, name: str) -> Round:
    """The round of a file, of an earlier fetch, or of the server, in this order."""
    if Path(name).suffix == ".json":
        return read_round_file(Path(name))
    kept = config.kept("rounds", name, ".json")
    if kept.exists():
        return read_round_file(kept)
    with Client(config) as client:
        round_ = client.round(name)
    keep_round(config, round_)
    return round_


def _check_fits(cube: Path, round_: Round, config: Config) -> None:
    template = pinned_template(config, round_.collection)
    if template.version != round_.template_version:
        raise TemplateError(
            f"Round {round_.id} asks for version {round_.template_version} of {round_.collection}; you have "
            f"{template.version}. Run: concord template get {round_.collection}. Nothing was sealed."
        )
    read_cube(cube, template, period=round_.period, institution=config.need("institution"))
