"""Cubes of one tape: what one withholds does not follow from the others, in the eyes of whoever has them all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy.optimize import linprog
from scipy.sparse import block_diag, coo_matrix, csr_matrix, vstack

from anonymize.aggregate import aggregate
from anonymize.cube import Cells, arrays, dense, lattice
from anonymize.errors import ProtectionError
from anonymize.linked import protect_together
from anonymize.linked_cells import links
from anonymize.mapping import parse_mapping
from anonymize.protect import protect
from anonymize.protection.outcome import Protected
from anonymize.tape import open_tape
from anonymize.template import Template, parse
from tests.anonymize.disclosure.attacker import equations

K, P = 3, 15
CODES = {"PRODUCT": "abcde", "REGION": "rstu", "TERM": "xyz"}


def template_of(id: str, dimensions: tuple[str, ...], **changes: Any) -> Template:
    return parse(
        {
            "id": id,
            "version": "1.0.0",
            "name": {"en": id},
            "description": {"en": id},
            "frequency": "M",
            "confidentiality": "sealed",
            "dimensions": [_dimension(each) for each in dimensions],
            "measures": [
                {"id": "LOANS", "name": {"en": "Loans"}, "type": "count", "unit": "loans"},
                {"id": "PEOPLE", "name": {"en": "People"}, "type": "count", "unit": "people", "additive": False},
                {"id": "BALANCE", "name": {"en": "Balance"}, "type": "amount", "unit": "CNY", "decimals": 0},
            ],
            "indicators": [],
            "checks": [],
            "protection": {
                "method": "suppress",
                "count_measure": "PEOPLE",
                "rules": {"min_contributors": K, "p_percent": P, "coalition": 0},
            },
            "disclosure": {},
            **changes,
        }
    )


def _dimension(id: str) -> dict[str, Any]:
    codes = [{"id": "_T", "name": {"en": "All"}}]
    codes += [{"id": code, "name": {"en": code}, "parent": "_T"} for code in CODES[id]]
    return {"id": id, "name": {"en": id}, "codes": codes}


Row = dict[str, Any]


def book(seed: int, loans: int = 60) -> list[Row]:
    random = np.random.default_rng(seed)
    return [
        {
            "who": str(random.integers(0, loans)),
            **{id: str(random.choice(list(codes), p=_skewed(len(codes)))) for id, codes in CODES.items()},
            "BALANCE": float(np.round(random.lognormal(4, 1))),
        }
        for _ in range(loans)
    ]


def _skewed(count: int) -> np.ndarray[Any, Any]:
    weights = 0.5 ** np.arange(count)
    return np.asarray(weights / weights.sum())


def cells_of(rows: list[Row], template: Template, period: str = "2026-10") -> Cells:
    mapping = parse_mapping(
        {
            "period": {"fixed": period},
            "borrower": {"id": "who"},
            "dimensions": {
                id: {"column": id, "codes": {code: code for code in CODES[id]}} for id in template.dimension_ids
            },
            "measures": {"BALANCE": {"column": "BALANCE"}},
        },
        template,
    )
    with open_tape(pa.Table.from_pylist(rows)) as tape:
        return aggregate(tape, mapping, template, period)


def pair(seed: int) -> list[tuple[Cells, Template]]:
    rows = book(seed)
    templates = template_of("by-region", ("PRODUCT", "REGION")), template_of("by-term", ("PRODUCT", "TERM"))
    return [(cells_of(rows, each), each) for each in templates]


def system(cubes: list[tuple[Cells, Template]]) -> csr_matrix:
    """All equations of all cubes, and that what is cut by the same codes is the same."""
    lattices = [lattice(template) for _, template in cubes]
    first: dict[frozenset[str], int] = {}
    pairs, start = [], 0
    for each, (_, template) in zip(lattices, cubes, strict=True):
        for flat, place in enumerate(np.ndindex(*each.shape)):
            codes = zip(template.dimensions, place, strict=True)
            name = frozenset(f"{dimension.id} {dimension.code_list.ids[at]}" for dimension, at in codes if at)
            if name in first:
                pairs.append((first[name], start + flat))
            first.setdefault(name, start + flat)
        start += each.size
    ones, rows = np.ones(len(pairs)), np.arange(len(pairs))
    columns = np.array(pairs).T
    same = coo_matrix((np.r_[ones, -ones], (np.r_[rows, rows], np.r_[columns[0], columns[1]])), (len(pairs), start))
    return vstack([block_diag([equations(each) for each in lattices]), same]).tocsr()


def breaches(cubes: list[tuple[Cells, Template]], found: list[Protected], measure: str) -> int:
    """How many sensitive cells somebody with both cubes comes too near to, by plain linear programs."""
    known = np.concatenate(
        [arrays(each.cube, template)[measure].ravel() for each, (_, template) in zip(found, cubes, strict=True)]
    )
    truth, largest, second, people = (
        np.concatenate([_column(cells, template, name) for cells, template in cubes])
        for name in (measure, f"largest_{measure}", f"second_{measure}", "contributors")
    )
    least = 1.0 if measure == "LOANS" else 0.0  # a withheld row is there, so somebody has a loan in it
    bounds = [
        (0.0, 0.0) if there == 0 else (least, None) if np.isnan(value) else (value, value)
        for value, there in zip(known, people, strict=True)
    ]
    matrix, count = system(cubes), 0
    nothing_published = [(0.0, 0.0) if there == 0 else (least, None) for there in people]
    few = (people > 0) & (people < K)
    sensitive = few if measure == "LOANS" else few | (people > 0) & (truth - largest - second < P / 100 * largest)
    for cell in np.flatnonzero(sensitive):
        width = max(1.0, np.ceil(0.1 * truth[cell])) if measure == "LOANS" else P / 100 * largest[cell]
        low, high = _interval(matrix, bounds, int(cell))
        room = truth[cell] - (second[cell] if least == 0 else _interval(matrix, nothing_published, int(cell))[0])
        count += bool(high < truth[cell] + width - 1e-6 or low > truth[cell] - min(width, max(room, 0.0)) + 1e-6)
    return count


def _column(cells: Cells, template: Template, name: str) -> np.ndarray[Any, Any]:
    return np.asarray(dense(cells.table, template, name).ravel())


def _interval(matrix: csr_matrix, bounds: list[tuple[float, float | None]], cell: int) -> tuple[float, float]:
    costs, ends = np.zeros(matrix.shape[1]), []
    costs[cell] = 1.0
    for sign in (1.0, -1.0):
        solved = linprog(sign * costs, A_eq=matrix, b_eq=np.zeros(matrix.shape[0]), bounds=bounds)
        ends.append(np.inf if solved.status == 3 else float(sign * solved.fun))
    return ends[0], ends[1]


@pytest.mark.parametrize("seed", range(6))
def test_no_withheld_cell_follows_from_both_cubes(seed: int) -> None:
    cubes = pair(seed)
    found = protect_together(cubes, "CN-1")
    assert all(audit.ok for each in found for audit in each.audits.values())
    assert breaches(cubes, found, "LOANS") == 0
    assert breaches(cubes, found, "BALANCE") == 0


def test_cubes_protected_apart_give_each_other_away() -> None:
    for seed in (0, 1):
        cubes = pair(seed)
        apart = [protect(cells, template, "CN-1") for cells, template in cubes]
        assert _disagree(apart)
        assert breaches(cubes, apart, "BALANCE") > 0


def _disagree(found: list[Protected]) -> bool:
    one, other = (each.reasons != "" for each in found)
    return bool((one[:, 0] != other[:, 0]).any())


@pytest.mark.parametrize("seed", range(3))
def test_a_figure_is_withheld_everywhere_or_nowhere(seed: int) -> None:
    assert not _disagree(protect_together(pair(seed), "CN-1"))


def test_what_cubes_share_is_found_by_name_and_total() -> None:
    found = links(pair(1))
    assert [each.measure for each in found] == ["LOANS", "PEOPLE", "BALANCE"]
    for each in found:
        one, other = each.columns[0].reshape(6, 5), each.columns[1].reshape(6, 4)
        assert (one[:, 0] == other[:, 0]).all()
        assert len(np.intersect1d(one, other)) == 6


def test_a_measure_of_other_loans_is_not_linked() -> None:
    rows = book(1)
    cubes = pair(1)
    fewer = (cells_of(rows[5:], cubes[1][1]), cubes[1][1])
    assert "BALANCE" not in [each.measure for each in links([cubes[0], fewer])]


def test_cubes_that_code_the_same_loans_differently_are_refused() -> None:
    rows = book(1)
    moved = [{**row, "PRODUCT": "a" if row["PRODUCT"] == "b" else row["PRODUCT"]} for row in rows]
    (_, one), (_, other) = pair(1)
    with pytest.raises(ProtectionError, match="LOANS is the same in total in by-region and by-term, but not in"):
        protect_together([(cells_of(rows, one), one), (cells_of(moved, other), other)], "CN-1")


def test_only_cubes_of_one_period_under_suppression_are_protected_together() -> None:
    (cells, one), (_, other) = pair(1)
    with pytest.raises(ProtectionError, match="not of the same period"):
        protect_together([(cells, one), (cells_of(book(1), other, "2026-11"), other)], "CN-1")
    open_one = template_of("open", ("PRODUCT", "TERM"), protection={"method": "none"})
    with pytest.raises(ProtectionError, match="not protected by suppression"):
        protect_together([(cells, one), (cells_of(book(1), open_one), open_one)], "CN-1")
    with pytest.raises(ProtectionError, match="is there twice"):
        protect_together([(cells, one), (cells, one)], "CN-1")


@pytest.mark.parametrize("seed", range(2))
def test_no_withheld_cell_follows_from_three_cubes(seed: int) -> None:
    rows = book(seed)
    templates = [
        template_of("by-region", ("PRODUCT", "REGION")),
        template_of("by-term", ("TERM", "PRODUCT")),
        template_of("regions-by-term", ("REGION", "TERM")),
    ]
    cubes = [(cells_of(rows, each), each) for each in templates]
    found = protect_together(cubes, "CN-1")
    one, two, three = (each.reasons != "" for each in found)
    assert (one[:, 0] == two[0]).all()
    assert (one[0] == three[:, 0]).all()
    assert (two[:, 0] == three[0]).all()
    assert breaches(cubes, found, "BALANCE") == 0
