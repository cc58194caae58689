"""What is stored and acknowledged, and how often."""

from __future__ import annotations

import pytest

from anonymize.errors import PackageError
from anonymize.package import verify_receipt
from consortium.audit.models import Entry
from consortium.signing import key_set
from sharing import blobs, tasks
from sharing.models import Submission
from sharing.services import rounds, submissions
from sharing.states import SubmissionState
from tests.cast import sealed
from tests.sharing.test_refused_packages import refused


def test_a_package_is_acknowledged_with_a_receipt_that_proves_it(send, harbour, open_round):
    package = sealed(harbour, open_round)

    answer = send(package)

    assert answer.status_code == 202, answer.content
    document = answer.json()
    assert answer["Location"] == f"/api/v1/submissions/{document['id']}"
    receipt = verify_receipt(document["receipt"], key_set(), package)
    assert (receipt.institution, receipt.round_id, receipt.version) == ("HARBOUR", open_round.public_id, 1)
    submission = Submission.objects.get(pk=document["id"])
    assert blobs.get(submission.blob) == package
    assert submission.state == SubmissionState.RECEIVED
    entry = Entry.objects.get(event="submission.received")
    assert (entry.institution, entry.about_id) == (harbour.institution, document["id"])


def test_both_suites_are_taken(send, harbour, open_round):
    assert send(sealed(harbour, open_round, suite="X25519")).status_code == 202
    assert send(sealed(harbour, open_round, suite="X-Wing")).status_code == 202


def test_a_worker_is_told_after_the_commit(send, harbour, open_round, django_capture_on_commit_callbacks, monkeypatch):
    queued = []
    monkeypatch.setattr(tasks.open_submission, "apply_async", lambda ids, **_: queued.append(ids))

    with django_capture_on_commit_callbacks(execute=True):
        answer = send(sealed(harbour, open_round))

    assert queued == [(answer.json()["id"],)]


def test_the_same_bytes_twice_are_one_submission(send, harbour, open_round):
    package = sealed(harbour, open_round)

    first, second = send(package), send(package)

    assert (first.status_code, second.status_code) == (202, 200)
    assert first.json() == second.json()
    assert Submission.objects.count() == 1


def test_the_same_bytes_are_answered_after_the_round_has_closed(send, harbour, open_round, carl):
    package = sealed(harbour, open_round)
    first = send(package)
    rounds.close(open_round, by=carl)

    assert send(package).json()["receipt"] == first.json()["receipt"]


def test_a_replay_of_a_withdrawn_package_does_not_bring_it_back(send, harbour, open_round, ada):
    package = sealed(harbour, open_round)
    send(package)
    submissions.withdraw(Submission.objects.get(), by=ada)

    assert send(package).json()["state"] == SubmissionState.WITHDRAWN
    assert Submission.objects.count() == 1


def test_versions_are_counted(send, harbour, open_round):
    send(sealed(harbour, open_round))
    send(sealed(harbour, open_round))

    assert list(Submission.objects.order_by("version").values_list("version", flat=True)) == [1, 2]


def test_an_idempotency_key_stands_for_one_package(send, harbour, open_round):
    first = sealed(harbour, open_round)
    send(first, **{"Idempotency-Key": "october"})

    assert send(first, **{"Idempotency-Key": "october"}).status_code == 200
    sentence = refused(
        send(sealed(harbour, open_round), **{"Idempotency-Key": "october"}), 422, "idempotency-key-reused"
    )
    assert sentence == "This Idempotency-Key was used for another package. Nothing was stored."
    assert Submission.objects.count() == 1


def test_a_package_without_a_stated_length_is_read_no_further_than_the_limit():
    from sharing.api.parsers import read_at_most

    class Endless:
        given = 0

        def read(self, size):
            self.given += size
            return b"0" * size

    stream = Endless()
    with pytest.raises(PackageError) as wrong:
        read_at_most(stream, 1000, None)

    assert wrong.value.rule == "too-large"
    assert stream.given == 1001


def test_a_person_sends_through_the_same_door(client, ada, harbour, open_round):
    received = submissions.receive(open_round, sealed(harbour, open_round), by=ada)

    assert received.is_new
    assert received.submission.sent_by == ada


def test_two_packages_that_want_the_same_version_are_both_kept(harbour, open_round, ada, monkeypatch):
    first, second = sealed(harbour, open_round), sealed(harbour, open_round)
    put = blobs.put

    def put_and_let_the_other_in(*args):
        monkeypatch.setattr(blobs, "put", put)
        submissions.receive(open_round, second, by=ada)
        return put(*args)

    monkeypatch.setattr(blobs, "put", put_and_let_the_other_in)
    submissions.receive(open_round, first, by=ada)

    assert sorted(Submission.objects.values_list("version", flat=True)) == [1, 2]


def test_a_broker_that_is_down_loses_nothing(
    send, harbour, open_round, django_capture_on_commit_callbacks, monkeypatch
):
    from kombu.exceptions import OperationalError

    def unreachable(*_, **__):
        raise OperationalError("no broker")

    monkeypatch.setattr(tasks.open_submission, "apply_async", unreachable)
    with django_capture_on_commit_callbacks(execute=True):
        answer = send(sealed(harbour, open_round))

    assert answer.status_code == 202
    assert Submission.objects.undecided().count() == 1
