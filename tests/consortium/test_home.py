"""What the home page says to a member of whom there is nothing to show."""

from __future__ import annotations

import pytest

from tests.sharing.analytics.publishing import collect, publish


@pytest.mark.parametrize("address", ["/", "/benchmarks/"])
def test_whoever_contributes_to_nothing_is_not_promised_a_benchmark(client, anna, address):
    client.force_login(anna)
    page = client.get(address).content.decode()
    assert "Your institution contributes to no collection yet" in page
    assert "The first benchmark is not published yet" not in page


def test_a_contributor_waits_for_the_first_benchmark(client, anna, harbour):
    collect("treatment", harbour.institution)
    client.force_login(anna)
    assert "The first benchmark is not published yet" in client.get("/").content.decode()


def test_without_a_figure_of_ours_the_peers_median_is_the_figure(client, anna, harbour, stella):
    publish(collect("treatment", harbour.institution), "2026-09", stella)
    client.force_login(anna)
    page = client.get("/").content.decode()
    assert "without a figure of ours" in page
    assert '<span class="tile__value">–' not in page
