"""On time, in grace, late; more time for one institution; closing by itself."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from consortium.errors import Forbidden, Refused
from consortium.notifications.models import Notice
from sharing.models import Timeliness
from sharing.services import checking, deadlines, releases, rounds, submissions, sweeper
from sharing.states import RoundState, SubmissionState
from tests.cast import sealed

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def rule_of(call, *args, **kwargs):
    with pytest.raises(Refused) as refused:
        call(*args, **kwargs)
    return refused.value.rule


def due(round, ago, *, grace=None, closes=None):
    now = timezone.now()
    round.opens_at, round.due_at = now - 30 * DAY, now - ago
    round.grace_until = grace and now + grace
    round.closes_at = closes and now + closes
    round.save()


@pytest.mark.parametrize(
    ("ago", "grace", "expected"),
    [
        (-DAY, None, Timeliness.ON_TIME),
        (DAY, DAY, Timeliness.IN_GRACE),
        (2 * DAY, -DAY, Timeliness.LATE),
        (DAY, None, Timeliness.LATE),
    ],
)
def test_timeliness_is_that_of_the_receipt(harbour, open_round, ada, ago, grace, expected):
    due(open_round, ago, grace=grace)
    assert submissions.receive(open_round, sealed(harbour, open_round), by=ada).submission.timeliness == expected


def test_the_edges_belong_to_the_better_side(open_round, harbour):
    due(open_round, DAY, grace=DAY)
    pk = harbour.institution.pk
    moment = timedelta(microseconds=1)
    assert deadlines.timeliness(open_round, pk, open_round.due_at) == Timeliness.ON_TIME
    assert deadlines.timeliness(open_round, pk, open_round.due_at + moment) == Timeliness.IN_GRACE
    assert deadlines.timeliness(open_round, pk, open_round.grace_until) == Timeliness.IN_GRACE
    assert deadlines.timeliness(open_round, pk, open_round.grace_until + moment) == Timeliness.LATE


def test_an_approval_after_the_due_date_leaves_it_on_time(harbour, open_round, ada, bela):
    harbour.institution.approves_submissions = True
    harbour.institution.save()
    submission = submissions.receive(open_round, sealed(harbour, open_round), by=ada).submission
    checking.open_sealed(str(submission.pk))
    due(open_round, DAY)
    submission = submissions.approve(submission, by=bela)

    assert (submission.state, submission.timeliness) == (SubmissionState.ACCEPTED, Timeliness.ON_TIME)


def test_a_round_closes_by_itself_at_its_time_and_not_before(open_round):
    due(open_round, DAY, closes=DAY)
    assert deadlines.close_due() == 0
    due(open_round, DAY, closes=-timedelta(seconds=1))
    sweeper.sweep()
    open_round.refresh_from_db()

    assert open_round.state == RoundState.CLOSED
    assert deadlines.close_due() == 0


def test_a_round_that_is_reopened_stays_open(open_round, carl):
    due(open_round, DAY, closes=-timedelta(seconds=1))
    deadlines.close_due()
    rounds.reopen(open_round, by=carl, due_at=timezone.now() + DAY)
    assert deadlines.close_due() == 0


@pytest.fixture
def extended(harbour, closed_round, carl):
    """The round is closed, and Harbour Bank has a day more."""
    until = max(timezone.now(), closed_round.due_at) + DAY
    return deadlines.extend(closed_round, harbour.institution, until=until, reason="Migration", by=carl)


def test_one_institution_sends_into_a_closed_round_and_is_on_time(harbour, extended, ada):
    submission = submissions.receive(extended.round, sealed(harbour, extended.round), by=ada).submission
    checking.open_sealed(str(submission.pk))
    submission.refresh_from_db()

    assert (submission.state, submission.timeliness) == (SubmissionState.ACCEPTED, Timeliness.ON_TIME)


def test_it_withdraws_and_approves_too(harbour, extended, ada, bela):
    harbour.institution.approves_submissions = True
    harbour.institution.save()
    submission = submissions.receive(extended.round, sealed(harbour, extended.round), by=ada).submission
    checking.open_sealed(str(submission.pk))
    submissions.approve(submission, by=bela)
    assert submissions.withdraw(submission, by=ada).state == SubmissionState.WITHDRAWN


def test_others_do_not(outsiders_bank, extended, olga):
    extended.round.collection.contributors.add(outsiders_bank.institution)
    package = sealed(outsiders_bank, extended.round)
    assert rule_of(submissions.receive, extended.round, package, by=olga) == "round-closed"


def test_when_it_is_over_the_round_is_closed_to_it_again(harbour, extended, ada, carl):
    deadlines.end_extension(extended, by=carl)
    package = sealed(harbour, extended.round)
    assert rule_of(submissions.receive, extended.round, package, by=ada) == "round-closed"
    assert rule_of(deadlines.end_extension, extended, by=carl) == "extension-over"


def test_nothing_is_computed_while_it_runs(harbour, extended, ada, carl, stella):
    submission = submissions.receive(extended.round, sealed(harbour, extended.round), by=ada).submission
    checking.open_sealed(str(submission.pk))
    assert rule_of(releases.start, extended.round, by=stella) == "extension-running"
    deadlines.end_extension(extended, by=carl)
    assert releases.start(extended.round, by=stella).state == "computing"


def test_a_computation_ends_what_an_extension_allows(harbour, extended, ada):
    extended.round.state = RoundState.COMPUTING
    extended.round.save()
    package = sealed(harbour, extended.round)
    assert rule_of(submissions.receive, extended.round, package, by=ada) == "round-closed"


def test_whoever_sends_is_told_and_its_keys_are_shown_to_it_alone(client, token, extended):
    assert set(Notice.objects.values_list("kind", flat=True)) <= {"submission.extension"}
    round = client.get(f"/api/v1/rounds/{extended.round.public_id}", headers={"authorization": token}).json()
    assert round["extended_until"] is not None
    assert round["sealing_keys"]


def test_a_closed_round_shows_no_keys(client, token, closed_round):
    round = client.get(f"/api/v1/rounds/{closed_round.public_id}", headers={"authorization": token}).json()
    assert (round["extended_until"], round["sealing_keys"]) == (None, [])


def test_what_an_extension_asks_for(harbour, outsiders_bank, closed_round, carl, stella, ada):
    late = closed_round.due_at + DAY
    bank = harbour.institution

    def rule(round=closed_round, institution=bank, until=late, reason="Migration", by=carl):
        return rule_of(deadlines.extend, round, institution, until=until, reason=reason, by=by)

    assert rule(until=closed_round.due_at) == "extension-too-early"
    assert rule(until=timezone.now() - DAY) == "extension-too-early"
    assert rule(reason=" ") == "reason-missing"
    assert rule(institution=outsiders_bank.institution) == "not-a-contributor"
    assert rule(by=stella) == "forbidden"
    assert rule(by=ada) == "forbidden"
    closed_round.state = RoundState.PUBLISHED
    closed_round.save()
    assert rule() == "round-not-open"


def test_dates_follow_one_another(open_round, carl, stella):
    now = timezone.now()

    def rule(by=carl, **dates):
        return rule_of(deadlines.reschedule, open_round, by=by, **{"due_at": now + DAY, **dates})

    assert rule(due_at=open_round.opens_at) == "due-before-opening"
    assert rule(grace_until=now) == "grace-before-due"
    assert rule(closes_at=now) == "closes-too-early"
    assert rule(grace_until=now + 3 * DAY, closes_at=now + 2 * DAY) == "closes-too-early"
    with pytest.raises(Forbidden):
        deadlines.reschedule(open_round, due_at=now + DAY, by=stella)
    moved = deadlines.reschedule(
        open_round, due_at=now + DAY, grace_until=now + 2 * DAY, closes_at=now + 3 * DAY, by=carl
    )
    assert moved.closes_at == now + 3 * DAY


def test_a_round_is_planned_with_all_its_dates(collection, carl):
    now = timezone.now()
    dates = {"opens_at": now, "due_at": now + DAY, "grace_until": now + 2 * DAY, "closes_at": now + 3 * DAY}
    round = rounds.plan(collection, "2026-Q1", by=carl, **dates)
    assert {name: getattr(round, name) for name in dates} == dates
    assert rule_of(rounds.plan, collection, "2026-Q2", by=carl, **{**dates, "grace_until": now}) == "grace-before-due"
