"""Each member gets its own figures beside the release, and nobody else can open them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, strategies as st

from anonymize.template import load
from consortium.errors import Forbidden
from sharing import vault
from sharing.benchmarks import comparison, explorer, trends
from sharing.benchmarks.comparison import beside_cell
from sharing.benchmarks.pool import cell_keys, layout_of
from sharing.models import ReleaseCell, Statement, StatementBlock
from sharing.services import statements
from tests.cast import person
from tests.sharing.releasing import (
    close,
    collect,
    computed,
    cube_of_bank,
    found_panel,
    open_round_of,
    published,
    submit,
)

RATE = "DPD60_RATE"


@pytest.fixture
def banks(db):
    return found_panel()


@pytest.fixture
def release(banks, stella, timo, ursula):
    round = open_round_of(collect(banks))
    for bank in banks:
        submit(bank, round)
    return published(computed(close(round), stella), [timo, ursula])


def analyst(bank):
    return person(f"analyst-{bank.institution.code}", bank.institution, "analyst")


def analyst_of(block):
    institution = block.statement.institution
    return person(f"analyst-{block.pk}", institution, "analyst")


def own_rate(bank, key="_T"):
    """From the cube that the bank itself sent."""
    table = cube_of_bank(bank).table.to_pylist()
    by_bucket = {row["DPD_BUCKET"]: row["BALANCE"] for row in table if row["PRODUCT"] == key}
    return by_bucket["D060P"] / by_bucket["_T"]


def test_a_statement_says_the_own_rate_and_how_it_lies_in_what_is_published(release, banks):
    bank = next(bank for bank in banks if bank.institution.size_band == "small")
    reader = analyst(bank)
    statement = Statement.objects.visible_to(reader).get(release=release)
    own = statements.open_statement(statement, by=reader).own(RATE, "ALL", "_T")
    cell = ReleaseCell.objects.get(release=release, indicator=RATE, peer_group="ALL", key="_T")
    assert own.rate == pytest.approx(own_rate(bank))
    assert own.to_median == pytest.approx(own.rate - cell.median)
    assert own.to_pooled == pytest.approx(own.rate - cell.pooled)
    below = sum(own.rate > point for point in (cell.p25, cell.median, cell.p75))
    assert own.band == ("lowest-quarter", "below-median", "above-median", "highest-quarter")[below]


def test_own_figures_show_where_the_benchmark_is_withheld(release, banks):
    bank = next(bank for bank in banks if bank.institution.size_band == "large")
    figures = explorer.cells(release, RATE, "size-large", analyst(bank))
    assert figures
    assert all(each.withheld for each in figures)
    assert all(each.own is not None for each in figures)
    assert {(each.own.band, each.own.to_median, each.own.to_pooled) for each in figures} == {(None, None, None)}


def test_nobody_opens_another_institution_s_statement(release, banks, timo):
    statement = Statement.objects.get(release=release, institution=banks[0].institution)
    for stranger in (analyst(banks[1]), timo):
        assert not Statement.objects.visible_to(stranger).filter(pk=statement.pk).exists()
        with pytest.raises(Forbidden):
            statements.open_statement(statement, by=stranger)


def test_a_block_opens_in_no_other_row(release, banks):
    mine, theirs = (Statement.objects.get(release=release, institution=bank.institution) for bank in banks[:2])
    mine.blocks.filter(indicator=RATE).update(sealed=theirs.blocks.get(indicator=RATE).sealed)
    reader = analyst(banks[0])
    for read in (
        lambda: statements.open_statement(mine, by=reader),
        lambda: statements.own_rates(reader, [release], RATE, ["_T"]),
    ):
        with pytest.raises(ValueError, match="does not open"):
            read()


def test_a_block_opens_for_no_other_indicator(release, banks):
    mine = Statement.objects.get(release=release, institution=banks[0].institution)
    other = mine.blocks.exclude(indicator=RATE).first()
    mine.blocks.filter(indicator=RATE).update(sealed=other.sealed)
    with pytest.raises(ValueError, match="does not open"):
        statements.own_rates(analyst(banks[0]), [release], RATE, ["_T"])


def test_own_rates_are_those_of_the_cube_that_the_bank_sent(release, banks):
    reader, keys = analyst(banks[0]), ["_T", "CREDIT_CARD", "no-such-key"]
    found = statements.own_rates(reader, [release], RATE, keys)
    assert found == {(release.pk, key): pytest.approx(own_rate(banks[0], key)) for key in ("_T", "CREDIT_CARD")}


def test_an_indicator_that_the_template_does_not_have_has_no_own_rate(release, banks):
    assert statements.own_rates(analyst(banks[0]), [release], "NO_SUCH_RATE", ["_T"]) == {}


def test_the_association_and_strangers_have_no_own_rates(release, timo, olga):
    assert statements.own_rates(timo, [release], RATE, ["_T"]) == {}
    assert statements.own_rates(olga, [release], RATE, ["_T"]) == {}


def test_a_statement_of_the_first_version_is_still_read(release, banks):
    bank, reader = banks[0], analyst(banks[0])
    statement = Statement.objects.get(release=release, institution=bank.institution)
    now = statements.open_statement(statement, by=reader)
    columns = {"keys": ["_T"], "rate": [0.06], "beside": {"ALL": {"band": [3], "to_median": [9.0], "to_pooled": [9.0]}}}
    document = {"version": 1, "institution": bank.institution.code, "indicators": {RATE: columns}}
    about = f"statement/{release.public_id}/{bank.institution.code}"
    statement.sealed = vault.seal_for_portal(json.dumps(document).encode(), about)
    statement.peer_groups = []
    statement.save()
    statement.blocks.all().delete()
    [(indicator, group, key, own)] = statements.open_statement(statement, by=reader).lines()
    cell = ReleaseCell.objects.get(release=release, indicator=RATE, peer_group="ALL", key="_T")
    assert (indicator, group, key) == (RATE, "ALL", "_T")
    assert own == beside_cell(0.06, cell)
    assert own.to_median != now.own(RATE, "ALL", "_T").to_median
    assert statements.own_rates(reader, [release], RATE, ["_T", "CREDIT_CARD"]) == {(release.pk, "_T"): 0.06}


def test_sealed_statements_show_no_figure(release, banks):
    for block in StatementBlock.objects.filter(statement__release=release):
        rate = statements.own_rates(analyst_of(block), [release], block.indicator, ["_T"])[release.pk, "_T"]
        assert np.float64(rate).tobytes() not in bytes(block.sealed)


def test_a_statement_of_an_unknown_version_is_not_guessed_at():
    with pytest.raises(ValueError, match="version"):
        comparison.first_document(b'{"version": 99}')
    with pytest.raises(ValueError, match="version"):
        comparison.open_block(0, np.array([99, 0], dtype="<u4").tobytes())


@given(st.sets(st.integers(0, 9_000), max_size=40), st.integers(0, 9_000))
def test_blocks_hold_every_rate_to_the_last_bit(cells, wanted):
    positions = np.array(sorted(cells), dtype=np.int64)
    rates = np.sin(positions + 0.1)
    blocks = dict(comparison.blocks_of(positions, rates))
    assert set(blocks) == {position // comparison.PART for position in cells}
    opened = [comparison.open_block(part, content) for part, content in blocks.items()]
    assert [cell for found, _rates in opened for cell in found] == positions.tolist()
    assert [rate for _cells, found in opened for rate in found] == rates.tolist()
    if wanted // comparison.PART in blocks:
        part = comparison.open_block(wanted // comparison.PART, blocks[wanted // comparison.PART])
        expected = [("key", float(np.sin(wanted + 0.1)))] if wanted in cells else []
        assert list(comparison.rates_at(part, [("key", wanted)])) == expected


def test_every_key_of_a_template_has_its_own_position():
    template = load("delinquency")
    indicator = template.indicators[0]
    keys = cell_keys(layout_of(template))
    assert [comparison.position_of(template, indicator, key) for key in keys] == list(range(len(keys)))
    assert comparison.position_of(template, indicator, "no-such-key") is None


@pytest.mark.parametrize(
    ("rate", "tenths", "between"),
    [
        (0.05, (), (75, 100)),
        (0.01, (), (0, 25)),
        (0.025, (), (25, 50)),
        (0.035, (0.005, 0.01, 0.015, 0.02, 0.033, 0.036, 0.04, 0.05), (60, 70)),
        (0.9, (0.005, 0.01, 0.015, 0.02, 0.033, 0.036, 0.04, 0.05), (90, 100)),
        (0.001, (0.005, 0.01, 0.015, 0.02, 0.033, 0.036, 0.04, 0.05), (0, 10)),
    ],
)
def test_the_band_is_as_fine_as_what_is_published(rate, tenths, between):
    assert comparison.beside(rate, 0.02, 0.03, 0.04, 0.031, tenths).between == between


def test_beside_a_median_alone_the_band_is_a_half_and_beside_nothing_there_is_none():
    assert comparison.beside(0.05, None, 0.03, None, 0.03).between == (50, 100)
    assert comparison.beside(0.05, None, 0.03, None, 0.03).band is None
    assert comparison.beside(0.05, None, None, None, None) == comparison.Own(0.05)


def test_the_association_sees_no_own_figure(release, timo):
    points = explorer.series(release.round.collection, RATE, "ALL", "_T", timo)
    assert [point.period for point in points] == [release.round.period]
    assert points[0].figures.own is None


def test_a_series_a_table_and_a_distribution_agree(release, banks):
    reader = analyst(banks[-1])
    collection = release.round.collection
    point = explorer.series(collection, RATE, "ALL", "_T", reader)[0]
    cell = explorer.cells(release, RATE, "ALL", reader, ["_T"])[0]
    assert point.figures == cell == explorer.distribution(release, RATE, "ALL", "_T", reader).figures
    assert explorer.latest(collection, reader) == release
    assert explorer.distribution(release, RATE, "ALL", "no-such-key", reader) is None


def test_an_outsider_sees_no_release(release, olga):
    assert explorer.latest(release.round.collection, olga) is None
    assert explorer.series(release.round.collection, RATE, "ALL", "_T", olga) == []


def point(period, pooled, median):
    figures = explorer.Figures("_T", pooled, None, None, median, None, 9, False, None)
    return explorer.Point(period, f"r-{period}", figures)


def test_changes_compare_with_the_period_before_and_a_year_before():
    points = [point("2025-Q4", 0.01, 0.02), point("2026-Q3", 0.03, None), point("2026-Q4", 0.035, 0.025)]
    last, year = trends.on_last_period(points, "Q"), trends.on_last_year(points, "Q")
    assert (last.since, last.pooled, last.median) == ("2026-Q3", pytest.approx(0.005), None)
    assert (year.since, year.median) == ("2025-Q4", pytest.approx(0.005))
    assert trends.on_last_period([], "Q") is None
    assert trends.on_last_period([points[0], points[2]], "Q") is None


def test_bands_are_by_position_among_the_published_quartiles(release, banks):
    bands = set()
    for bank in banks:
        own = explorer.cells(release, RATE, "ALL", analyst(bank), ["_T"])[0].own
        bands.add(own.band)
    assert len(bands) >= 3
    assert np.isfinite(own.rate)
