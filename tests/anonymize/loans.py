"""Cells and cubes of made-up loans, aggregated without the code under test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anonymize.cube import Cells, Cube, cube_of
from anonymize.template import Template, parse


@dataclass(frozen=True)
class Loans:
    """`leaves` holds the index of a leaf code for each loan and dimension."""

    leaves: NDArray[np.int64]
    borrower: NDArray[np.int64]
    amounts: dict[str, NDArray[np.float64]]


def small_template() -> Template:
    """Two products of one family, three regions, three buckets: small enough to work out by hand."""

    def codes(*pairs: tuple[str, str | None]) -> list[dict[str, object]]:
        return [{"id": id, "name": {"en": id}, **({"parent": parent} if parent else {})} for id, parent in pairs]

    return parse(
        {
            "id": "small",
            "version": "1.0.0",
            "name": {"en": "Small"},
            "description": {"en": "A template for tests."},
            "frequency": "M",
            "confidentiality": "sealed",
            "dimensions": [
                {"id": "PRODUCT", "name": {"en": "Product"}, "codes": codes(("_T", None), ("A", "_T"), ("B", "_T"))},
                {
                    "id": "REGION",
                    "name": {"en": "Region"},
                    "codes": codes(("_T", None), ("N", "_T"), ("N1", "N"), ("N2", "N"), ("S", "_T")),
                },
                {
                    "id": "DPD_BUCKET",
                    "name": {"en": "Days past due"},
                    "codes": codes(("_T", None), ("CURRENT", "_T"), ("D030P", "_T")),
                },
            ],
            "measures": [
                {"id": "ACCOUNTS", "name": {"en": "Accounts"}, "type": "count", "unit": "accounts"},
                {
                    "id": "BORROWERS",
                    "name": {"en": "Borrowers"},
                    "type": "count",
                    "unit": "borrowers",
                    "additive": False,
                },
                {"id": "BALANCE", "name": {"en": "Balance"}, "type": "amount", "unit": "CNY", "decimals": 2},
            ],
            "indicators": [
                {
                    "id": "DPD30_RATE",
                    "name": {"en": "30+ rate"},
                    "numerator": {"measure": "BALANCE", "where": {"DPD_BUCKET": "D030P"}},
                    "denominator": {"measure": "BALANCE", "where": {"DPD_BUCKET": "_T"}},
                }
            ],
            "checks": [
                {
                    "id": "totals-add-up",
                    "kind": "sum",
                    "severity": "error",
                    "measures": ["ACCOUNTS", "BALANCE"],
                    "tolerance": 0.01,
                },
                {
                    "id": "borrowers-within-accounts",
                    "kind": "less-or-equal",
                    "severity": "error",
                    "left": "BORROWERS",
                    "right": "ACCOUNTS",
                },
                {
                    "id": "balance-change",
                    "kind": "period-change-within",
                    "severity": "warning",
                    "measure": "BALANCE",
                    "at_most": 0.5,
                },
            ],
            "protection": {
                "method": "suppress",
                "count_measure": "BORROWERS",
                "rules": {"min_contributors": 10, "p_percent": 15},
            },
            "disclosure": {"min_contributors": 5, "p_percent": 10},
        }
    )


def random_loans(template: Template, number: int, seed: int = 1, regions: int = 6) -> Loans:
    """Unevenly spread loans of lognormal size; a borrower has one or a few; each amount is a part of the one before."""
    rng = np.random.default_rng(seed)
    columns = []
    for dimension in template.dimensions:
        leaves = [dimension.code_list.index[code] for code in dimension.code_list.leaves][:regions]
        weights = 1.0 / np.arange(1, len(leaves) + 1) ** 1.5
        columns.append(rng.choice(leaves, size=number, p=weights / weights.sum()))
    amounts: dict[str, NDArray[np.float64]] = {}
    amount = rng.lognormal(10, 1.2, number)
    for measure in template.measures:
        if measure.type == "amount":
            amounts[measure.id] = np.floor(amount)
            amount = amount * rng.random(number)
    return Loans(np.stack(columns, axis=1), rng.integers(0, max(1, int(number * 0.8)), number), amounts)


def cells_of(loans: Loans, template: Template, period: str = "2026-10") -> Cells:
    """Every cell and margin with its borrowers and two largest contributions, by brute force."""
    place, loan = _expand(loans, template)
    borrower = loans.borrower[loan]
    pairs, pair_of = np.unique(np.stack([place, borrower], axis=1), axis=0, return_inverse=True)
    pair_of = pair_of.reshape(-1)
    places, cell_of = np.unique(pairs[:, 0], return_inverse=True)
    contributors = np.bincount(cell_of)
    columns: dict[str, object] = {}
    for axis, dimension in enumerate(template.dimensions):
        index = np.unravel_index(places, template.shape)[axis]
        columns[dimension.id] = [dimension.code_list.ids[at] for at in index]
    for measure in template.measures:
        if not measure.additive:
            columns[measure.id] = contributors
            continue
        amounts = loans.amounts.get(measure.id, np.ones(len(loans.borrower)))[loan]
        by_pair = np.bincount(pair_of, weights=amounts)
        total = np.bincount(cell_of, weights=by_pair)
        largest, second = _two_largest(by_pair, cell_of)
        columns[measure.id] = total.astype(np.int64) if measure.type == "count" else total
        columns[f"largest_{measure.id}"], columns[f"second_{measure.id}"] = largest, second
    columns["contributors"] = contributors
    return Cells(pa.table(columns), template.id, template.version, period)


def open_cube(
    cells: Cells, template: Template, *, withhold: NDArray[np.bool_] | None = None, institution: str = "ADA"
) -> Cube:
    """The cells as a cube without protection, but for the rows to withhold."""
    rows = cells.table.num_rows
    hidden = np.zeros(rows, np.bool_) if withhold is None else withhold
    table = cells.table.select([*template.dimension_ids])
    table = table.append_column("TIME_PERIOD", pa.array([cells.period] * rows))
    for measure in template.measure_ids:
        table = table.append_column(measure, pa.array(cells.table.column(measure).to_numpy(), mask=hidden))
    table = table.append_column("OBS_STATUS", pa.array(np.where(hidden, "Q", "A")))
    table = table.append_column("CONF_STATUS", pa.array(np.where(hidden, "C", "F")))
    return cube_of(table, template, institution=institution, period=cells.period)


def _expand(loans: Loans, template: Template) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each loan once for every cell that contains it: flat place and loan."""
    place = np.zeros(len(loans.borrower), np.int64)
    loan = np.arange(len(loans.borrower))
    for axis, dimension in enumerate(template.dimensions):
        code_list = dimension.code_list
        above = [[code_list.index[code] for code in code_list.ancestors(id)] for id in code_list.ids]
        leaf = loans.leaves[loan, axis]
        times = np.array([len(path) for path in above])[leaf]
        code = np.concatenate([above[at] for at in leaf])
        place = np.repeat(place, times) * len(code_list.ids) + code
        loan = np.repeat(loan, times)
    return place, loan


def _two_largest(
    values: NDArray[np.float64], group: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    order = np.lexsort((-np.abs(values), group))
    ordered, groups = np.abs(values)[order], group[order]
    first = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
    sizes = np.diff(np.r_[first, len(groups)])
    second = np.where(sizes > 1, ordered[np.minimum(first + 1, len(ordered) - 1)], 0.0)
    return ordered[first], second
