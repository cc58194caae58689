"""A cell's number tells its ancestors and what it has in common with another."""

from __future__ import annotations

import itertools

import duckdb
import numpy as np
import pytest

from anonymize.counting.paths import CellPaths
from anonymize.template import Template, load, shipped
from tests.anonymize.test_aggregate import SMALL


@pytest.mark.parametrize("template", [SMALL, *map(load, shipped())], ids=lambda template: template.id)
def test_every_cell_has_a_number_of_its_own_that_gives_its_codes_back(template: Template) -> None:
    paths = CellPaths.of(template)
    cells = paths.every_cell()
    assert np.unique(cells).size == cells.size
    assert cells.max() <= paths.full
    for found, wanted in zip(
        paths.coordinates(cells.ravel()), np.unravel_index(range(cells.size), cells.shape), strict=True
    ):
        assert np.array_equal(found, wanted)


def test_the_common_total_of_two_cells_is_the_smallest_that_holds_both() -> None:
    paths = CellPaths.of(SMALL)
    cells = paths.every_cell()
    random = np.random.default_rng(5)
    keys = [tuple(random.choice(each.code_list.ids) for each in SMALL.dimensions) for _ in range(40)]
    rows = []
    for one, other in itertools.combinations(keys, 2):
        together = tuple(
            next(each for each in dimension.code_list.ancestors(a) if each in dimension.code_list.ancestors(b))
            for dimension, a, b in zip(SMALL.dimensions, one, other, strict=True)
        )
        places = [
            tuple(each.code_list.index[code] for each, code in zip(SMALL.dimensions, key, strict=True))
            for key in (one, other, together)
        ]
        rows.append(f"({', '.join(str(cells[place]) for place in places)})")
    common = paths.common("one", "other")
    wrong = duckdb.execute(
        f"SELECT count(*) FROM (VALUES {', '.join(rows)}) AS pairs(one, other, wanted) WHERE {common} <> wanted"
    )
    assert wrong.fetchall() == [(0,)]
