"""`concord check`: what the server will find in a cube, before anything leaves."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from anonymize.checks import check_cube, has_errors
from anonymize.cli.findings import listed
from anonymize.cli.options import collection_option, config_option
from anonymize.cli.output import Output, command, styled
from anonymize.cli.places import cube_before
from anonymize.config import load_config
from anonymize.cube import read_cube
from anonymize.pinned import pinned_template


@command(example="concord check cube.parquet --previous cube-2026-09.parquet")
@click.argument("cube", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@collection_option
@click.option("--period", help="The period that the cube must be of.")
@click.option("--previous", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Last period's cube.")
@config_option
def check(
    output: Output, cube: Path, collection: str, period: str | None, previous: Path | None, config_file: Path | None
) -> None:
    """Check a cube's structure, codes, arithmetic, protection and plausibility. Exit code 1 when it has errors."""
    template = pinned_template(load_config(config_file), collection)
    checked = read_cube(cube, template, period=period)
    before = None if previous is None else cube_before(previous, template, checked.period)
    findings = check_cube(checked, template, before)
    wrong = has_errors(findings)
    verdict = styled("Not ready", "error") if wrong else styled("Ready", "good")
    output.result(
        {
            "cube": str(cube),
            "period": checked.period,
            "accepted": not wrong,
            "findings": [asdict(each) for each in findings],
        },
        "\n".join([*listed(findings), f"{cube}, {checked.collection} {checked.period}: {verdict} to be sealed."]),
    )
    if wrong:
        raise click.exceptions.Exit(1)
