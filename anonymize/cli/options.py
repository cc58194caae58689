"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

config_option: Callable[[Any], Any] = click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Configuration file; else CONCORD_CONFIG, ./concord.toml or ~/.config/concord/concord.toml.",
)

where_option: Callable[[Any], Any] = click.option(
    "--where", multiple=True, metavar="NAME=CODE", help="Only these cells; may be repeated, also for more codes of one."
)


def chosen(where: Iterable[str]) -> dict[str, list[str]]:
    """The codes by name that `--where` was given; wrong use when one is not NAME=CODE."""
    codes: dict[str, list[str]] = {}
    for each in where:
        name, equals, code = each.partition("=")
        if not (name and equals):
            raise click.BadParameter("must be NAME=CODE", param_hint="--where")
        codes.setdefault(name, []).append(code)
    return codes
