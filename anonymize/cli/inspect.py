"""`concord inspect`: what a loan tape holds, before anybody maps it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from anonymize.cli.options import reading_options
from anonymize.cli.output import Output, command, table
from anonymize.profile import ColumnProfile, TapeProfile, profile
from anonymize.tape import open_tape
from anonymize.tapes.reading import Reading


@command(example="concord inspect loans-2026-10.csv")
@click.argument("tape")
@reading_options
def inspect(output: Output, tape: str, **reading: Any) -> None:
    """Show the rows, columns, kinds and ranges of a loan tape, and the direct identifiers in it.

    Nobody's name, key or number is printed. TAPE is a CSV, Parquet or Excel file, a folder, a glob in quotes, or a database
    (postgresql://..., duckdb://FILE).
    """
    with open_tape(tape, reading=Reading(**reading)) as opened:
        found = profile(opened)
    output.result(asdict(found), _text(found))


def _text(found: TapeProfile) -> str:
    lines = [f"{found.rows:,} rows, {len(found.columns)} columns.", ""]
    lines.append(table(["column", "kind", "filled", "different", "values"], [_row(each) for each in found.columns]))
    if found.identifiers:
        lines += ["", "Direct identifiers; a mapping that uses one of these columns is refused:"]
        lines += [
            f"  {each.column}: {each.label} (seen in {'its values' if each.evidence == 'values' else 'its name'})"
            for each in found.identifiers
        ]
    else:
        lines += ["", "No direct identifiers found."]
    if found.singling_out:
        lines += ["", "Columns that single out rows; loans cannot be broken down by them:"]
        lines += [f"  {each.column}: {each.label}" for each in found.singling_out]
    return "\n".join(lines)


def _row(column: ColumnProfile) -> list[str]:
    values = ", ".join(column.codes) if column.codes else " to ".join(column.range)
    shown = values if len(values) <= 60 else values[:57] + "..."
    return [column.name, column.kind, f"{column.filled:,}", f"{column.different:,}", shown]
