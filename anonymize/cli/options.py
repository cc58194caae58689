"""Options that several commands share."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import click

from anonymize.config import find_file

config_option: Callable[[Any], Any] = click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Configuration file; else CONCORD_CONFIG, ./concord.toml or ~/.config/concord/concord.toml.",
)


def _collections(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The collections that a shell completes: shipped ones and those pinned beside the configuration."""
    from anonymize.template import shipped  # not before a shell asks: `--help` imports nothing heavy

    pinned = {path.stem for path in (find_file().parent / "templates").glob("*.json")}
    return sorted(each for each in pinned | set(shipped()) if each.startswith(incomplete))


collection_option: Callable[[Any], Any] = click.option(
    "--collection",
    default="delinquency",
    show_default=True,
    shell_complete=_collections,
    help="The collection that is asked for.",
)

collections_option: Callable[[Any], Any] = click.option(
    "--collection",
    "collections",
    multiple=True,
    default=("delinquency",),
    show_default=True,
    shell_complete=_collections,
    help="Several, each with its own --map, are protected together.",
)

dry_run_option: Callable[[Any], Any] = click.option(
    "--dry-run", is_flag=True, help="Do everything but write or send; say what would be."
)

previous_tape_option: Callable[[Any], Any] = click.option(
    "--previous-tape", help="Last period's tape, for a mapping with [previous]: a file, a folder, a glob or a database."
)


class _Effort(click.FloatRange):
    """A number of the range; NaN compares with nothing and would pass."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value} is not a number.", param, ctx)
        return number


effort_option: Callable[[Any], Any] = click.option(
    "--effort",
    type=_Effort(0, 10),
    default=1.0,
    show_default=True,
    help="How long to look for a pattern that withholds less; every one is as safe. 0 is quick.",
)


REASONS: Final = ("source-data", "mapping", "classification", "method", "query", "other")


def correction_options(function: Any) -> Any:
    """Why a version that counted is replaced; needed once figures of the round are published."""
    note = click.option("--note", default="", help="The same in words; needed with --reason other.")
    reason = click.option("--reason", type=click.Choice(REASONS), help="Why this corrects what was accepted before.")
    return reason(note(function))


class Duration(click.ParamType[float]):
    """Seconds, from a number and its unit: 90s, 30m, 2h."""

    name = "DURATION"
    _form = re.compile(r"([0-9]{1,6})([smh])")
    _units: Mapping[str, int] = {"s": 1, "m": 60, "h": 3600}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = self._form.fullmatch(str(value))
        if found is None:
            self.fail(f"{value} is no duration such as 90s, 30m or 2h.", param, ctx)
        return float(int(found[1]) * self._units[found[2]])


_READING: tuple[tuple[str, Any, str], ...] = (
    ("--encoding", str, "Of a text file, such as gb18030; found by looking when absent."),
    ("--delimiter", str, "Of a text file; found by looking when absent."),
    ("--sheet", str, "Of a workbook; the first that is shown when absent."),
    (
        "--header-row",
        click.IntRange(min=1),
        "Of a workbook: the row with the column names; found by looking when absent.",
    ),
    ("--table", str, "Of a database, such as core.loans."),
    ("--query", str, "Of a database, instead of --table: one SELECT statement."),
)


def reading_options(function: Any) -> Any:
    """How a tape is read where there is no mapping file yet; the names are those under `[tape]`."""
    for name, kind, text in reversed(_READING):
        function = click.option(name, type=kind, help=text)(function)
    return function


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
