"""Defining collections; planning, opening, closing and reopening rounds; approving and withdrawing submissions."""

from __future__ import annotations

import copy
from datetime import timedelta

import pytest
from django.utils import timezone

from anonymize.template import load
from consortium.audit.models import Entry
from consortium.errors import Forbidden, ImpossibleMove, Refused
from sharing.models import Collection, PeerGroup, Round, Submission
from sharing.services import checking, collections, rounds, submissions
from sharing.states import ROUND_MOVES, SUBMISSION_MOVES, RoundState, SubmissionState
from tests.cast import sealed


def document(version):
    changed = copy.deepcopy(dict(load("call-report").source))
    changed["version"] = version
    return changed


def when(days=0):
    return timezone.now() + timedelta(days=days)


def test_a_new_version_takes_over_who_is_asked(collection, carl, harbour):
    small = PeerGroup.objects.create(
        code="small", family="size", names={"en": "Small"}, criteria={"size_band": ["small"]}
    )
    collections.compare_by(collection, [small], by=carl)

    newer = collections.define(document("1.1.0"), by=carl)

    assert harbour.institution in newer.contributors.all()
    assert list(newer.peer_groups.all()) == [small]
    assert Collection.objects.count() == 2


def test_a_new_version_keeps_what_was_agreed_about_keys_and_sizes(collection, carl):
    collection.retention_months, collection.size_limit = 12, 1_000_000
    collection.save()
    newer = collections.define(document("1.1.0"), by=carl)
    newer.refresh_from_db()
    assert (newer.retention_months, newer.size_limit) == (12, 1_000_000)


@pytest.mark.parametrize("version", ["1.0.0", "0.9.9"])
def test_versions_only_rise(collection, carl, version):
    with pytest.raises(Refused, match="must be higher than the one in force"):
        collections.define(document(version), by=carl)


def test_a_broken_template_is_refused_with_its_place(carl):
    broken = document("2.0.0")
    del broken["measures"]

    with pytest.raises(Refused, match=r"The template cannot be used.*measures"):
        collections.define(broken, by=carl)


def test_only_collection_managers_define_and_invite(collection, stella, outsiders_bank):
    with pytest.raises(Forbidden):
        collections.define(document("1.1.0"), by=stella)
    with pytest.raises(Forbidden):
        collections.add_contributors(collection, [outsiders_bank.institution], by=stella)


def test_an_invited_contributor_sees_the_collection(collection, carl, outsiders_bank, olga):
    assert not Collection.objects.visible_to(olga).exists()

    collections.add_contributors(collection, [outsiders_bank.institution], by=carl)

    assert Collection.objects.visible_to(olga).get() == collection


def test_a_round_goes_its_way(collection, carl, ada):
    round = rounds.plan(collection, "2025-Q4", opens_at=when(), due_at=when(10), by=carl)
    assert not Round.objects.visible_to(ada).exists()

    round = rounds.open(round, by=carl)
    assert Round.objects.visible_to(ada).get() == round

    round = rounds.close(round, by=carl)
    assert round.closed_at is not None

    round = rounds.reopen(round, by=carl, due_at=when(20))
    assert (round.state, round.closed_at) == (RoundState.OPEN, None)
    events = Entry.objects.order_by("pk").values_list("event", flat=True)
    assert list(events) == ["round.planned", "round.opened", "round.closed", "round.reopened"]


def test_a_published_round_can_be_reopened_for_a_correction(closed_round, carl):
    Round.objects.update(state=RoundState.PUBLISHED)

    assert rounds.reopen(closed_round, by=carl).state == RoundState.OPEN


def test_a_period_fits_the_collection(collection, carl):
    with pytest.raises(Refused, match="2026-10"):
        rounds.plan(collection, "2026-10", opens_at=when(), due_at=when(1), by=carl)


def test_a_period_has_one_round(planned_round, collection, carl):
    with pytest.raises(Refused, match="There is a round of this collection for this period"):
        rounds.plan(collection, planned_round.period, opens_at=when(), due_at=when(1), by=carl)


def test_a_round_is_due_after_it_opens(collection, carl):
    with pytest.raises(Refused, match="A round is due after it opens"):
        rounds.plan(collection, "2026-Q1", opens_at=when(2), due_at=when(1), by=carl)


def test_only_a_planned_round_can_be_opened(open_round, carl):
    with pytest.raises(Refused, match="Only a planned round can be opened"):
        rounds.open(open_round, by=carl)


def test_only_an_open_round_can_be_closed(planned_round, carl):
    with pytest.raises(Refused, match="Only an open round can be closed"):
        rounds.close(planned_round, by=carl)


def test_only_a_closed_or_published_round_can_be_reopened(open_round, carl):
    with pytest.raises(Refused, match="Only a closed or published round can be reopened"):
        rounds.reopen(open_round, by=carl)


@pytest.mark.parametrize("who", ["ada", "stella", "mara", "aldo"])
def test_only_collection_managers_run_rounds(who, planned_round, request):
    with pytest.raises(Forbidden, match="Your roles do not include this"):
        rounds.open(planned_round, by=request.getfixturevalue(who))


def test_a_closed_round_cannot_be_closed_by_a_second_click(open_round, carl):
    stale = Round.objects.get(pk=open_round.pk)
    rounds.close(open_round, by=carl)

    with pytest.raises(Refused, match="Only an open round can be closed"):
        rounds.close(stale, by=carl)


@pytest.fixture
def awaiting(harbour, open_round, ada):
    harbour.institution.approves_submissions = True
    harbour.institution.save()
    submission = submissions.receive(open_round, sealed(harbour, open_round), by=ada).submission
    checking.open_sealed(submission.pk)
    submission.refresh_from_db()
    return submission


def test_a_second_person_approves(awaiting, bela):
    assert submissions.approve(awaiting, by=bela).state == SubmissionState.ACCEPTED
    assert Entry.objects.filter(event="submission.approved", person=bela).exists()


def test_nobody_approves_the_own_submission(awaiting, ada):
    ada.roles = ["approver", "submitter"]
    ada.save()

    with pytest.raises(Refused, match="approved by someone other than its sender"):
        submissions.approve(awaiting, by=ada)


def test_an_approver_is_needed(awaiting, anna):
    with pytest.raises(Forbidden, match="Your roles do not include this"):
        submissions.approve(awaiting, by=anna)


def test_another_institution_approves_nothing(awaiting, olga):
    with pytest.raises(Forbidden, match="This submission belongs to another institution"):
        submissions.approve(awaiting, by=olga)


def test_only_a_waiting_submission_is_approved(awaiting, bela):
    submissions.approve(awaiting, by=bela)

    with pytest.raises(Refused, match="This submission is not waiting for approval"):
        submissions.approve(awaiting, by=bela)


def test_nothing_is_approved_after_the_round_has_closed(awaiting, bela, carl, open_round):
    rounds.close(open_round, by=carl)

    with pytest.raises(Refused, match="Its round is closed, so it can no longer be approved"):
        submissions.approve(awaiting, by=bela)


def test_a_sender_withdraws(awaiting, ada):
    assert submissions.withdraw(awaiting, by=ada).state == SubmissionState.WITHDRAWN


def test_nothing_is_withdrawn_twice(awaiting, ada):
    submissions.withdraw(awaiting, by=ada)

    with pytest.raises(Refused, match="no longer counts, so there is nothing to withdraw"):
        submissions.withdraw(awaiting, by=ada)


def test_nothing_is_withdrawn_after_the_round_has_closed(awaiting, ada, carl, open_round):
    rounds.close(open_round, by=carl)

    with pytest.raises(Refused, match="withdrawn only while its round is open"):
        submissions.withdraw(awaiting, by=ada)


def test_another_institution_withdraws_nothing(awaiting, olga):
    with pytest.raises(Forbidden, match="This submission belongs to another institution"):
        submissions.withdraw(awaiting, by=olga)


def test_members_see_their_own_submissions_and_the_association_none(
    awaiting, ada, bela, olga, sami, carl, stella, aldo
):
    for insider in (ada, bela):
        assert Submission.objects.visible_to(insider).get() == awaiting
    for outsider in (olga, sami, carl, stella, aldo):
        assert not Submission.objects.visible_to(outsider).exists()


@pytest.mark.parametrize("table", [ROUND_MOVES, SUBMISSION_MOVES])
def test_every_state_of_a_table_is_reached_or_is_the_first(table):
    reached = set().union(*table.values())

    assert {str(state) for state in table} - {str(state) for state in reached} in ({"planned"}, {"received"})


def test_a_submission_moves_only_along_its_table(awaiting):
    with pytest.raises(ImpossibleMove):
        awaiting.move_to(SubmissionState.REJECTED)


def test_the_round_due_last_comes_first_whatever_its_collection_asks_for(carl):
    for code, period, due in (("vintage", "2026-Q3", 1), ("migration", "2026-10", 30), ("service", "2026-Q4", 60)):
        defined = collections.define(load(code).source, by=carl)
        rounds.plan(defined, period, opens_at=when(), due_at=when(due), by=carl)
    assert [round.period for round in Round.objects.all()] == ["2026-Q4", "2026-10", "2026-Q3"]
