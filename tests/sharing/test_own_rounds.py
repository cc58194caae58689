"""The list of what each round asks of the own institution: the same queries for many rounds as for few."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from consortium.people.roles import Role
from sharing.models import Extension, Round
from sharing.states import RoundState
from sharing.views.submissions import duties, own_rounds
from tests.cast import person

pytestmark = pytest.mark.django_db


def more_rounds(collection, count, state=RoundState.CLOSED):
    now = timezone.now()
    return Round.objects.bulk_create(
        Round(
            collection=collection,
            public_id=f"{state}-{number}",
            period=f"19{number:02d}-{'01' if state == RoundState.OPEN else '02'}",
            state=state,
            opens_at=now - timedelta(days=40 + number),
            due_at=now - timedelta(days=20 + number),
        )
        for number in range(count)
    )


@pytest.mark.parametrize("page", ["submissions", "home"])
def test_twenty_rounds_need_no_more_queries_than_two(client, ada, open_round, page):
    client.force_login(ada)
    client.get(reverse(page))
    with CaptureQueriesContext(
        connection,
    ) as few:
        client.get(reverse(page))
    more_rounds(open_round.collection, 10)
    more_rounds(open_round.collection, 10, RoundState.OPEN)
    with CaptureQueriesContext(connection) as many:
        client.get(reverse(page))
    assert len(many) <= len(few)


def test_what_is_offered_is_what_the_rules_allow(ada, carl, harbour, open_round):
    closed, *others = more_rounds(open_round.collection, 3)
    for round, until in ((closed, timedelta(days=2)), (others[0], -timedelta(days=2))):
        Extension.objects.create(
            round=round,
            institution=harbour.institution,
            until=timezone.now() + until,
            reason="Migration",
            granted_by=carl,
        )
    found = duties(ada, list(own_rounds(ada)))
    assert {duty.round for duty in found if not duty.why_not_send} == {open_round, closed}
    assert len(found) == 4


def test_who_does_not_send_is_offered_nothing(harbour, open_round):
    analyst = person("Anna", harbour.institution, Role.ANALYST)
    assert all(duty.why_not_send for duty in duties(analyst, list(own_rounds(analyst))))
