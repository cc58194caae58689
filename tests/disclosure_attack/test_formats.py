"""Every form in which a release leaves the platform is attacked: files, the API, statements, pages."""

from __future__ import annotations

import csv
import io

import numpy as np
import openpyxl
import pyarrow.parquet as pq
import pytest

from anonymize.template import load
from sharing.benchmarks import export
from sharing.models import ReleaseCell, Statement
from sharing.services import statements
from tests.cast import person
from tests.disclosure_attack.attacker import World, ranges, too_near
from tests.sharing.releasing import (
    SIZES,
    close,
    collect,
    computed,
    cube_of_bank,
    found_panel,
    open_round_of,
    published,
    submit as send,
)

PARTS = {"DPD60_RATE": "BALANCE", "DPD60_LOAN_RATE": "LOANS"}
FIGURES = (*export.MEASURES, "CONTRIBUTORS")


@pytest.fixture
def banks(db):
    return found_panel()


@pytest.fixture
def release(banks, stella, timo, ursula):
    round = open_round_of(collect(banks))
    for bank in banks:
        send(bank, round)
    return published(computed(close(round), stella), [timo, ursula])


def from_csv(content):
    return [
        {name: value or None for name, value in row.items()}
        for row in csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
    ]


def from_xlsx(content):
    head, *rows = openpyxl.load_workbook(io.BytesIO(content), read_only=True).active.iter_rows(values_only=True)
    return [dict(zip(head, row, strict=True)) for row in rows]


def from_parquet(content):
    return pq.read_table(io.BytesIO(content)).to_pylist()


READERS = {"csv": from_csv, "xlsx": from_xlsx, "parquet": from_parquet}


def published_in(rows):
    """What a reader of a file takes as published: (indicator, peer group, product) -> pooled rate."""
    return {
        (row["INDICATOR"], row["PEER_GROUP"], row["PRODUCT"]): float(row["POOLED"])
        for row in rows
        if row["POOLED"] is not None
    }


def truly_published(release):
    cells = ReleaseCell.objects.filter(release=release, withheld=False)
    return {(cell.indicator, cell.peer_group, cell.key): cell.pooled for cell in cells}


@pytest.mark.parametrize("format", READERS)
def test_a_file_shows_what_is_published_and_of_the_rest_only_that_it_is_withheld(release, format):
    rows = READERS[format](export.release_file(release, format, by=release.prepared_by))
    assert published_in(rows) == pytest.approx(truly_published(release), rel=1e-12)
    withheld = [row for row in rows if row["OBS_STATUS"] == "Q"]
    assert len(withheld) == release.withheld > 0
    for row in withheld:
        assert row["CONF_STATUS"] == "C"
        assert [row[name] for name in FIGURES] == [None] * len(FIGURES)
    assert {row["CONF_STATUS"] for row in rows} == {"F", "C"}
    assert set(rows[0]) == {
        "TIME_PERIOD", "INDICATOR", "PEER_GROUP", "PRODUCT", *FIGURES, "OBS_STATUS", "CONF_STATUS"
    }  # fmt: skip


def test_the_api_shows_the_same_and_no_reason(release, client, banks):
    client.force_login(person("Reader", banks[0].institution, "analyst"))
    answer = client.get(f"/api/v1/releases/{release.public_id}/cells", headers={"accept": "application/json"})
    assert answer.status_code == 200, answer.content[:300]
    rows = answer.json()["results"]
    assert published_in(rows) == pytest.approx(truly_published(release), rel=1e-12)
    assert all("reason" not in name.lower() for row in rows for name in row)


def test_a_statement_holds_the_own_figures_and_no_other_institution(release, banks):
    for bank in banks:
        reader = person(f"Reader {bank.institution.code}", bank.institution, "analyst")
        statement = Statement.objects.visible_to(reader).get(release=release)
        comparison = statements.open_statement(statement, by=reader)
        assert not [other for other in banks if other is not bank and other.institution.code in repr(comparison.rates)]
        shown = truly_published(release)
        for indicator, group, key, own in comparison.lines():
            known = shown.get((indicator, group, key))
            assert (own.to_pooled is None) == (known is None)
            assert own.to_pooled is None or own.to_pooled == pytest.approx(own.rate - known)


def worlds(banks):
    """For each part of the two indicators the truth: balances or loans by bank, size and product."""
    template = load("call-report")
    products = template.dimension("PRODUCT").code_list.leaves
    sizes = [size for size, _count, _scale in SIZES]
    found = {}
    cubes = [(bank, cube_of_bank(bank).table.to_pylist()) for bank in banks]
    for measure in PARTS.values():
        for bucket in ("D060P", "_T"):
            leaves = np.zeros((len(banks), len(sizes), len(products)))
            for place, (bank, rows) in enumerate(cubes):
                size = sizes.index(bank.institution.size_band)
                for row in rows:
                    if row["DPD_BUCKET"] == bucket and row["PRODUCT"] in products:
                        leaves[place, size, products.index(row["PRODUCT"])] = row[measure]
            axes = [[list(range(extent)), *([leaf] for leaf in range(extent))] for extent in leaves.shape[1:]]
            found[measure, bucket] = World(leaves, axes)
    return found, ["_T", *products], ["ALL", *(f"size-{size}" for size in sizes)]


def test_no_member_can_take_another_s_figure_from_a_file(release, banks):
    """Outsider, and each bank with its own figures; all sums behind the published rates are given to them."""
    truth, products, groups = worlds(banks)
    rows = from_csv(export.release_file(release, "csv", by=release.prepared_by))
    large = 0
    for indicator, measure in PARTS.items():
        shown = [
            (groups.index(group), products.index(product))
            for name, group, product in published_in(rows)
            if name == indicator
        ]
        withheld = [
            (groups.index(row["PEER_GROUP"]), products.index(row["PRODUCT"]))
            for row in rows
            if row["INDICATOR"] == indicator and row["OBS_STATUS"] == "Q"
        ]
        few = [cell for cell in withheld if np.count_nonzero(truth[measure, "_T"].contributions(cell)) < 5]
        large += len(few)
        for bucket in ("D060P", "_T"):
            world = truth[measure, bucket]
            for insider in (None, *range(0, len(banks), 3)):
                spans = ranges(world, shown, few, insider)
                near = [
                    cell
                    for cell, span in zip(few, spans, strict=True)
                    if too_near(world, cell, *span, insider, percent=10)
                ]
                assert not near
    assert large


def test_means_of_peer_groups_do_not_give_the_rest_away(release):
    """The sum of rates of all, less those of the published groups, is never that of fewer than five."""
    rows = from_csv(export.release_file(release, "csv", by=release.prepared_by))
    means = {
        (row["INDICATOR"], row["PRODUCT"], row["PEER_GROUP"]): int(row["CONTRIBUTORS"])
        for row in rows
        if row["MEAN"] is not None
    }
    checked = 0
    for indicator, product, group in means:
        if group != "ALL":
            continue
        others = [count for (i, p, g), count in means.items() if (i, p) == (indicator, product) and g != "ALL"]
        rest = means[indicator, product, "ALL"] - sum(others)
        assert rest == 0 or rest >= 5
        checked += 1
    assert checked
