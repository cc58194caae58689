"""The progress board as a file for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime

from sharing.board import Standing

COLUMNS = ("code", "name", "state", "since", "timeliness", "due", "extended", "last_period", "reminded")
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def csv_of(standings: Iterable[Standing]) -> str:
    """UTF-8 with a mark at the start, as spreadsheets expect; the states as the API words them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows(_row(standing) for standing in standings)
    return "\ufeff" + text.getvalue()


def _row(standing: Standing) -> list[str]:
    return [
        standing.code,
        _harmless(str(standing)),
        standing.state,
        _moment(standing.at),
        standing.timeliness,
        _moment(standing.deadline),
        "yes" if standing.is_extended else "",
        standing.last_timeliness,
        _moment(standing.reminded_at),
    ]


def _moment(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else ""


def _harmless(text: str) -> str:
    """A name that a spreadsheet would compute is kept from it."""
    return f"'{text}" if text.startswith(_FORMULAS) else text
