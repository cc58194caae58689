"""When the time of a round's keys is over they are destroyed, and with them every package that was sealed to them."""

from __future__ import annotations

import datetime as dt
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from anonymize.errors import KeyStoreError
from anonymize.package import verify_receipt
from consortium.audit.models import Entry
from consortium.audit.services import verify_chain
from consortium.errors import Forbidden, Refused
from consortium.notifications.models import Notice
from consortium.people.roles import Role
from consortium.signing import key_set
from sharing import blobs, retention as dates, vault
from sharing.models import Destruction, Release, RoundKey
from sharing.services import checking, deadlines, log, releases, retention, round_keys, rounds, submissions
from sharing.tasks import destroy_expired_keys
from tests.cast import person, sealed


@pytest.fixture
def conrad(db):
    """Collection manager too."""
    return person("Conrad", None, Role.COLLECTION_MANAGER)


@pytest.fixture
def accepted(harbour, open_round, ada):
    submission = submissions.receive(open_round, sealed(harbour, open_round), by=ada).submission
    checking.open_sealed(submission.pk)
    submission.refresh_from_db()
    assert submission.state == "accepted"
    return submission


@pytest.fixture
def closed(accepted, carl):
    return rounds.close(accepted.round, by=carl)


def age(round, **ago):
    round.closed_at = timezone.now() - timedelta(**ago)
    round.save()


def destroyed(round):
    return not RoundKey.objects.filter(round=round).exclude(wrapped_private=None).exists()


# The date


@pytest.mark.parametrize(
    ("moment", "months", "after"),
    [
        ((2026, 1, 31), 1, (2026, 2, 28)),
        ((2024, 1, 31), 1, (2024, 2, 29)),
        ((2024, 2, 29), 12, (2025, 2, 28)),
        ((2026, 11, 23), 36, (2029, 11, 23)),
        ((2026, 12, 1), 1, (2027, 1, 1)),
        ((2026, 5, 5), 0, (2026, 5, 5)),
    ],
)
def test_months_are_counted_by_the_calendar(moment, months, after):
    assert dates.months_after(dt.datetime(*moment, 9, tzinfo=dt.UTC), months) == dt.datetime(*after, 9, tzinfo=dt.UTC)


def test_keys_are_kept_three_years_after_closing(closed):
    assert dates.due_at(closed) == dates.months_after(closed.closed_at, 36)


def test_a_later_publication_begins_the_time_anew(closed, timo):
    later = closed.closed_at + timedelta(days=20)
    Release.objects.create(
        round=closed,
        public_id="r1",
        revision=1,
        state="withdrawn",
        prepared_by=timo,
        published_at=later,
        withdrawn_at=later,
    )

    assert dates.due_at(closed) == dates.months_after(later, 36)


def test_a_round_that_is_worked_with_keeps_its_keys(open_round):
    for state in ("open", "computing", "in_review"):
        open_round.state = state
        age(open_round, days=4000)
        assert dates.due_at(open_round) is None
    assert retention.destroy_expired() == 0
    assert not destroyed(open_round)


# By date


def test_keys_are_destroyed_when_their_time_is_over_and_not_before(closed):
    age(closed, days=36 * 30)
    destroy_expired_keys()
    assert not destroyed(closed)

    age(closed, days=36 * 31)
    destroy_expired_keys()
    assert destroyed(closed)


def test_what_was_sealed_is_gone_and_what_proves_it_stays(
    closed, accepted, settings, ada, django_capture_on_commit_callbacks
):
    package = blobs.get(accepted.blob)
    age(closed, days=36 * 31)
    with django_capture_on_commit_callbacks(execute=True):
        assert retention.destroy_expired() == 1

    assert not [path for path in Path(settings.CONCORD_BLOBS).rglob("*") if path.is_file()]
    accepted.refresh_from_db()
    with pytest.raises(KeyStoreError, match="no private key any more"):
        vault.open_one(accepted, package)  # also with a copy of the package
    with pytest.raises(KeyStoreError):
        next(vault.open_all([accepted]))
    assert verify_receipt(accepted.receipt, key_set(), package).submission == str(accepted.pk)
    assert log.inclusion(accepted).leaf.submission_id == accepted.pk
    assert log.first_wrong() is None
    assert submissions.receive(closed, package, by=ada).submission == accepted  # the same bytes, still the same
    assert verify_chain() is None


def test_destroying_is_recorded_and_told_once(closed, ada, bela, dora, anna, olga):
    age(closed, days=36 * 31)
    assert [retention.destroy_expired() for _ in range(3)] == [1, 0, 0]

    entry = Entry.objects.get(event="round.keys_destroyed")
    assert entry.details == {"keys": 2, "packages": 1, "reason": "retention"}
    assert {each.person for each in Notice.objects.filter(kind="round.keys_destroyed")} == {ada, bela, dora}


def test_a_package_that_is_being_checked_delays_it(harbour, open_round, ada, carl):
    submissions.receive(open_round, sealed(harbour, open_round), by=ada)
    closed = rounds.close(open_round, by=carl)
    age(closed, days=4000)

    assert retention.destroy_expired() == 0


def test_a_round_without_keys_is_neither_reopened_nor_computed(closed, carl, stella):
    age(closed, days=36 * 31)
    retention.destroy_expired()

    with pytest.raises(Refused, match="cannot be opened any more"):
        rounds.reopen(closed, by=carl)
    with pytest.raises(Refused, match="cannot be opened any more"):
        releases.start(closed, by=stella)


def test_destroyed_keys_are_not_made_again_nor_wrapped_anew(closed):
    age(closed, days=36 * 31)
    retention.destroy_expired()
    before = set(closed.keys.values_list("rkid", flat=True))

    vault.make_round_keys(closed)
    assert round_keys.rewrap_all(everything=True) == 0

    assert set(closed.keys.values_list("rkid", flat=True)) == before
    assert destroyed(closed)


def test_the_next_period_is_checked_without_what_is_gone(closed, accepted, harbour, collection, ada):
    from sharing.models import Round

    age(closed, days=36 * 31)
    retention.destroy_expired()
    now = timezone.now()
    following = Round.objects.create(
        collection=collection,
        public_id="call-report-2026-Q1",
        period="2026-Q1",
        state="open",
        opens_at=now - timedelta(days=1),
        due_at=now + timedelta(days=1),
    )
    vault.make_round_keys(following)
    submission = submissions.receive(following, sealed(harbour, following), by=ada).submission

    checking.open_sealed(submission.pk)

    submission.refresh_from_db()
    assert submission.state == "accepted"


# By two people


def test_two_people_destroy_keys_before_their_time(closed, carl, conrad):
    asked = retention.ask(closed, reason="The supervisor ordered it.", by=carl)
    assert not destroyed(closed)

    retention.confirm(asked, by=conrad)

    assert destroyed(closed)
    assert Entry.objects.get(event="round.keys_destroyed").details["reason"] == "The supervisor ordered it."


def test_nobody_confirms_an_own_request(closed, carl):
    asked = retention.ask(closed, reason="why", by=carl)

    with pytest.raises(Refused, match="by two people"):
        retention.confirm(asked, by=carl)
    with pytest.raises(IntegrityError), transaction.atomic():
        Destruction.objects.update(confirmed_by=carl)
    assert not destroyed(closed)


def test_a_request_is_asked_once_and_answered_once(closed, carl, conrad):
    asked = retention.ask(closed, reason="why", by=carl)
    with pytest.raises(Refused, match="has asked for this already"):
        retention.ask(closed, reason="why", by=conrad)
    retention.call_off(asked, by=conrad)
    for again in (retention.confirm, retention.call_off):
        with pytest.raises(Refused, match="answered already"):
            again(asked, by=conrad)
    assert not destroyed(closed)

    retention.confirm(retention.ask(closed, reason="after all", by=conrad), by=carl)
    with pytest.raises(Refused, match="cannot be opened any more"):
        retention.ask(closed, reason="again", by=carl)


def test_keys_of_an_open_round_are_not_destroyed(open_round, carl):
    with pytest.raises(Refused, match="Only the keys of a closed or published round"):
        retention.ask(open_round, reason="why", by=carl)


def test_a_round_reopened_meanwhile_keeps_its_keys(closed, carl, conrad):
    asked = retention.ask(closed, reason="why", by=carl)
    rounds.reopen(closed, by=carl)

    with pytest.raises(Refused, match="Only the keys of a closed or published round"):
        retention.confirm(asked, by=conrad)


@pytest.mark.parametrize("who", ["stella", "sven", "mara", "aldo", "ada", "dora"])
def test_only_collection_managers_destroy(who, closed, carl, request):
    asked = retention.ask(closed, reason="why", by=carl)

    with pytest.raises(Forbidden):
        retention.confirm(asked, by=request.getfixturevalue(who))


# The pages


def test_a_member_reads_until_when_its_package_can_be_opened(client, ada, accepted, carl):
    client.force_login(ada)
    address = f"/submissions/{accepted.pk}/"
    assert "36 months after the round is published" in client.get(address).content.decode()

    closed = rounds.close(accepted.round, by=carl)
    assert "can open the packages of this round until" in client.get(address).content.decode()

    age(closed, days=36 * 31)
    retention.destroy_expired()
    page = client.get(address).content.decode()
    assert "nobody can open its packages any more" in page


def test_the_page_asks_confirms_and_shows(client, closed, carl, conrad):
    address = f"/rounds/{closed.public_id}/keys/"
    client.force_login(carl)
    client.post(address + "ask/", {"reason": "The supervisor ordered it."})
    page = client.get(address).content.decode()
    assert "Keys are destroyed by two people" in page

    client.force_login(conrad)
    page = client.post(address + "confirm/", follow=True).content.decode()

    assert "The keys are destroyed" in page
    assert "confirmed by Conrad" in page
    assert destroyed(closed)


def test_asking_needs_a_reason(client, closed, carl):
    client.force_login(carl)

    client.post(f"/rounds/{closed.public_id}/keys/ask/", {"reason": " "})

    assert not Destruction.objects.exists()


# More time and destroyed keys


def extended(round, harbour, carl):
    until = timezone.now() + timedelta(days=30)
    round.due_at = timezone.now() - timedelta(days=1)
    round.opens_at = round.due_at - timedelta(days=9)
    round.save()
    return deadlines.extend(round, harbour.institution, until=until, reason="Migration", by=carl)


def test_keys_stay_while_an_institution_has_more_time(closed, harbour, carl):
    """A package that came afterwards could never be opened, and would keep the round from being computed."""
    extended(closed, harbour, carl)

    with pytest.raises(Refused) as refused:
        retention.ask(closed, reason="Members decided it.", by=carl)
    assert refused.value.rule == "extension-running"
    age(closed, days=36 * 31)
    assert retention.destroy_expired() == 0
    assert not destroyed(closed)


def test_nobody_gets_more_time_for_a_round_without_keys(closed, harbour, carl):
    age(closed, days=36 * 31)
    assert retention.destroy_expired() == 1

    with pytest.raises(Refused) as refused:
        extended(closed, harbour, carl)
    assert refused.value.rule == "keys-destroyed"
