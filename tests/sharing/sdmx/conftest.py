"""Three quarters of the call report, published: Harbour Bank answered the last two of them, not the first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sharing.models import NoData, PeerGroup, Release, ReleaseCell, Round
from sharing.states import ReleaseState, RoundState

PERIODS = ("2026-Q1", "2026-Q2", "2026-Q3")
FLOW = "CALL_REPORT_RELEASE"
SHOWN = {
    "pooled": 0.1 + 0.2,
    "mean": 1 / 3,
    "p25": 0.012345678901234567,
    "median": 2e-07,
    "p75": 0.05,
    "contributors": 9,
}


@pytest.fixture
def product(collection):
    return collection.template.dimension("PRODUCT").code_list.leaves[0]


@pytest.fixture
def published(collection, harbour, stella, product):
    """Releases by period, each with two cells that have figures and one that is withheld."""
    group = PeerGroup.objects.create(
        code="size-small", family="size", names={"en": "Small", "zh-Hans": "小型"}, criteria={"size_band": ["small"]}
    )
    collection.peer_groups.add(group)
    releases = {period: _released(collection, period, stella, product, place) for place, period in enumerate(PERIODS)}
    for period in PERIODS[1:]:
        NoData.objects.create(round=releases[period].round, institution=harbour.institution, reason="merger")
    return releases


def _released(collection, period, stella, product, place):
    at = datetime(2026, 11, 1 + place, 12, tzinfo=UTC)
    round = Round.objects.create(
        collection=collection,
        public_id=f"call-report-{period.lower()}",
        period=period,
        opens_at=at - timedelta(days=20),
        due_at=at - timedelta(days=5),
        state=RoundState.CLOSED,
    )
    release = Release.objects.create(
        round=round,
        public_id=f"call-report-{period.lower()}-r1",
        revision=1,
        state=ReleaseState.PUBLISHED,
        prepared_by=stella,
        audit_passed=True,
        computed_at=at,
        published_at=at,
    )
    cells = [
        ("DPD60_RATE", "ALL", "_T", {**SHOWN, "pooled": SHOWN["pooled"] + place}),
        ("DPD60_RATE", "ALL", product, {**SHOWN, "p25": None, "p75": None}),
        ("DPD60_RATE", "size-small", "_T", None),
    ]
    ReleaseCell.objects.bulk_create(
        ReleaseCell(
            release=release,
            indicator=indicator,
            peer_group=peer_group,
            key=key,
            withheld=figures is None,
            reason="" if figures else "D",
            **(figures or {}),
        )
        for indicator, peer_group, key, figures in cells
    )
    return release


@pytest.fixture
def ask(client, harbour, published):
    """A function: GET below /sdmx as Harbour Bank's nightly job."""

    def get(path, **headers):
        return client.get(f"/sdmx{path}", headers={"authorization": harbour.basic, **headers})

    return get


def body(answer):
    return b"".join(answer.streaming_content) if answer.streaming else answer.content
