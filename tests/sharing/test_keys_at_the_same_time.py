"""Two people, or two workers, at one key at once: whatever the order, no limit is passed and nothing happens twice."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from consortium.audit.models import Entry
from consortium.audit.services import verify_chain
from consortium.errors import Refused
from consortium.institutions.models import SigningKey
from consortium.institutions.rules import MOST_SIGNING_KEYS
from consortium.institutions.services import signing_keys
from consortium.people.roles import Role
from sharing.models import RoundKey
from sharing.services import checking, retention, round_keys, rounds, submissions
from tests.cast import person, sealed
from tests.consortium.test_signing_keys import registered
from tests.sharing.test_at_the_same_time import at_the_same_time

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_limit_of_keys_holds_for_eight_at_once(harbour, dora):
    results = at_the_same_time(*[lambda: registered(harbour, dora)] * 8)

    assert SigningKey.objects.filter(institution=harbour.institution).in_force().count() == MOST_SIGNING_KEYS
    assert sum(isinstance(each, Refused) for each in results) == 8 - (MOST_SIGNING_KEYS - 1)
    assert verify_chain() is None


def test_a_key_is_replaced_and_revoked_once(harbour, dora):
    replaced = at_the_same_time(*[lambda: registered(harbour, dora, harbour.key.kid)] * 3)
    key = SigningKey.objects.get(kid=harbour.key.kid)
    revoked = at_the_same_time(*[lambda: signing_keys.revoke(key, by=dora)] * 3)

    assert [isinstance(each, Refused) for each in replaced].count(False) == 1
    assert [isinstance(each, Refused) for each in revoked].count(False) == 1


@pytest.fixture
def closed(harbour, open_round, ada, carl):
    submission = submissions.receive(open_round, sealed(harbour, open_round), by=ada).submission
    checking.open_sealed(submission.pk)
    return rounds.close(open_round, by=carl)


def test_keys_are_destroyed_once_and_never_wrapped_back(closed, carl):
    closed.closed_at = timezone.now() - timedelta(days=36 * 31)
    closed.save()

    at_the_same_time(
        retention.destroy_expired,
        lambda: round_keys.rewrap_all(everything=True),
        retention.destroy_expired,
        round_keys.sign_all,
    )

    assert not RoundKey.objects.exclude(wrapped_private=None).exists()
    assert Entry.objects.filter(event="round.keys_destroyed").count() == 1


def test_a_round_is_reopened_or_destroyed_and_never_both(closed, carl):
    conrad = person("Conrad", None, Role.COLLECTION_MANAGER)
    asked = retention.ask(closed, reason="why", by=carl)

    results = at_the_same_time(
        lambda: retention.confirm(asked, by=conrad),
        lambda: rounds.reopen(closed, by=carl),
        lambda: retention.call_off(asked, by=carl),
    )

    closed.refresh_from_db()
    has_keys = RoundKey.objects.exclude(wrapped_private=None).exists()
    assert (closed.state == "open") <= has_keys
    assert any(isinstance(each, Refused) for each in results)
