"""A trial is checked and reported; it never counts, is in no log, and leaves no package behind."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from anonymize.errors import PackageError
from anonymize.package import PACKAGE_MEDIA_TYPE, verify_receipt
from anonymize.package.consortium import published
from consortium.errors import Refused
from consortium.notifications.models import Notice
from consortium.signing import receipt_key
from sharing import blobs, board
from sharing.models import Leaf, Submission
from sharing.services import checking, releases, rounds, submissions, sweeper
from sharing.states import SubmissionState
from tests.cast import call_report, sealed

pytestmark = pytest.mark.django_db


@pytest.fixture
def tried(harbour, open_round, ada, django_capture_on_commit_callbacks):
    """A function: send on trial and have it checked."""

    def send(cube=None, by=ada):
        with django_capture_on_commit_callbacks(execute=True):
            received = submissions.receive(open_round, sealed(harbour, open_round, cube), by=by, is_trial=True)
            checking.open_sealed(str(received.submission.pk))
        received.submission.refresh_from_db()
        return received.submission

    return send


def keys():
    return {"keys": [published(receipt_key().public_jwk(), "receipts")]}


def test_a_good_trial_is_checked_and_counts_nowhere(tried, open_round, carl):
    trial = tried()

    assert trial.state == SubmissionState.CHECKED
    assert not Submission.objects.accepted().exists()
    assert not Leaf.objects.exists()
    (standing,) = board.standings(open_round, carl)
    assert standing.state == board.TRIAL


def test_a_bad_trial_is_rejected_with_its_findings(tried):
    trial = tried(call_report("HARBOUR", "2025-Q3"))

    assert trial.state == SubmissionState.REJECTED
    assert trial.findings.filter(severity="error").exists()


@pytest.mark.parametrize("is_good", [True, False])
def test_the_package_of_a_trial_is_gone_when_it_is_checked(tried, settings, is_good):
    trial = tried(None if is_good else call_report("HARBOUR", "2025-Q3"))

    assert trial.blob == ""
    assert list(blobs.older_than(-10)) == []


def test_a_package_that_a_crash_left_is_removed_as_nobodys(harbour, open_round, ada):
    trial = submissions.receive(open_round, sealed(harbour, open_round), by=ada, is_trial=True).submission
    checking.open_sealed(str(trial.pk))  # the transaction of the test never commits, so nothing is removed

    assert sweeper.remove_orphans(older_than=-10) == 1


def test_the_same_bytes_on_trial_and_in_earnest_are_two_and_the_firm_one_keeps_its_package(
    harbour, open_round, ada, django_capture_on_commit_callbacks
):
    package = sealed(harbour, open_round)
    trial = submissions.receive(open_round, package, by=ada, is_trial=True).submission
    firm = submissions.receive(open_round, package, by=ada).submission
    with django_capture_on_commit_callbacks(execute=True):
        checking.open_sealed(str(trial.pk))
    checking.open_sealed(str(firm.pk))
    firm.refresh_from_db()

    assert trial.pk != firm.pk
    assert firm.state == SubmissionState.ACCEPTED
    assert blobs.get(firm.blob) == package


def test_the_same_trial_again_is_the_same_trial(harbour, open_round, ada):
    package = sealed(harbour, open_round)
    first = submissions.receive(open_round, package, by=ada, is_trial=True)
    again = submissions.receive(open_round, package, by=ada, is_trial=True)

    assert (first.is_new, again.is_new) == (True, False)
    assert first.submission == again.submission


def test_a_trial_leaves_what_counts_alone_and_the_versions_uncounted(tried, harbour, open_round, ada):
    firm = submissions.receive(open_round, sealed(harbour, open_round), by=ada).submission
    checking.open_sealed(str(firm.pk))
    trial = tried(call_report("HARBOUR", open_round.period, scale=2))
    second = submissions.receive(open_round, sealed(harbour, open_round), by=ada).submission
    firm.refresh_from_db()

    assert firm.state == SubmissionState.ACCEPTED
    assert (firm.version, trial.version, second.version) == (1, 1, 2)


def test_a_trial_needs_no_second_person(tried, harbour):
    harbour.institution.approves_submissions = True
    harbour.institution.save()

    assert tried().state == SubmissionState.CHECKED


def test_the_receipt_of_a_trial_cannot_be_taken_for_a_submissions(harbour, open_round, ada):
    package = sealed(harbour, open_round)
    trial = submissions.receive(open_round, package, by=ada, is_trial=True).submission
    firm = submissions.receive(open_round, package, by=ada).submission

    with pytest.raises(PackageError) as refused:
        verify_receipt(trial.receipt, keys(), package)
    assert refused.value.rule == "wrong-type"
    with pytest.raises(PackageError):
        verify_receipt(firm.receipt, keys(), package, is_trial=True)
    assert verify_receipt(trial.receipt, keys(), package, is_trial=True).submission == str(trial.pk)


@pytest.mark.parametrize(
    "state", [SubmissionState.ACCEPTED, SubmissionState.AWAITING_APPROVAL, SubmissionState.SUPERSEDED]
)
def test_the_database_refuses_a_trial_that_counts(tried, state):
    trial = tried()
    with pytest.raises(IntegrityError), transaction.atomic():
        Submission.objects.filter(pk=trial.pk).update(state=state)


def test_the_database_refuses_a_firm_one_that_is_only_checked(harbour, open_round, ada):
    firm = submissions.receive(open_round, sealed(harbour, open_round), by=ada).submission
    with pytest.raises(IntegrityError), transaction.atomic():
        Submission.objects.filter(pk=firm.pk).update(state=SubmissionState.CHECKED)


def test_a_trial_that_waits_for_the_vault_keeps_no_round_from_being_computed(harbour, open_round, ada, carl, stella):
    firm = submissions.receive(open_round, sealed(harbour, open_round), by=ada).submission
    checking.open_sealed(str(firm.pk))
    submissions.receive(open_round, sealed(harbour, open_round), by=ada, is_trial=True)
    rounds.close(open_round, by=carl)

    assert releases.start(open_round, by=stella).state == "computing"


def test_a_trial_is_not_withdrawn(tried, ada):
    with pytest.raises(Refused) as refused:
        submissions.withdraw(tried(), by=ada)
    assert refused.value.rule == "nothing-to-withdraw"


def test_an_idempotency_key_of_a_trial_is_not_taken_for_a_firm_one(harbour, open_round, ada):
    package = sealed(harbour, open_round)
    submissions.receive(open_round, package, by=ada, idempotency_key="once", is_trial=True)
    with pytest.raises(Refused) as refused:
        submissions.receive(open_round, package, by=ada, idempotency_key="once")
    assert refused.value.rule == "idempotency-key-reused"


def test_only_its_sender_is_told_of_a_trial(tried, ada, bela):
    tried()
    assert list(Notice.objects.values_list("person__name", "kind")) == [("Ada", "submission.checked")]


def test_over_the_api(client, send, harbour, open_round, token):
    answer = client.post(
        f"/api/v1/rounds/{open_round.public_id}/submissions?trial=true",
        data=sealed(harbour, open_round),
        content_type=PACKAGE_MEDIA_TYPE,
        headers={"authorization": token},
    )
    assert answer.status_code == 202, answer.content
    assert answer.json()["is_trial"] is True
    listed = client.get("/api/v1/submissions", headers={"authorization": token}).json()["results"]
    assert listed == []
    trials = client.get("/api/v1/submissions?trial=true", headers={"authorization": token}).json()["results"]
    assert [each["id"] for each in trials] == [answer.json()["id"]]


@pytest.mark.parametrize("said", ["1", "yes", "True", ""])
def test_a_misspelt_trial_is_refused_and_not_sent_in_earnest(client, harbour, open_round, token, said):
    answer = client.post(
        f"/api/v1/rounds/{open_round.public_id}/submissions?trial={said}",
        data=sealed(harbour, open_round),
        content_type=PACKAGE_MEDIA_TYPE,
        headers={"authorization": token},
    )
    assert answer.status_code == 400
    assert not Submission.objects.exists()
