"""What a worker decides about a package, and that it can be killed at any point."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from anonymize.package import SealingKeyPair
from consortium.audit.models import Entry
from consortium.key_encryption import Keyring
from sharing import blobs, vault
from sharing.models import Opening, Round, Submission
from sharing.services import checking, rounds, submissions, sweeper
from sharing.states import RoundState, SubmissionState
from tests.cast import call_report, sealed

pytestmark = pytest.mark.django_db


@pytest.fixture
def received(harbour, open_round, ada):
    """A function: receive a package, by default a good one."""

    def receive(cube=None, round=open_round, **changes):
        return submissions.receive(round, sealed(harbour, round, cube, **changes), by=ada).submission

    return receive


def opened(submission):
    checking.open_sealed(str(submission.pk))
    submission.refresh_from_db()
    return submission


def found(submission):
    return [(finding.rule, finding.severity) for finding in submission.findings.all()]


def test_a_good_package_is_accepted(received):
    submission = opened(received())

    assert submission.state == SubmissionState.ACCEPTED
    assert found(submission) == []
    assert submission.lease_until is None
    assert Entry.objects.filter(event="submission.accepted", actor="vault").exists()


def test_every_opening_is_on_record(received):
    submission = opened(received())

    (opening,) = submission.openings.all()
    assert (opening.purpose, bool(opening.worker)) == (Opening.Purpose.CHECK, True)


def test_totals_that_do_not_add_up_are_rejected_with_the_cell(received, harbour, open_round):
    import pyarrow as pa

    cube = call_report("HARBOUR")
    balance = cube.table.column("BALANCE").to_pylist()
    balance[0] += 5
    table = cube.table.set_column(cube.table.schema.get_field_index("BALANCE"), "BALANCE", pa.array(balance))
    from anonymize.cube import cube_of

    wrong = cube_of(table, open_round.collection.template, institution="HARBOUR", period=cube.period)

    submission = opened(received(wrong))

    assert submission.state == SubmissionState.REJECTED
    finding = submission.findings.first()
    assert (finding.rule, finding.severity) == ("totals-add-up", "error")
    assert set(finding.cell) == {"PRODUCT", "DPD_BUCKET"}
    assert "do not add up" in finding.sentence


def test_a_cube_of_another_period_is_rejected(received):
    submission = opened(received(call_report("HARBOUR", "2025-Q3")))

    assert submission.state == SubmissionState.REJECTED
    assert found(submission) == [("wrong-period", "error")]


def test_a_cube_of_another_institution_is_rejected(received):
    submission = opened(received(call_report("ELSEWHERE")))

    assert found(submission) == [("wrong-institution", "error")]


def test_a_content_that_is_no_cube_is_rejected(received):
    submission = opened(received(b"this is not Parquet"))

    assert submission.state == SubmissionState.REJECTED
    assert len(found(submission)) == 1


def test_a_package_that_does_not_open_is_rejected(received, harbour, open_round, monkeypatch):
    """Signed by the institution over a ciphertext that the round's key does not open."""
    submission = received()
    other = SealingKeyPair.generate("X-Wing")
    real = vault._key_pairs

    def with_another_private_key(*args):
        return {rkid: _Disguised(other, pair) for rkid, pair in real(*args).items()}

    monkeypatch.setattr(vault, "_key_pairs", with_another_private_key)

    assert found(opened(submission)) == [("cannot-open", "error")]


class _Disguised:
    """Another private key under the id of the right one."""

    def __init__(self, key, of):
        self.rkid, self.suite, self.decrypt = of.rkid, of.suite, key.decrypt


def test_a_correction_takes_the_place_of_what_counted(received):
    first = opened(received())
    second = opened(received(call_report("HARBOUR", late=0.03)))

    first.refresh_from_db()
    assert (first.state, second.state) == (SubmissionState.SUPERSEDED, SubmissionState.ACCEPTED)


def test_a_rejected_correction_leaves_what_counted(received):
    first = opened(received())
    opened(received(b"nonsense"))

    first.refresh_from_db()
    assert first.state == SubmissionState.ACCEPTED


def test_an_earlier_version_that_is_opened_later_does_not_count(received):
    first, second = received(), received(call_report("HARBOUR", late=0.03))

    opened(second)
    opened(first)

    second.refresh_from_db()
    assert (first.state, second.state) == (SubmissionState.SUPERSEDED, SubmissionState.ACCEPTED)


def test_a_submission_waits_for_approval_where_the_institution_wants_it(received, harbour, bela):
    harbour.institution.approves_submissions = True
    harbour.institution.save()

    submission = opened(received())
    assert submission.state == SubmissionState.AWAITING_APPROVAL

    submissions.approve(submission, by=bela)
    submission.refresh_from_db()
    assert (submission.state, submission.approved_by) == (SubmissionState.ACCEPTED, bela)


def test_what_counted_counts_until_the_correction_is_approved(received, harbour, bela):
    first = opened(received())
    harbour.institution.approves_submissions = True
    harbour.institution.save()

    second, third = opened(received()), opened(received())
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, second.state, third.state) == ("accepted", "superseded", "awaiting_approval")

    submissions.approve(third, by=bela)
    first.refresh_from_db()
    assert first.state == SubmissionState.SUPERSEDED


def test_a_large_change_on_the_period_before_is_a_warning_and_opens_both(received, harbour, ada, collection, carl):
    before = Round.objects.create(
        collection=collection,
        public_id="call-report-2025-Q3",
        period="2025-Q3",
        state=RoundState.OPEN,
        opens_at=timezone.now(),
        due_at=timezone.now() + timedelta(days=1),
    )
    vault.make_round_keys(before)
    earlier = opened(received(call_report("HARBOUR", "2025-Q3"), round=before))

    submission = opened(received(call_report("HARBOUR", scale=4)))

    assert submission.state == SubmissionState.ACCEPTED
    assert set(found(submission)) == {("balance-change", "warning")}
    assert earlier.openings.filter(purpose=Opening.Purpose.COMPARE).count() == 1


def test_a_period_before_whose_key_is_destroyed_is_not_compared(received, collection):
    before = Round.objects.create(
        collection=collection,
        public_id="call-report-2025-Q3",
        period="2025-Q3",
        state=RoundState.OPEN,
        opens_at=timezone.now(),
        due_at=timezone.now() + timedelta(days=1),
    )
    vault.make_round_keys(before)
    opened(received(call_report("HARBOUR", "2025-Q3"), round=before))
    before.keys.update(wrapped_private=None, destroyed_at=timezone.now())

    submission = opened(received(call_report("HARBOUR", scale=4)))

    assert (submission.state, found(submission)) == (SubmissionState.ACCEPTED, [])


def test_opening_twice_changes_nothing(received):
    submission = opened(received())
    opened(submission)

    assert submission.openings.count() == 1
    assert Entry.objects.filter(event="submission.accepted").count() == 1


def test_a_package_that_was_received_before_the_round_closed_is_still_opened(received, open_round, carl):
    submission = received()
    rounds.close(open_round, by=carl)

    assert opened(submission).state == SubmissionState.ACCEPTED


def test_a_withdrawn_submission_is_not_opened(received, ada):
    submission = received()
    submissions.withdraw(submission, by=ada)

    assert opened(submission).state == SubmissionState.WITHDRAWN
    assert not submission.openings.exists()


def test_a_submission_that_is_withdrawn_while_it_is_opened_stays_withdrawn(received, ada, monkeypatch):
    submission = received()
    real = vault.open_one

    def open_and_withdraw(*args):
        submissions.withdraw(submission, by=ada)
        return real(*args)

    monkeypatch.setattr(vault, "open_one", open_and_withdraw)

    assert opened(submission).state == SubmissionState.WITHDRAWN
    assert not submission.findings.exists()


def test_a_process_without_the_key_encryption_key_opens_nothing(received, settings):
    submission = received()
    settings.CONCORD_KEK = ""

    with pytest.raises(ImproperlyConfigured, match="holds no key-encryption key"):
        checking.open_sealed(submission.pk)

    submission.refresh_from_db()
    assert (submission.state, submission.lease_until) == (SubmissionState.RECEIVED, None)
    assert not submission.openings.exists()


def test_a_worker_that_another_worker_was_faster_than_does_nothing(received):
    submission = received()
    submission.lease_until = timezone.now() + timedelta(seconds=30)
    submission.save()

    assert opened(submission).state == SubmissionState.RECEIVED


class Killed(BaseException):
    """Nothing after this runs, as after kill -9."""


@pytest.mark.parametrize("where", [(vault, "open_one"), (checking, "check_cube"), (checking, "_decide")])
def test_a_killed_worker_leaves_what_the_sweeper_completes(received, monkeypatch, where, settings):
    submission = received()
    module, name = where

    def die(*_, **__):
        raise Killed

    with monkeypatch.context() as fate:
        fate.setattr(module, name, die)
        with pytest.raises(Killed):
            checking.open_sealed(submission.pk)
    submission.refresh_from_db()
    assert submission.state == SubmissionState.RECEIVED
    assert not submission.findings.exists()

    time_passes(submission)
    assert swept(monkeypatch) == [str(submission.pk)]
    assert opened(submission).state == SubmissionState.ACCEPTED
    assert submission.openings.count() == 2


def test_a_package_at_which_workers_die_is_rejected_in_the_end(received, monkeypatch):
    submission = received()

    def die(*_):
        raise Killed

    with monkeypatch.context() as fate:
        fate.setattr(vault, "open_one", die)
        for _attempt in range(checking.MOST_ATTEMPTS):
            with pytest.raises(Killed):
                checking.open_sealed(submission.pk)
            time_passes(submission)

    assert opened(submission).state == SubmissionState.REJECTED
    assert found(submission) == [("cannot-be-checked", "error")]


def test_an_unexpected_error_says_nothing_of_the_content(received, monkeypatch):
    submission = received()

    def fail(*_, **__):
        raise ValueError("could not convert 918273645")

    monkeypatch.setattr(checking, "check_cube", fail)

    with pytest.raises(checking.CheckingFailed) as failure:
        checking.open_sealed(submission.pk)

    assert "918273645" not in str(failure.value)
    assert failure.value.__suppress_context__


def test_a_submission_whose_message_was_lost_is_queued_again(received, monkeypatch):
    submission = received()
    assert swept(monkeypatch) == []

    time_passes(submission)

    assert swept(monkeypatch) == [str(submission.pk)]
    assert swept(monkeypatch) == []  # it is in the queue now; patience


def test_decided_submissions_are_not_queued(received, monkeypatch):
    submission = opened(received())
    time_passes(submission)

    assert swept(monkeypatch) == []


def test_round_keys_that_were_forgotten_are_queued(planned_round, carl, monkeypatch):
    from sharing import tasks

    queued = []
    monkeypatch.setattr(tasks.make_round_keys, "apply_async", lambda ids, **_: queued.append(ids[0]))
    rounds.open(planned_round, by=carl)

    sweeper.sweep()
    assert queued == [planned_round.pk]

    rounds.make_keys(planned_round.pk)
    sweeper.sweep()
    assert queued == [planned_round.pk]


def test_a_package_without_a_row_is_removed_when_it_is_old(received, open_round):
    kept = received()
    blobs.put(open_round.public_id, "a" * 64, b"its request was killed before the commit")

    assert sweeper.remove_orphans() == 0
    assert sweeper.remove_orphans(older_than=-1) == 1
    assert blobs.get(kept.blob)
    with pytest.raises(FileNotFoundError):
        blobs.get(f"{open_round.public_id}/{'a' * 64}")


def time_passes(submission):
    long_ago = timezone.now() - timedelta(hours=1)
    Submission.objects.filter(pk=submission.pk).update(queued_at=long_ago)
    Submission.objects.filter(pk=submission.pk, lease_until__isnull=False).update(lease_until=long_ago)


def swept(monkeypatch):
    """The submissions that a sweep queues."""
    from sharing import tasks

    queued = []
    with monkeypatch.context() as broker:
        broker.setattr(tasks.open_submission, "apply_async", lambda ids, **_: queued.append(ids[0]))
        sweeper.sweep()
    return queued


def test_a_package_before_that_is_destroyed_meanwhile_costs_only_the_comparison(received, collection, monkeypatch):
    """Its time may be over between the claim and the opening."""
    before = Round.objects.create(
        collection=collection,
        public_id="call-report-2025-Q3",
        period="2025-Q3",
        state=RoundState.OPEN,
        opens_at=timezone.now(),
        due_at=timezone.now() + timedelta(days=1),
    )
    vault.make_round_keys(before)
    earlier = opened(received(call_report("HARBOUR", "2025-Q3"), round=before))
    submission = received(call_report("HARBOUR", scale=4))
    real = checking._claim

    def claim_and_destroy(*args):
        claim = real(*args)
        blobs.remove(earlier.blob)
        return claim

    monkeypatch.setattr(checking, "_claim", claim_and_destroy)

    assert opened(submission).state == SubmissionState.ACCEPTED
    assert found(submission) == []


def test_a_key_is_unwrapped_once_for_a_package_and_the_version_before(received, monkeypatch):
    """With a device or a key server each time is a call to it."""
    opened(received())
    submission = received(call_report("HARBOUR", late=0.03))
    calls, real = [], Keyring.unwrap

    def counted(self, *args):
        calls.append(args)
        return real(self, *args)

    monkeypatch.setattr(Keyring, "unwrap", counted)

    assert opened(submission).cells_changed > 0
    assert len(calls) == 1
