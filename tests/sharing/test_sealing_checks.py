"""The checks that the sealing page runs are those of the server: the same rules broken equally often, in the same cells."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest

from anonymize.checks import check_cube
from anonymize.cube import cell_key, cube_columns, cube_of
from anonymize.template import Template, load
from sharing.template_facts import facts_of
from tests.sharing.test_sealing_script import NODE, run

pytestmark = pytest.mark.skipif(NODE is None, reason="no Node on this machine")

PERIODS = {"M": "2026-10", "Q": "2026-Q3"}
SHARED = {"totals-add-up", "borrowers-within-accounts", "below-minimum", "recoverable"}

CHECKING = """
import { check } from "./checks.js";
import { readCsv } from "./csv.js";
import { cubeOf, Findings, sdmxCsv } from "./cube.js";
import { utf8 } from "./encoding.js";
const { template } = given;
for (const dimension of template.dimensions) dimension.index = new Map(dimension.codes.map((code, at) => [code.id, at]));
const findings = new Findings();
const started = performance.now();
const cube = cubeOf(readCsv(utf8(given.text)), template, findings);
const structure = findings.all.length;
check(cube, template, findings);
console.log(JSON.stringify({ structure, times: [...findings.times], cells: findings.all.map(({ rule, cell }) => [rule, cell]),
  seconds: (performance.now() - started) / 1000, sent: sdmxCsv(cube, template) }));
"""


def lattice(template: Template, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Every cell of a consistent cube: leaves drawn, parents summed along one dimension after the other."""
    found = {}
    for measure in template.measures:
        values = rng.integers(0, 60, template.shape).astype(float)
        for axis, dimension in enumerate(template.dimensions):
            ids = dimension.code_list.ids
            for parent in reversed(ids):  # children come after their parents
                children = [ids.index(child) for child in dimension.code_list.children(parent)]
                if children:
                    summed = values.take(children, axis=axis).sum(axis=axis)
                    np.moveaxis(values, axis, 0)[ids.index(parent)] = summed
        found[measure.id] = values
    return found


def table_of(template: Template, values: dict[str, np.ndarray], withheld: np.ndarray) -> pa.Table:
    cells = [cell_key(place, template) for place in range(withheld.size)]
    columns = {name: [cell[name] for cell in cells] for name in template.dimension_ids}
    columns["TIME_PERIOD"] = [PERIODS[template.frequency]] * withheld.size
    for measure in template.measures:
        kind = pa.int64() if measure.type == "count" else pa.float64()
        columns[measure.id] = pa.array(values[measure.id].reshape(-1), mask=withheld).cast(kind)
    columns["OBS_STATUS"] = np.where(withheld, "Q", "A").tolist()
    columns["CONF_STATUS"] = np.where(withheld, "C", "F").tolist()
    return pa.table({name: columns[name] for name in cube_columns(template)})


@pytest.mark.parametrize("name", ["delinquency", "vintage", "outreach"])
@pytest.mark.parametrize("faults", [0, 30])
def test_both_find_the_same(name, faults):
    template, rng = load(name), np.random.default_rng(20261123 + faults)
    values = lattice(template, rng)
    size = next(iter(values.values())).size
    withheld = rng.random(size) < (0.05 if faults else 0)
    for place in rng.choice(size, faults, replace=False):
        values[rng.choice(template.measure_ids)].reshape(-1)[place] += 1000
    table = table_of(template, values, withheld)
    cube = cube_of(table, template, institution="HARBOUR")
    sink = pa.BufferOutputStream()
    pa_csv.write_csv(table, sink)
    text = sink.getvalue().to_pybytes().decode()

    found = run(CHECKING, {"template": facts_of(template, PERIODS[template.frequency]), "text": text})
    assert found["structure"] == 0
    shared = {each.id for each in template.checks if each.kind in {"sum", "less-or-equal"}} | SHARED
    server: Counter[str] = Counter()
    cells = set()
    for finding in check_cube(cube, template):
        if finding.rule in shared:
            more = re.search(r"in (\d+) more cells", finding.sentence)
            server[finding.rule] += int(more[1]) if more else 1
            cells.add((finding.rule, tuple(finding.cell.values())))
    assert dict(found["times"]) == dict(server)
    assert server["recoverable"] > 10 or not faults
    if max(server.values(), default=0) <= 50:  # neither left any out
        assert {(rule, tuple(cell.values())) for rule, cell in found["cells"]} == cells
    assert found["seconds"] < 5
    assert len(found["sent"].splitlines()) == size + 1
