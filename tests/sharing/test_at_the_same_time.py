"""Requests and workers that meet: whatever the order, every acknowledged package is there once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from anonymize.log import verify_leaves
from anonymize.package.tree_head import verify_tree_head
from consortium.audit.services import verify_chain
from consortium.errors import Refused
from consortium.signing import key_set
from sharing.models import Leaf, Submission
from sharing.services import checking, log, rounds, submissions
from sharing.states import RoundState, SubmissionState
from tests.cast import call_report, sealed
from tests.sharing.releasing import collect, found_panel, open_round_of

pytestmark = pytest.mark.django_db(transaction=True)


def at_the_same_time(*jobs):
    """The results, or the refusals, of all jobs, each on a connection of its own."""

    def run(job):
        try:
            return job()
        except Refused as refused:
            return refused
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def test_the_same_package_eight_times_is_one_submission(harbour, open_round, ada):
    package = sealed(harbour, open_round)

    received = at_the_same_time(*[lambda: submissions.receive(open_round, package, by=ada)] * 8)

    assert [each.is_new for each in received].count(True) == 1
    assert len({each.submission.receipt for each in received}) == 1
    assert Submission.objects.count() == 1


def test_eight_packages_are_eight_versions(harbour, open_round, ada):
    packages = [sealed(harbour, open_round) for _ in range(8)]

    at_the_same_time(*[lambda each=each: submissions.receive(open_round, each, by=ada) for each in packages])

    assert sorted(Submission.objects.values_list("version", flat=True)) == list(range(1, 9))
    assert verify_chain() is None


def test_one_idempotency_key_takes_one_of_several_packages(harbour, open_round, ada):
    packages = [sealed(harbour, open_round) for _ in range(4)]

    answers = at_the_same_time(
        *[lambda each=each: submissions.receive(open_round, each, by=ada, idempotency_key="k") for each in packages]
    )

    assert Submission.objects.count() == 1
    assert sorted(getattr(each, "rule", "received") for each in answers) == ["idempotency-key-reused"] * 3 + [
        "received"
    ]


def test_a_round_closes_before_or_after_a_package_but_not_around_it(harbour, open_round, ada, carl):
    packages = [sealed(harbour, open_round) for _ in range(6)]
    sends = [lambda each=each: submissions.receive(open_round, each, by=ada) for each in packages]

    *answers, closed = at_the_same_time(*sends, lambda: rounds.close(open_round, by=carl))

    assert closed.state == RoundState.CLOSED
    kept = {each.submission.pk for each in answers if not isinstance(each, Refused)}
    assert set(Submission.objects.values_list("pk", flat=True)) == kept
    assert {each.rule for each in answers if isinstance(each, Refused)} <= {"round-closed"}


def test_packages_accepted_at_the_same_time_follow_each_other_in_the_log():
    banks = found_panel()
    round = open_round_of(collect(banks))
    sent = [submissions.receive(round, sealed(bank, round), by=bank.client).submission for bank in banks]

    at_the_same_time(*[lambda each=each: checking.open_sealed(each.pk) for each in sent])

    leaves = list(Leaf.objects.all())
    assert [leaf.index for leaf in leaves] == list(range(16))
    verify_leaves(verify_tree_head(log.signed_head(), key_set()), [leaf.hash.hex() for leaf in leaves])


def test_a_package_is_decided_once_however_many_workers_want_it(harbour, open_round, ada):
    submission = submissions.receive(open_round, sealed(harbour, open_round), by=ada).submission

    at_the_same_time(*[lambda: checking.open_sealed(submission.pk)] * 6)

    submission.refresh_from_db()
    assert submission.state == SubmissionState.ACCEPTED
    assert submission.openings.count() == 1


def test_the_last_of_several_versions_counts_in_whatever_order_they_are_opened(harbour, open_round, ada):
    sent = [
        submissions.receive(open_round, sealed(harbour, open_round, call_report("HARBOUR", late=late)), by=ada)
        for late in (0.01, 0.02, 0.03, 0.04)
    ]

    at_the_same_time(*[lambda each=each: checking.open_sealed(each.submission.pk) for each in reversed(sent)])

    states = list(Submission.objects.order_by("version").values_list("state", flat=True))
    assert states == ["superseded"] * 3 + ["accepted"]
