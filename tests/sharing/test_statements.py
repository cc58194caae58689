"""Each member gets its own figures beside the release, and nobody else can open them."""

from __future__ import annotations

import numpy as np
import pytest

from consortium.errors import Forbidden
from sharing.benchmarks import explorer, trends
from sharing.benchmarks.comparison import Comparison
from sharing.models import ReleaseCell, Statement
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


def test_a_statement_opens_in_no_other_row(release, banks):
    mine, theirs = (Statement.objects.get(release=release, institution=bank.institution) for bank in banks[:2])
    mine.sealed = theirs.sealed
    with pytest.raises(ValueError, match="does not open"):
        statements.open_statement(mine, by=analyst(banks[0]))


def test_sealed_statements_show_no_figure(release, banks):
    for statement in Statement.objects.filter(release=release):
        assert RATE.encode() not in bytes(statement.sealed)


def test_a_statement_of_an_unknown_version_is_not_guessed_at():
    with pytest.raises(ValueError, match="version"):
        Comparison.from_bytes(b'{"version": 99}')


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
