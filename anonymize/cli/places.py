"""What `-o`, `--report` and `--previous` may name; wrong use is told before any work is done."""

from __future__ import annotations

from pathlib import Path

import click

from anonymize.cube import Cube, read_cube
from anonymize.errors import CheckError
from anonymize.template import Template


def check_ending(option: str, path: Path, *endings: str) -> None:
    """Wrong use when a file's name would promise what it does not hold."""
    if path.suffix.lower() not in endings:
        raise click.BadParameter(f"the file must end in {' or '.join(endings)}", param_hint=option)


def cube_before(path: Path, template: Template, period: str, institution: str | None = None) -> Cube:
    """The cube of an earlier period; CheckError names the file when it is anything else."""
    try:
        cube = read_cube(path, template, institution=institution)
    except CheckError as wrong:
        raise CheckError(f"--previous {path}: {wrong.sentence}", rule=wrong.rule) from wrong
    if cube.period >= period:
        raise CheckError(
            f"--previous {path} is a cube of {cube.period}, which is not before {period}. Name last period's cube.",
            rule="wrong-period",
        )
    return cube
