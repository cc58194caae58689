"""The cubes that the platform accepted, kept beside the configuration: next period's is compared with them."""

from __future__ import annotations

from anonymize.config import Config
from anonymize.cube import Cube, read_cube, write_cube
from anonymize.errors import ConcordError
from anonymize.files import write_whole
from anonymize.periods import before
from anonymize.template import Template


def keep_accepted(config: Config, cube: Cube) -> None:
    """Keeps the cube; a later one of the same period takes its place."""
    write_whole(config.kept("accepted", f"{cube.collection}.{cube.period}", ".parquet"), write_cube(cube))


def accepted_before(config: Config, template: Template, period: str) -> Cube | None:
    """The institution's accepted cube of the period before, or None where none fits the template of today."""
    path = config.kept("accepted", f"{template.id}.{before(period)}", ".parquet")
    if not path.exists():
        return None
    try:
        return read_cube(path, template, period=before(period), institution=config.institution or None)
    except ConcordError:
        return None  # of another version, or damaged: plausibility is then judged without it
