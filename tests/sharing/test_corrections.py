"""Versions: a correction says why and how much changed; an approver sends back; after publication it is a revision."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone, translation

from consortium.errors import Forbidden, Refused
from consortium.notifications.models import Notice
from consortium.people.roles import Role
from sharing.models import Leaf, Opening, Release, Submission
from sharing.services import checking, rounds, submissions
from sharing.services.comparing import cells_changed, completeness
from sharing.services.submissions import Correction
from sharing.states import ReleaseState, RoundState, SubmissionState
from tests.cast import call_report, person, sealed

pytestmark = pytest.mark.django_db


def rule_of(call, *args, **kwargs):
    with pytest.raises(Refused) as refused:
        call(*args, **kwargs)
    return refused.value.rule


@pytest.fixture
def sent(harbour, open_round, ada):
    """A function: send a cube and have it checked."""

    def send(cube=None, **told):
        received = submissions.receive(open_round, sealed(harbour, open_round, cube), by=ada, **told)
        checking.open_sealed(str(received.submission.pk))
        received.submission.refresh_from_db()
        return received.submission

    return send


@pytest.fixture
def four_eyes(harbour):
    harbour.institution.approves_submissions = True
    harbour.institution.save()


def publish(round, *counted):
    Release.objects.create(
        round=round,
        public_id=f"{round.public_id}-r1",
        revision=1,
        state=ReleaseState.PUBLISHED,
        prepared_by=person("Stella", None, Role.STATISTICIAN),
        published_at=timezone.now() - timedelta(seconds=1),
        audit_passed=True,
        audit={"inputs": [str(each.pk) for each in counted]},
    )


# Corrections


def test_a_correction_counts_in_place_of_the_version_before_and_keeps_its_reason(sent):
    first, second = sent(), sent(call_report("HARBOUR", scale=2), correction=Correction("mapping", " Cards twice. "))
    first.refresh_from_db()

    assert (first.state, second.state) == (SubmissionState.SUPERSEDED, SubmissionState.ACCEPTED)
    assert (second.correction, second.correction_note) == ("mapping", "Cards twice.")


def test_the_first_version_corrects_nothing(sent):
    assert sent(correction=Correction("mapping", "x")).correction == ""


def test_how_many_cells_changed_is_counted_and_the_opening_is_on_record(sent):
    first, second = sent(), sent(call_report("HARBOUR", late=0.03))

    assert first.cells_changed is None
    assert second.cells_changed > 0
    assert first.openings.filter(purpose=Opening.Purpose.REVISE).exists()


def test_the_same_cube_sealed_again_changes_no_cell(sent):
    sent()
    assert sent().cells_changed == 0


def test_a_trial_opens_no_version_that_counts(sent):
    first = sent()
    sent(call_report("HARBOUR", scale=2), is_trial=True)
    assert not first.openings.filter(purpose=Opening.Purpose.REVISE).exists()


def test_cells_changed_counts_each_cell_once(open_round):
    template = open_round.collection.template
    cube, other = call_report("HARBOUR"), call_report("HARBOUR", scale=2)
    assert cells_changed(cube, cube, template) == 0
    assert cells_changed(other, cube, template) == cube.table.num_rows


def test_completeness_is_the_share_of_the_combinations_before_that_are_there_again():
    full = call_report("HARBOUR")
    table = full.table.slice(0, full.table.num_rows // 2)
    half = type(full)(table, full.collection, full.version, full.period, full.institution, full.places[: len(table)])
    assert completeness(full, full) == 1
    assert completeness(full, half) == 1
    assert completeness(half, full) == pytest.approx(len(table) / full.table.num_rows)


def test_once_figures_are_published_a_correction_needs_its_reason(sent, harbour, open_round, ada):
    publish(open_round, sent())
    package = sealed(harbour, open_round, call_report("HARBOUR", scale=2))

    assert rule_of(submissions.receive, open_round, package, by=ada) == "correction-reason-missing"
    other = Correction("other", " ")
    assert rule_of(submissions.receive, open_round, package, by=ada, correction=other) == "correction-note-missing"
    received = submissions.receive(open_round, package, by=ada, correction=Correction("source-data"))
    assert received.submission.correction == "source-data"


@pytest.mark.parametrize(
    ("reason", "note", "rule"),
    [
        ("boredom", "", "correction-reason-unknown"),
        ("mapping", "x" * 501, "reason-too-long"),
        ("mapping", "a\x00b", "reason-too-long"),
    ],
)
def test_garbage_is_no_reason(sent, harbour, open_round, ada, reason, note, rule):
    sent()
    package = sealed(harbour, open_round, call_report("HARBOUR", scale=2))
    correction = Correction(reason, note)
    assert rule_of(submissions.receive, open_round, package, by=ada, correction=correction) == rule
    assert Submission.objects.count() == 1


def test_the_reason_over_the_api(send, harbour, open_round, sent):
    sent()
    package = sealed(harbour, open_round, call_report("HARBOUR", scale=2))
    answer = send(package, **{"Correction-Reason": "method", "Correction-Note": "%E6%96%B0%E5%8F%A3%E5%BE%84"})
    assert answer.status_code == 202, answer.content
    corrected = Submission.objects.get(pk=answer.json()["id"])
    assert (corrected.correction, corrected.correction_note) == ("method", "新口径")


def test_a_published_round_is_reopened_corrected_and_closed_again(sent, open_round, harbour, ada, carl):
    first = sent()
    open_round.state = RoundState.PUBLISHED
    open_round.save()
    publish(open_round, first)
    rounds.reopen(open_round, by=carl, due_at=timezone.now() + timedelta(days=1))
    open_round.refresh_from_db()
    package = sealed(harbour, open_round, call_report("HARBOUR", scale=2))
    second = submissions.receive(open_round, package, by=ada, correction=Correction("source-data")).submission
    checking.open_sealed(str(second.pk))
    rounds.close(open_round, by=carl)
    second.refresh_from_db()

    assert (second.state, second.version) == (SubmissionState.ACCEPTED, 2)
    assert Leaf.objects.count() == 2


# Approval by a second person


@pytest.fixture
def waiting(four_eyes, sent, bela):
    return sent()


def test_approvers_are_told_that_one_waits_and_not_its_sender(waiting):
    told = Notice.objects.filter(kind="submission.awaiting_approval")
    assert list(told.values_list("person__name", flat=True)) == ["Bela"]


def test_sent_back_it_does_not_count_and_its_sender_reads_why(client, waiting, bela, ada):
    submission = submissions.send_back(waiting, "The cards are missing.", by=bela)

    assert submission.state == SubmissionState.SENT_BACK
    assert not Leaf.objects.exists()
    assert Notice.objects.filter(person=ada, kind="submission.sent_back").exists()
    client.force_login(ada)
    text = client.get(reverse("submission", args=[submission.pk])).content.decode()
    assert "The cards are missing." in text
    assert rule_of(submissions.approve, submission, by=bela) == "not-awaiting-approval"
    assert rule_of(submissions.send_back, submission, "x", by=bela) == "not-awaiting-approval"


def test_a_submission_is_sent_back_by_an_approver_other_than_its_sender_and_with_a_reason(waiting, ada, bela, olga):
    assert rule_of(submissions.send_back, waiting, " ", by=bela) == "reason-missing"
    assert rule_of(submissions.send_back, waiting, "x" * 501, by=bela) == "reason-too-long"
    for someone in (ada, olga):
        with pytest.raises(Forbidden):
            submissions.send_back(waiting, "No", by=someone)
    ada.roles = [Role.SUBMITTER, Role.APPROVER]
    ada.save()
    assert rule_of(submissions.send_back, waiting, "No", by=ada) == "own-submission"


def test_what_a_job_sent_any_approver_approves(four_eyes, send, harbour, open_round, bela):
    answer = send(sealed(harbour, open_round))
    submission = Submission.objects.get(pk=answer.json()["id"])
    checking.open_sealed(str(submission.pk))
    assert submissions.approve(submission, by=bela).state == SubmissionState.ACCEPTED


def test_the_approver_sees_digest_findings_key_and_sender_and_acts_on_the_page(client, waiting, bela):
    client.force_login(bela)
    address = reverse("submission", args=[waiting.pk])
    text = client.get(address).content.decode()
    for fact in (waiting.package_sha256, waiting.signing_kid, "Ada", "Receipt"):
        assert fact in text
    client.post(reverse("submission-send-back", args=[waiting.pk]), {"send-back-reason": "Wrong tape."})
    waiting.refresh_from_db()
    assert (waiting.state, waiting.remarks.get().text) == (SubmissionState.SENT_BACK, "Wrong tape.")


def test_a_withdrawal_may_say_why(client, sent, bela, ada, token):
    submission = sent()
    address = f"/api/v1/submissions/{submission.pk}/withdraw"
    headers = {"authorization": token}
    answer = client.post(address, {"reason": "Wrong period"}, content_type="application/json", headers=headers)
    assert answer.json()["state"] == "withdrawn"
    assert [(each["kind"], each["text"]) for each in answer.json()["remarks"]] == [("withdrawn", "Wrong period")]
    assert Notice.objects.filter(kind="submission.withdrawn").count() == 2


def test_a_withdrawal_needs_no_body(client, sent, token):
    address = f"/api/v1/submissions/{sent().pk}/withdraw"
    answer = client.generic("POST", address, b"", content_type="", headers={"authorization": token})
    assert answer.json()["state"] == "withdrawn", answer.content


# Pages


def test_findings_are_in_the_readers_language_and_grouped_by_rule(client, harbour, open_round, ada):
    package = sealed(harbour, open_round, call_report("HARBOUR", "2025-Q3"))
    rejected = submissions.receive(open_round, package, by=ada).submission
    checking.open_sealed(str(rejected.pk))
    client.force_login(ada)
    english = client.get(reverse("submission", args=[rejected.pk])).content.decode()
    ada.language = "zh-hans"
    ada.save()
    with translation.override("zh-hans"):
        client.cookies["django_language"] = "zh-hans"
        chinese = client.get(reverse("submission", args=[rejected.pk])).content.decode()

    assert "The cube is of another period than the round" in english
    assert "数据立方的报告期与轮次不符" in chinese


def test_every_rule_that_a_check_can_break_has_words():
    from anonymize.cube import CUBE_RULES
    from anonymize.plausibility import ALONE, COMPARISONS
    from sharing import remedies

    assert set(CUBE_RULES) <= set(remedies._OF_RULE)
    assert {"sum", "less-or-equal", *ALONE, *COMPARISONS} <= set(remedies._OF_KIND)


def test_the_page_leads_to_the_proof_of_inclusion(client, sent, ada):
    submission = sent()
    client.force_login(ada)
    address = reverse("submission-proof", args=[submission.pk])
    assert address in client.get(reverse("submission", args=[submission.pk])).content.decode()
    assert "Proof of inclusion" in client.get(address).content.decode()
    proof = client.get(address + "?file").json()
    assert (proof["submission"], proof["leaf_index"]) == (str(submission.pk), 0)


def test_without_a_leaf_the_proof_page_says_so(client, waiting, ada):
    client.force_login(ada)
    answer = client.get(reverse("submission-proof", args=[waiting.pk]) + "?file")
    assert answer.status_code == 200
    assert "It is not in the log" in answer.content.decode()


def test_a_reason_that_no_database_takes_is_refused_on_the_page(client, sent, four_eyes, bela):
    waiting = sent()
    client.force_login(bela)
    answer = client.post(reverse("submission-send-back", args=[waiting.pk]), {"send-back-reason": "a\x00b"})
    waiting.refresh_from_db()
    assert answer.status_code in (302, 409, 422)
    assert waiting.state == SubmissionState.AWAITING_APPROVAL
