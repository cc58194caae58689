"""A panel of call reports as cubes: one for each institution, with all margins.

The panel is a folder with `institutions.parquet` (institution_id, institution_name, state, peer_group 1 to 6 by
assets), `balances_by_product.parquet` (balance and count outstanding) and `delinquency_60plus.parquet` (balance and
count 60 days or more past due, possibly in several lines a product). A product without a line is zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from anonymize.cube import CONF_STATUS, FREE, NORMAL, OBS_STATUS, TIME_PERIOD, cube_of, write_cube
from anonymize.template import Template

PERIOD = "2025-Q4"
_TABLES = ("institutions", "balances_by_product", "delinquency_60plus")

# LT060 is what is outstanding less what is 60 days past due; GROUPING SETS make the margins of both dimensions.
_CELLS = """
WITH late AS (
    SELECT institution_id, product, sum(delq_60plus_balance) AS balance, sum(delq_60plus_count) AS loans
    FROM delinquency_60plus GROUP BY ALL
), outstanding AS (
    SELECT institution_id, product, sum(balance) AS balance, sum(count) AS loans FROM balances_by_product GROUP BY ALL
), leaves AS (
    SELECT institution_id, upper(product) AS product, 'D060P' AS bucket, loans, balance FROM late
    UNION ALL
    SELECT institution_id, upper(product), 'LT060',
           coalesce(o.loans, 0) - coalesce(l.loans, 0), coalesce(o.balance, 0) - coalesce(l.balance, 0)
    FROM outstanding o FULL JOIN late l USING (institution_id, product)
    UNION ALL
    SELECT institution_id, NULL, NULL, 0, 0 FROM institutions  -- one that lends nothing still reports its zero total
)
SELECT institution_id, coalesce(product, '_T') AS "PRODUCT", coalesce(bucket, '_T') AS "DPD_BUCKET",
       sum(loans)::BIGINT AS "LOANS", sum(balance)::DOUBLE AS "BALANCE"
FROM leaves
GROUP BY GROUPING SETS ((institution_id, product, bucket), (institution_id, product), (institution_id, bucket),
                        (institution_id))
HAVING (grouping(product) = 1 OR product IS NOT NULL) AND (grouping(bucket) = 1 OR bucket IS NOT NULL)
ORDER BY institution_id, "PRODUCT", "DPD_BUCKET"
"""


class PanelError(Exception):
    """The folder is no panel; the text names what is missing."""


@dataclass(frozen=True)
class Reporter:
    """An institution of the panel; `size` is 1 to 6, smallest first."""

    code: str
    name: str
    state: str
    size: int


@dataclass(frozen=True)
class Panel:
    """`cells` has the rows of all cubes, by institution."""

    reporters: tuple[Reporter, ...]
    cells: pa.Table

    def cubes(self, template: Template) -> Iterator[tuple[str, bytes]]:
        """Each institution's code and its cube as Parquet."""
        ids = self.cells.column("institution_id").to_numpy()
        starts = np.flatnonzero(np.diff(ids, prepend=-1))
        ends = np.append(starts[1:], len(ids))
        body = self.cells.drop_columns(["institution_id"])
        for start, end in zip(starts, ends, strict=True):
            code = code_of(int(ids[start]))
            cube = cube_of(body.slice(start, end - start), template, institution=code, period=PERIOD)
            yield code, write_cube(cube)


def read_panel(folder: Path) -> Panel:
    """The panel in a folder; PanelError when a table is missing or cannot be read."""
    with duckdb.connect() as database:
        try:
            for table in _TABLES:
                database.read_parquet(str(folder / f"{table}.parquet")).create_view(table)
            rows = database.execute(
                "SELECT institution_id, institution_name, state, peer_group FROM institutions ORDER BY institution_id"
            ).fetchall()
            cells = database.sql(_CELLS).to_arrow_table()
        except duckdb.Error as wrong:
            raise PanelError(f"{folder} is no panel of call reports: {wrong}") from wrong
    reporters = tuple(Reporter(code_of(id), name, state, size) for id, name, state, size in rows)
    return Panel(reporters, _with_constants(cells))


def code_of(institution_id: int) -> str:
    return f"CU{institution_id:05}"


def _with_constants(cells: pa.Table) -> pa.Table:
    for name, value in ((TIME_PERIOD, PERIOD), (OBS_STATUS, NORMAL), (CONF_STATUS, FREE)):
        cells = cells.append_column(name, pa.repeat(pa.scalar(value), cells.num_rows))
    return cells
