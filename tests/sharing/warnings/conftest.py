"""A collection of delinquency with published releases, whose figures a test makes up."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from anonymize.template import load
from consortium.institutions.models import SizeBand
from sharing.benchmarks.periods import earlier
from sharing.models import Collection, PeerGroup, Release, ReleaseCell, Round, Submission
from sharing.services import watching
from sharing.states import ReleaseState, RoundState, SubmissionState

REGIONS = ("CN-ZJ", "CN-JS", "CN-GD", "CN-SH", "CN-XJ")
TOTAL_KEY = "_T._T._T"
FIRST = "2025-01"


def region(code):
    return f"_T.{code}._T"


@pytest.fixture
def delinquency(db, harbour, outsiders_bank) -> Collection:
    template = load("delinquency")
    collection = Collection.objects.create(code=template.id, version=template.version, document=dict(template.source))
    collection.contributors.add(harbour.institution, outsiders_bank.institution)
    group = PeerGroup.objects.create(
        code="size-small", family="size", names={"en": "Small"}, criteria={"size_band": [SizeBand.SMALL]}, position=0
    )
    collection.peer_groups.add(group)
    return collection


@pytest.fixture
def publish(delinquency, stella, harbour):
    """Publishes the next period: steady rates, but for `rates` by key; None withholds. Harbour answered, unless told."""

    def next_period(rates=None, *, answered=True, indicator="DPD30_RATE"):
        month = delinquency.rounds.count()
        round = _round(delinquency, earlier(FIRST, "M", -month))
        release = Release.objects.create(
            round=round,
            public_id=f"{round.public_id}-r1",
            revision=1,
            state=ReleaseState.PUBLISHED,
            prepared_by=stella,
            audit_passed=True,
            published_at=timezone.now(),
            contributors=9,
        )
        ReleaseCell.objects.bulk_create(cells(release, indicator, rates or {}, month))
        if answered:
            Submission.objects.create(
                round=round,
                institution=harbour.institution,
                version=1,
                state=SubmissionState.ACCEPTED,
                package_sha256=f"{month:064x}",
                package_bytes=1,
                received_at=timezone.now(),
                decided_at=timezone.now(),
            )
        return release

    return next_period


@pytest.fixture
def looked_over(publish):
    """Fifteen steady periods, then those of the arguments, looked over by the office."""

    def look(*periods, **about):
        releases = [publish(**about) for _period in range(15)]
        releases += [publish(rates, **about) for rates in periods]
        watching.look_over("delinquency")
        return releases

    return look


def cells(release, indicator, rates, month):
    keys = [TOTAL_KEY, *(region(code) for code in REGIONS), "SME._T._T", "SME.CN-ZJ._T"]
    for place, key in enumerate(keys):
        steady = 0.02 * (1 + place / 10) * float(np.exp(np.random.default_rng([month, place]).normal(0, 0.02)))
        rate = rates.get(key, steady)
        for peer_group in ("ALL", "size-small") if key == TOTAL_KEY else ("ALL",):
            yield _cell(release, indicator, peer_group, key, rate if peer_group == "ALL" else steady)


def _cell(release, indicator, peer_group, key, rate):
    figures = {} if rate is None else {"pooled": rate, "median": rate, "contributors": 9, "weight": 0.1}
    return ReleaseCell(
        release=release, indicator=indicator, peer_group=peer_group, key=key, withheld=rate is None, **figures
    )


def _round(collection, period):
    now = timezone.now()
    return Round.objects.create(
        collection=collection,
        public_id=f"{collection.code}-{period}",
        period=period,
        opens_at=now - timedelta(days=9),
        due_at=now - timedelta(days=2),
        state=RoundState.PUBLISHED,
    )
