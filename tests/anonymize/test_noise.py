"""Noise hides every borrower, adds up, is right on average, and costs what OpenDP says."""

from __future__ import annotations

import math
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from anonymize.aggregate import aggregate
from anonymize.checks import check_cube
from anonymize.cube import Cells, arrays, lattice, read_cube, write_cube
from anonymize.disclosure.lattice import Hierarchy, Lattice
from anonymize.disclosure.noise import Noise, NoiseRules, cost_of, epsilon_of, noises, rho_of
from anonymize.disclosure.strategy import absolute, best_levels, estimate, euclidean
from anonymize.errors import LedgerError, ProtectionError, TemplateError
from anonymize.ledger import Ledger
from anonymize.mapping import parse_mapping
from anonymize.protect import protect
from anonymize.protection.noise import cut_off
from anonymize.protection.noise_error import noise_error
from anonymize.tape import open_tape
from anonymize.template import Template, parse

opendp = pytest.importorskip("opendp.prelude", reason="the extra noise is not installed")
opendp.enable_features("contrib")

RAGGED = Hierarchy(("_T", "a", "b", "a1", "a2", "a3"), (-1, 0, 0, 1, 1, 1))
FLAT = Hierarchy.flat(list("vwxyz"))
TABLE = Lattice((RAGGED, FLAT))
MECHANISMS = ["laplace", "gaussian"]
BOUNDS = {"LOANS": 3, "PEOPLE": 1, "BALANCE": 1000}


def template_of(mechanism: str = "gaussian", **noise: Any) -> Template:
    delta = {"delta": 1e-6} if mechanism == "gaussian" else {}
    rules = {"epsilon": 1.0, "mechanism": mechanism, "bounds": BOUNDS, **delta, **noise}
    return parse(
        {
            "id": "test",
            "version": "1.0.0",
            "name": {"en": "Test"},
            "description": {"en": "Test"},
            "frequency": "M",
            "confidentiality": "sealed",
            "dimensions": [_dimension("PRODUCT", RAGGED), _dimension("REGION", FLAT)],
            "measures": [
                {"id": "LOANS", "name": {"en": "Loans"}, "type": "count", "unit": "loans"},
                {"id": "PEOPLE", "name": {"en": "People"}, "type": "count", "unit": "people", "additive": False},
                {"id": "BALANCE", "name": {"en": "Balance"}, "type": "amount", "unit": "CNY", "decimals": 2},
            ],
            "indicators": [],
            "checks": [
                {"id": "adds-up", "kind": "sum", "severity": "error", "tolerance": 0.01},
                {"id": "people", "kind": "less-or-equal", "severity": "error", "left": "PEOPLE", "right": "LOANS"},
            ],
            "protection": {"method": "noise", "noise": rules},
            "disclosure": {},
        }
    )


def _dimension(id: str, tree: Hierarchy) -> dict[str, Any]:
    codes = [
        {"id": code, "name": {"en": code}, **({"parent": tree.codes[parent]} if parent >= 0 else {})}
        for code, parent in zip(tree.codes, tree.parent, strict=True)
    ]
    return {"id": id, "name": {"en": id}, "codes": codes}


def cells_of(rows: list[tuple[str, str, str, float]], template: Template, *, grouped: bool = False) -> Cells:
    """The cells of loans given as (borrower, product, region, balance); "g.x" is borrower x of group g."""
    table = pa.table(
        {
            "who": [each[0].rpartition(".")[2] for each in rows],
            "firm": [each[0].rpartition(".")[0] for each in rows],
            "product": [each[1] for each in rows],
            "region": [each[2] for each in rows],
            "balance": [each[3] for each in rows],
        }
    )
    mapping = parse_mapping(
        {
            "period": {"fixed": "2026-10"},
            "borrower": {"id": "who", **({"group": "firm"} if grouped else {})},
            "dimensions": {
                "PRODUCT": {"column": "product", "codes": {each: each for each in ("b", "a1", "a2", "a3")}},
                "REGION": {"column": "region", "codes": {each: each for each in "vwxyz"}},
            },
            "measures": {"BALANCE": {"column": "balance"}},
        },
        template,
    )
    with open_tape(table) as tape:
        return aggregate(tape, mapping, template, "2026-10")


def bounded(cells: Cells) -> dict[tuple[str, str], tuple[int, int, int]]:
    names = ("bounded_LOANS", "bounded_PEOPLE", "bounded_BALANCE")
    return {
        (row["PRODUCT"], row["REGION"]): (row[names[0]], row[names[1]], row[names[2]])
        for row in cells.table.to_pylist()
        if any(row[name] for name in names)
    }


LOANS = [
    ("1", "a1", "v", 400.0),
    ("1", "a1", "v", 300.0),
    ("1", "a2", "w", 500.5),
    ("1", "b", "w", 20.0),
    ("2", "b", "v", 10.25),
]


def test_what_a_borrower_adds_up_to_is_cut_off_at_the_bound_the_largest_cells_first() -> None:
    found = bounded(cells_of(LOANS, template_of()))
    assert found["a1", "v"] == (2, 1, 70000)  # the person counts where it has most loans
    assert found["a2", "w"][1:] == (0, 30000)  # 500.50 would make 1200.50 with the above
    assert found["_T", "w"] == (1, 0, 30000)  # of four loans three count, of what is over 1000 nothing
    assert found["_T", "_T"] == (4, 2, 101025)


def test_the_bank_is_told_what_share_the_bounds_cut_off() -> None:
    found = cut_off(cells_of(LOANS, template_of()), template_of())
    assert found["LOANS"] == pytest.approx(1 / 5)
    assert found["BALANCE"] == pytest.approx(1 - 1010.25 / 1230.75)


def test_members_of_a_group_share_one_bound() -> None:
    rows = [(f"g.{each}", "a1", "v", 300.0) for each in range(6)] + [("h.7", "a1", "v", 5.0)]
    alone = bounded(cells_of([(who.partition(".")[2], *rest) for who, *rest in rows], template_of()))
    together = bounded(cells_of(rows, template_of(), grouped=True))
    assert alone["_T", "_T"] == (7, 7, 180500)
    assert together["_T", "_T"] == (3 + 1, 1 + 1, 100500)


@pytest.mark.parametrize("seed", range(2))
def test_taking_any_borrower_off_the_tape_changes_a_level_by_the_bound_at_most(seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = [
        (
            f"{'g' if who % 3 == 0 else 'h' * (who % 2)}.{who}" if who % 2 else f".{who}",
            str(random.choice(["a1", "a2", "a3", "b"])),
            str(random.choice(list("vwxyz"))),
            float(np.round(random.normal(0, 900), 2)),
        )
        for who in random.integers(0, 12, 60).tolist()
    ]
    template = template_of()
    whole = _bounded_arrays(cells_of(rows, template, grouped=True), template)
    for unit in ("g", "h", "4", "8"):
        rest = _bounded_arrays(
            cells_of([each for each in rows if _unit(each[0]) != unit], template, grouped=True), template
        )
        for measure, bound in (("LOANS", 3), ("PEOPLE", 1), ("BALANCE", 100000)):
            difference = whole[measure] - rest[measure]
            for noise_places, _ in Noise(lattice(template), bound, 1.0, "gaussian").strata():
                assert np.abs(difference[noise_places]).sum() <= bound


def _unit(who: str) -> str:
    group, _, own = who.rpartition(".")
    return group or own


def _bounded_arrays(cells: Cells, template: Template) -> dict[str, np.ndarray[Any, Any]]:
    from anonymize.protection.noise import _bounded

    return _bounded(cells, template)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_noise_adds_up_is_right_on_average_and_as_wide_as_stated(mechanism: str) -> None:
    noise = Noise(TABLE, 3, 0.5 if mechanism == "laplace" else 0.05, mechanism)  # type: ignore[arg-type]
    truth = np.arange(TABLE.size, dtype=np.int64).reshape(TABLE.shape)
    truth = noise.draw(truth) * 0 + _summed(truth)
    draws = np.array([noise.draw(truth) for _ in range(400)])
    assert (draws[:, :, 0] == draws[:, :, 1:].sum(axis=2)).all()
    assert (draws[:, 0] == draws[:, 1] + draws[:, 2]).all()
    assert (draws[:, 1] == draws[:, 3:].sum(axis=1)).all()
    assert (np.abs(draws.mean(axis=0) - truth) < 5 * noise.error / math.sqrt(len(draws))).all()
    assert np.allclose(draws.std(axis=0) / noise.error, 1, atol=0.25)
    assert (draws < 0).any()


def _summed(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    from anonymize.disclosure.noise import _rolled_up

    return _rolled_up(values.copy(), TABLE)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_noise_follows_the_discrete_distribution(mechanism: str) -> None:
    single = Lattice((Hierarchy(("_T",), (-1,)),))
    budget = 0.75 if mechanism == "laplace" else 0.28125  # a scale of 4, and of 4
    noise = Noise(single, 3, budget, mechanism)  # type: ignore[arg-type]
    draws = np.array(noise.measurements()[0]([0] * 6000))
    support = np.arange(-400, 401)
    weight = np.exp(-np.abs(support) / 4) if mechanism == "laplace" else np.exp(-(support**2) / (2 * 16))
    edges = np.array([-401, -9, -6, -4, -2, -1, 0, 1, 3, 5, 8, 401])
    seen, _ = np.histogram(draws, edges)
    expected = np.array([weight[(support >= a) & (support < b)].sum() for a, b in pairwise(edges)])
    expected = expected / weight.sum() * len(draws)
    assert ((seen - expected) ** 2 / expected).sum() < 40  # 10 degrees of freedom: one run in 70,000


@pytest.mark.parametrize("norm", [absolute, euclidean])
@pytest.mark.parametrize("tree", [RAGGED, FLAT, Hierarchy.flat([str(each) for each in range(40)])])
def test_estimates_are_the_least_squares_ones(tree: Hierarchy, norm: Any) -> None:
    levels = best_levels(tree, norm)
    finest = [code for code in range(len(tree.codes)) if not tree.children[code]]
    sums = tree.above[finest].T.astype(float)
    weighted = sums * levels.weight[:, None]
    inverse = np.linalg.inv(weighted.T @ weighted)
    measured = np.random.default_rng(1).normal(size=len(tree.codes))
    best = sums @ inverse @ weighted.T @ (levels.weight * measured)
    assert np.allclose(estimate(measured, [levels]), best)
    assert np.allclose(levels.variance, np.diag(sums @ inverse @ sums.T))
    assert norm(np.array(levels.weights)) == pytest.approx(1)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_opendp_says_that_the_whole_budget_is_spent_and_no_more(mechanism: str) -> None:
    rules = NoiseRules(1.0, BOUNDS, mechanism, 1e-6 if mechanism == "gaussian" else 0.0)  # type: ignore[arg-type]
    cost = cost_of(rules, noises(rules, TABLE, [3, 1, 100000]))
    assert 0.9999 < cost.epsilon <= 1.0


def test_more_noise_than_allowed_is_refused_before_any_is_drawn() -> None:
    rules = NoiseRules(1.0, BOUNDS)
    parts = noises(NoiseRules(1.5, BOUNDS), TABLE, [3, 1, 100000])
    with pytest.raises(ProtectionError, match="more than the template's epsilon"):
        cost_of(rules, parts)


@pytest.mark.parametrize(("epsilon", "delta"), [(0.1, 1e-8), (1.0, 1e-6), (4.0, 1e-5)])
def test_zcdp_is_stated_as_opendp_states_it(epsilon: float, delta: float) -> None:
    rho = rho_of(epsilon, delta)
    space = opendp.vector_domain(opendp.atom_domain(T="i64")), opendp.l2_distance(T="f64")
    curve = opendp.c.make_zCDP_to_approxDP(opendp.m.make_gaussian(*space, scale=1.0)).map(math.sqrt(2 * rho))
    assert epsilon_of(rho, delta) == pytest.approx(epsilon)
    assert curve.epsilon(delta) == pytest.approx(epsilon, rel=1e-4)


def test_a_noisy_cube_has_every_cell_and_passes_the_checks(tmp_path: Path) -> None:
    template = template_of(epsilon=5.0)
    rows = [(str(each), "a1", "vwxyz"[each % 5], 700.0) for each in range(300)]
    protected = protect(cells_of(rows, template), template, "CN-1", ledger=Ledger(tmp_path, 5.0))
    cube = protected.cube
    assert cube.table.num_rows == TABLE.size
    assert not cube.withheld.any()
    assert check_cube(cube, template) == []
    assert read_cube(write_cube(cube), template).table.equals(cube.table)
    errors = protected.errors
    assert errors.keys() == noise_error(template).keys()
    total = arrays(cube, template)["LOANS"][0, 0]
    assert abs(total - 300) < 6 * errors["LOANS"][0, 0]


def test_a_rate_that_noise_alone_takes_out_of_bounds_is_no_error(tmp_path: Path) -> None:
    source = dict(template_of(epsilon=5.0).source)
    parts = {
        "numerator": {"measure": "LOANS", "where": {"REGION": "v"}},
        "denominator": {"measure": "LOANS", "where": {"REGION": "_T"}},
    }
    source["indicators"] = [{"id": "RATE", "name": {"en": "Rate"}, **parts}]
    limits = {"indicator": "RATE", "at_least": 0, "at_most": 1}
    source["checks"] = [{"id": "within", "kind": "indicator-within", "severity": "error", **limits}]
    template = parse(source)
    rows = [(str(each), "a1", "v", 1.0) for each in range(60)]
    cells, outside = cells_of(rows, template), 0
    for bank in range(5):
        cube = protect(cells, template, f"CN-{bank}", ledger=Ledger(tmp_path, 50.0)).cube
        loans = arrays(cube, template)["LOANS"]
        outside += int(((loans[:, 1] / np.where(loans[:, 0], loans[:, 0], 1)) > 1).sum())
        assert check_cube(cube, template) == []
    assert outside > 0


def test_sums_over_many_banks_are_right_on_average(tmp_path: Path) -> None:
    template = template_of(epsilon=2.0, mechanism="laplace", delta=0.0)
    rows = [(str(each), "b", "v", 100.0) for each in range(4)]  # four loans in one cell: small everywhere
    cells, pooled = cells_of(rows, template), np.zeros(TABLE.shape)
    for bank in range(24):
        protected = protect(cells, template, f"CN-{bank}", ledger=Ledger(tmp_path, 2.0 * 24))
        pooled += arrays(protected.cube, template)["LOANS"]
    error = math.sqrt(24) * protected.errors["LOANS"]
    assert abs(pooled[2, 1] - 24 * 4) < 5 * error[2, 1]
    assert (np.abs(pooled[1]) < 5 * error[1]).all()  # where no bank has anything


def test_without_a_ledger_there_is_no_noise() -> None:
    template = template_of()
    with pytest.raises(ProtectionError, match="kept in a ledger"):
        protect(cells_of(LOANS, template), template, "CN-1")


def test_cells_that_were_not_bounded_get_no_noise(tmp_path: Path) -> None:
    template = template_of()
    cells = cells_of(LOANS, template)
    kept = [each for each in cells.table.column_names if not each.startswith("bounded_")]
    with pytest.raises(ProtectionError, match="not aggregated for noise"):
        protect(
            Cells(cells.table.select(kept), "test", "1.0.0", "2026-10"), template, "CN-1", ledger=Ledger(tmp_path, 1.0)
        )


def test_without_opendp_the_sentence_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    template = template_of()
    cells = cells_of(LOANS, template)
    monkeypatch.setitem(sys.modules, "opendp.prelude", None)
    with pytest.raises(ProtectionError, match=r"pip install 'concord\[noise\]'"):
        protect(cells, template, "CN-1", ledger=Ledger(tmp_path, 1.0))
    assert not (tmp_path / "ledger.jsonl").exists()


@pytest.mark.parametrize(
    ("noise", "sentence"),
    [
        ({"epsilon": 0}, "epsilon lies above 0"),
        ({"delta": 0.0}, "needs a delta"),
        ({"mechanism": "laplace", "delta": 1e-6}, "laplace noise has no delta"),
        ({"mechanism": "uniform"}, "laplace or gaussian"),
        ({"bounds": {"LOANS": 3}}, "a bound for every measure"),
        ({"bounds": {**BOUNDS, "LOANS": 0.5}}, "whole multiple of its last decimal"),
        ({"bounds": {**BOUNDS, "LOANS": 0}}, "a bound is a number above 0"),
        ({"sigma": 1}, "not of the published form"),
    ],
)
def test_a_template_with_impossible_noise_is_refused(noise: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TemplateError, match=sentence):
        template_of(**noise)


def test_the_same_figures_give_the_same_noise_and_cost_nothing_more(tmp_path: Path) -> None:
    template, ledger = template_of(), Ledger(tmp_path, 1.2)
    first = protect(cells_of(LOANS, template), template, "CN-1", ledger=ledger)
    again = protect(cells_of(LOANS[::-1], template), template, "CN-1", ledger=ledger)
    assert again.cube.table.equals(first.cube.table)
    assert len(ledger.entries()) == 1
    with pytest.raises(LedgerError, match=r"may cost epsilon 1\.2 in 2026"):
        protect(cells_of(LOANS[1:], template), template, "CN-1", ledger=ledger)
