"""Declarations, packages, trials, approvals and questions that meet: one of them holds, and nobody waits for ever."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from consortium.audit.services import verify_chain
from sharing.models import Extension, NoData, NoDataReason, Submission
from sharing.services import checking, deadlines, no_data, submissions
from sharing.states import NoDataState, RoundState, SubmissionState
from tests.cast import sealed
from tests.sharing.test_at_the_same_time import at_the_same_time

pytestmark = pytest.mark.django_db(transaction=True)


def test_eight_declarations_are_one(open_round, ada):
    at_the_same_time(*[lambda: no_data.declare(open_round, NoDataReason.MERGER, by=ada)] * 8)

    assert NoData.objects.count() == 1


def test_a_declaration_and_a_package_at_once_leave_one_answer(harbour, open_round, ada):
    package = sealed(harbour, open_round)
    at_the_same_time(
        lambda: no_data.declare(open_round, NoDataReason.MERGER, by=ada),
        lambda: submissions.receive(open_round, package, by=ada),
    )
    submission = Submission.objects.get()
    at_the_same_time(lambda: checking.open_sealed(str(submission.pk)))
    submission.refresh_from_db()

    assert submission.state == SubmissionState.ACCEPTED
    assert not NoData.objects.standing().exists()


def test_trials_and_firm_ones_of_the_same_bytes_at_once_are_two(harbour, open_round, ada):
    package = sealed(harbour, open_round)
    jobs = [
        lambda trial=trial: submissions.receive(open_round, package, by=ada, is_trial=trial)
        for trial in (True, False) * 4
    ]
    at_the_same_time(*jobs)

    assert sorted(Submission.objects.values_list("is_trial", "version")) == [(False, 1), (True, 1)]
    assert verify_chain() is None


def test_approved_and_sent_back_at_once_is_one_of_the_two(harbour, open_round, ada, bela):
    harbour.institution.approves_submissions = True
    harbour.institution.save()
    submission = submissions.receive(open_round, sealed(harbour, open_round), by=ada).submission
    checking.open_sealed(str(submission.pk))
    answers = at_the_same_time(
        lambda: submissions.approve(submission, by=bela),
        lambda: submissions.send_back(submission, "Wrong tape.", by=bela),
    )

    assert sorted(getattr(each, "rule", "done") for each in answers) == ["done", "not-awaiting-approval"]


def test_a_round_that_several_clocks_close_is_closed_once(open_round):
    open_round.opens_at = timezone.now() - timedelta(days=3)
    open_round.due_at = open_round.closes_at = timezone.now() - timedelta(days=1)
    open_round.save()

    assert sum(at_the_same_time(*[deadlines.close_due] * 6)) == 1
    open_round.refresh_from_db()
    assert open_round.state == RoundState.CLOSED


def test_an_extension_that_ends_while_packages_come_takes_them_or_refuses_them(harbour, closed_round, ada, carl):
    until = closed_round.due_at + timedelta(days=1)
    extension = deadlines.extend(closed_round, harbour.institution, until=until, reason="Migration", by=carl)
    packages = [sealed(harbour, closed_round) for _ in range(4)]
    answers = at_the_same_time(
        lambda: deadlines.end_extension(extension, by=carl),
        *[lambda each=each: submissions.receive(closed_round, each, by=ada) for each in packages],
    )

    assert not Extension.objects.running().exists()
    taken = [each for each in answers[1:] if hasattr(each, "submission")]
    assert Submission.objects.count() == len(taken)
    assert {each.rule for each in answers[1:] if each not in taken} <= {"round-closed"}


def test_a_declaration_that_is_approved_and_withdrawn_at_once_is_not_both(harbour, open_round, ada, bela):
    harbour.institution.approves_submissions = True
    harbour.institution.save()
    declaration = no_data.declare(open_round, NoDataReason.MERGER, by=ada)
    at_the_same_time(lambda: no_data.approve(declaration, by=bela), lambda: no_data.withdraw(declaration, by=ada))
    declaration.refresh_from_db()

    # Approved and then withdrawn, or withdrawn and then no longer to be approved.
    assert declaration.state == NoDataState.WITHDRAWN
