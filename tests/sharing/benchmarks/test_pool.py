"""Pools before disclosure control: who contributes, what is added up, and that real figures come out."""

from __future__ import annotations

import csv

import duckdb
import numpy as np
import pytest

from anonymize.template import load
from consortium.institutions.models import Institution
from sharing.benchmarks.disclosure import protect
from sharing.benchmarks.peer_groups import ALL, Family, Peers, peers_of
from sharing.benchmarks.pool import Returns, cell_keys, gather, layout_of, panel_of, pooled_before_disclosure
from sharing.models import PeerGroup
from tests.cast import call_report

RATE, LOAN_RATE = "DPD60_RATE", "DPD60_LOAN_RATE"


def institutions(*codes, **groups):
    """Unsaved institutions; `groups` gives the affiliate group of some."""
    return [Institution(code=code, size_band="small", affiliate_group=groups.get(code, "")) for code in codes]


def pools_of(members, cubes, peer_groups=()):
    layout = layout_of(load("call-report"))
    contributor_of = {each.code: each.contributor_id for each in members}
    panel = panel_of(gather(layout, list(contributor_of), cubes), contributor_of)
    return panel, pooled_before_disclosure(panel, peers_of(members, peer_groups))


def test_a_pool_weighs_every_institution_by_its_size():
    members = institutions("A", "B")
    cubes = [call_report("A", late=0.10), call_report("B", scale=9, late=0.0)]
    _panel, pools = pools_of(members, cubes)
    pool = pools[RATE, ALL]
    assert pool.pooled[0] == pytest.approx(0.01)
    assert pool.mean[0] == pytest.approx(0.05)
    assert pool.contributors[0] == 2


def test_affiliates_are_one_contributor():
    members = institutions("A", "B", "C", A="GROUP", B="GROUP")
    cubes = [call_report("A", late=0.1), call_report("B", scale=3, late=0.0), call_report("C", late=0.2)]
    panel, pools = pools_of(members, cubes)
    assert panel.contributors == ("C", "GROUP")
    assert pools[RATE, ALL].contributors[0] == 2
    assert pools[RATE, ALL].mean[0] == pytest.approx((0.025 + 0.2) / 2)


def test_whoever_withholds_a_part_contributes_to_no_rate_that_needs_it():
    layout = layout_of(load("call-report"))
    values = np.full((2, len(layout.parts), *layout.shape), 100.0)
    late = layout.part(layout.template.indicator(RATE).numerator)
    values[0, late, 3] = np.nan
    panel = panel_of(Returns(layout, ("A", "B"), values), {"A": "A", "B": "B"})
    rate, loans = layout.template.indicator(RATE), layout.template.indicator(LOAN_RATE)
    assert panel.contributes(rate)[:, 3].tolist() == [False, True]
    assert panel.contributes(loans)[:, 3].tolist() == [True, True]


def test_a_group_of_affiliates_withholds_what_one_of_them_withholds():
    layout = layout_of(load("call-report"))
    values = np.full((2, len(layout.parts), *layout.shape), 100.0)
    values[0, :, 2] = np.nan
    panel = panel_of(Returns(layout, ("A", "B"), values), {"A": "GROUP", "B": "GROUP"})
    assert not panel.present[0, :, 2].any()
    assert panel.values[0, 0, 1] == 200


def test_an_affiliate_group_sits_where_its_head_sits():
    head = Institution(code="HEAD", size_band="large", affiliate_group="HEAD")
    small = Institution(code="BRANCH", size_band="small", affiliate_group="HEAD")
    groups = [
        PeerGroup(code=f"size-{band}", family="size", criteria={"size_band": [band]}) for band in ("large", "small")
    ]
    peers = peers_of([small, head], groups)
    assert peers.of("HEAD") == (ALL, "size-large")
    assert peers.rows("size-small").size == 0


def test_keys_are_series_keys_in_the_order_of_the_arrays():
    layout = layout_of(load("delinquency"))
    keys = cell_keys(layout)
    assert len(keys) == np.prod(layout.shape)
    assert keys[0] == "_T._T._T"
    assert keys[1].startswith("_T._T.")


@pytest.fixture(scope="module")
def panel(shared_data):
    """4,374 credit unions at the end of 2025."""
    folder = shared_data / "ncua_5300_2025q4"
    layout = layout_of(load("call-report"))
    codes = {code.lower(): place for place, code in enumerate(layout.cut[0].code_list.ids)}

    def rows(name):
        return duckdb.sql(f"SELECT * FROM read_parquet('{folder / name}.parquet')").fetchnumpy()

    members = np.sort(rows("institutions")["institution_id"])
    values = np.zeros((len(members), len(layout.parts), *layout.shape))
    for file, columns in {
        "balances_by_product": {("BALANCE", "_T"): "balance", ("LOANS", "_T"): "count"},
        "delinquency_60plus": {
            ("BALANCE", "D060P"): "delq_60plus_balance",
            ("LOANS", "D060P"): "delq_60plus_count",
        },
    }.items():
        table = rows(file)
        row = np.searchsorted(members, table["institution_id"])
        column = np.array([codes[product] for product in table["product"]])
        for place, part in enumerate(layout.parts):
            if name := columns.get((part.measure, part.where["DPD_BUCKET"])):
                np.add.at(values, (row, place, column), table[name])
    values[:, :, 0] = values[:, :, 1:].sum(axis=-1)
    names = tuple(f"{member:06}" for member in members)
    return panel_of(Returns(layout, names, values), {name: name for name in names})


def test_pooled_rates_of_a_real_panel_equal_the_answer_key(panel, shared_data):
    pools = pooled_before_disclosure(panel, Peers(panel.contributors, ()))
    keys = [key.lower() for key in cell_keys(panel.layout)]
    with (shared_data / "ncua_5300_2025q4" / "expected_pooled_by_product.csv").open() as file:
        answers = list(csv.DictReader(file))
    assert len(answers) == 13
    for answer in answers:
        cell = keys.index(answer["product"])
        assert pools[RATE, ALL].pooled[cell] * 100 == pytest.approx(float(answer["rate"]), abs=1e-9)
        assert pools[LOAN_RATE, ALL].pooled[cell] * 100 == pytest.approx(float(answer["crate"]), abs=1e-9)


def test_a_real_panel_keeps_all_its_headlines(panel, shared_data):
    file = shared_data / "ncua_5300_2025q4" / "institutions.parquet"
    groups = duckdb.sql(f"SELECT peer_group FROM '{file}' ORDER BY institution_id").fetchnumpy()["peer_group"]
    sizes = tuple(f"size-{number}" for number in range(1, 7))
    peers = Peers(panel.contributors, (Family("size", sizes, groups.astype(np.int64) - 1),))
    protection = protect(panel, peers, panel.layout.template.disclosure, 2)
    assert protection.ok
    for indicator in panel.layout.template.indicators:
        assert set(protection.reasons(indicator, ALL)) == {""}
