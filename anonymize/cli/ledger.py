"""`concord ledger`: what privacy has cost so far, and what is left of the year's budget."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from anonymize.cli.options import config_option
from anonymize.cli.output import Output, command, table
from anonymize.config import load_config
from anonymize.ledger import Entry, Ledger, composed, ledger_of


@command(example="concord ledger --year 2026")
@click.option("--year", help="Only reference periods of this year.")
@config_option
def ledger(output: Output, year: str | None, config_file: Path | None) -> None:
    """Show what cubes with noise have cost in privacy. The ledger is checked for lines changed or lost."""
    book = ledger_of(load_config(config_file))
    entries = [each for each in book.entries() if year in (None, each.year)]
    sums = _sums(book, entries)
    output.result({"entries": [vars(each) for each in entries], "years": sums}, _text(entries, sums))


def _sums(book: Ledger, entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """What each collection cost in each year."""

    def by(entry: Entry) -> tuple[str, str]:
        return entry.year, entry.collection

    found = []
    for (year, collection), group in groupby(sorted(entries, key=by), by):
        cost = composed(list(group))
        found.append(
            {
                "year": year,
                "collection": collection,
                "epsilon": cost.epsilon,
                "delta": cost.delta,
                "left": max(0.0, book.epsilon_per_year - cost.epsilon),
            }
        )
    return found


def _text(entries: Sequence[Entry], sums: Sequence[dict[str, Any]]) -> str:
    if not entries:
        return "No cube with noise was made."
    lines = table(
        ("line", "at", "collection", "period", "mechanism", "epsilon", "delta"),
        (
            (
                each.number,
                each.at,
                each.collection,
                each.period,
                each.mechanism,
                f"{each.epsilon:.4g}",
                f"{each.delta:g}",
            )
            for each in entries
        ),
    )
    totals = table(
        ("year", "collection", "epsilon", "delta", "left"),
        (
            (each["year"], each["collection"], f"{each['epsilon']:.4g}", f"{each['delta']:g}", f"{each['left']:.4g}")
            for each in sums
        ),
    )
    return f"{lines}\n\n{totals}"
