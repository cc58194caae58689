"""`concord compare`: the own figures against the benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from anonymize.cli.options import chosen, config_option, where_option
from anonymize.cli.output import Output, command, table
from anonymize.client import Client
from anonymize.config import load_config
from anonymize.template import TOTAL

_BEFORE: Final = ("TIME_PERIOD", "INDICATOR", "PEER_GROUP")
_FIGURES: Final = ("OWN", "BAND", "TO_MEDIAN", "TO_POOLED", "PERCENTILE_FROM", "PERCENTILE_TO")


@command(example="concord compare delinquency-2026-10-r1 --where PEER_GROUP=ALL --where PRODUCT=CAR")
@click.argument("release")
@where_option
@config_option
def compare(output: Output, release: str, where: tuple[str, ...], config_file: Path | None) -> None:
    """Show where your institution stands in a release: the totals, or the cells that --where names.

    What the release withholds is a dash; your own figure is shown all the same.
    """
    wanted = chosen(where)
    with Client(load_config(config_file)) as client:
        statement = client.statement(release, wanted)
    rows = [row for row in statement["results"] if wanted or is_total(row)]
    document = {**statement, "results": rows}
    output.result(document, as_text(rows) if rows else "You have no figures there.")


def _dimensions(row: Mapping[str, Any]) -> list[str]:
    return [name for name in row if name not in (*_BEFORE, *_FIGURES)]


def is_total(row: Mapping[str, Any]) -> bool:
    """Whether a row is of everything, not of a product or a region."""
    return all(row[name] == TOTAL for name in _dimensions(row))


def as_text(rows: list[dict[str, Any]]) -> str:
    """A table of own figures; rows of one collection, at least one."""
    codes = ["INDICATOR", "PEER_GROUP", *_dimensions(rows[0])]
    lines = [
        [
            *(row[name] for name in codes),
            f"{row['OWN']:.2%}",
            row["BAND"] or "-",
            _percentiles(row),
            *map(_points, _distances(row)),
        ]
        for row in rows
    ]
    return table([*codes, "own", "band", "percentiles", "to median", "to pooled"], lines)


def _distances(row: Mapping[str, Any]) -> tuple[float | None, float | None]:
    return row["TO_MEDIAN"], row["TO_POOLED"]


def _percentiles(row: Mapping[str, Any]) -> str:
    """The published percentiles on either side; a platform of an earlier version sends none."""
    low, high = row.get("PERCENTILE_FROM"), row.get("PERCENTILE_TO")
    return "-" if low is None else f"{low}-{high}"


def _points(distance: float | None) -> str:
    """In percentage points, with its sign."""
    return "-" if distance is None else f"{100 * distance:+.2f}"
