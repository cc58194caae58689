"""Reviewers and workers that meet at one release: it is approved, published and announced once."""

from __future__ import annotations

import pytest
from django.utils import timezone

from consortium.audit.models import Entry
from consortium.audit.services import verify_chain
from consortium.errors import Refused
from sharing.models import Release, Round
from sharing.services import releases
from sharing.states import ReleaseState, RoundState
from tests.sharing.test_at_the_same_time import at_the_same_time

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def draft(closed_round, stella):
    Round.objects.filter(pk=closed_round.pk).update(state=RoundState.IN_REVIEW)
    return Release.objects.create(
        round=closed_round,
        public_id=f"{closed_round.public_id}-r1",
        revision=1,
        state=ReleaseState.IN_REVIEW,
        prepared_by=stella,
        audit_passed=True,
    )


def refusals(results):
    return sum(isinstance(each, Refused) for each in results)


def test_one_person_approves_once_and_one_of_four_publishes(draft, timo, ursula):
    approvals = at_the_same_time(*[lambda: releases.approve(draft, by=timo)] * 4)
    releases.approve(draft, by=ursula)
    publications = at_the_same_time(*[lambda: releases.publish(draft, by=timo)] * 4)

    assert (refusals(approvals), refusals(publications)) == (3, 3)
    assert Entry.objects.filter(event="release.published").count() == 1
    assert verify_chain() is None


def test_two_workers_publish_what_is_due_once(draft, timo, ursula):
    for person in (timo, ursula):
        releases.approve(draft, by=person)
    Release.objects.filter(pk=draft.pk).update(
        state=ReleaseState.SCHEDULED, publish_at=timezone.now(), published_by=ursula
    )

    assert sum(at_the_same_time(*[releases.publish_due] * 4)) == 1
    assert Entry.objects.filter(event="release.published").count() == 1
