"""The score of an answer, the rolling one, and how little of the others is shown."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from consortium.institutions.models import Institution
from sharing.models import Extension, Finding, NoData, Round, Submission, Timeliness
from sharing.services import checking, quality, submissions
from sharing.services.quality import Quality
from sharing.states import RoundState, SubmissionState
from tests.cast import call_report, found_bank, sealed

pytestmark = pytest.mark.django_db


def test_the_weights_make_a_hundred():
    assert sum(quality.WEIGHTS.values()) == pytest.approx(1)
    assert Quality(100, 100, 100, 100).score == 100
    assert Quality(0, 0, 0, 0).score == 0
    assert Quality(40, 100, 100, 100).score == 79


@pytest.fixture
def sent(harbour, open_round, ada):
    def send(cube=None):
        submission = submissions.receive(open_round, sealed(harbour, open_round, cube), by=ada).submission
        checking.open_sealed(str(submission.pk))
        submission.refresh_from_db()
        return submission

    return send


def test_timely_complete_clean_and_right_at_first_is_a_hundred(sent):
    assert sent().score == 100


@pytest.mark.parametrize(("timeliness", "part"), [("on_time", 100), ("in_grace", 80), ("late", 40)])
def test_the_timeliness_part(sent, timeliness, part):
    submission = sent()
    submission.timeliness = timeliness
    assert quality.quality_of(submission).timeliness == part


def test_a_correction_is_no_later_than_what_it_corrects_and_is_a_restatement(sent, open_round):
    sent()
    open_round.opens_at = timezone.now() - timedelta(days=3)
    open_round.due_at = timezone.now() - timedelta(days=1)
    open_round.save()
    second, third = sent(call_report("HARBOUR", scale=2)), sent(call_report("HARBOUR", scale=3))

    assert second.timeliness == Timeliness.LATE
    assert quality.quality_of(second) == Quality(100, 100, 100, 75)
    assert quality.quality_of(third).restatements == 50
    assert (second.score, third.score) == (95, 90)


def test_every_rule_that_warns_costs_more_than_every_cell(sent):
    submission = sent()
    for rule in ("mix-shift", "mix-shift", "outlier"):
        Finding.objects.create(submission=submission, rule=rule, severity="warning", sentence="See.")
    assert quality.quality_of(submission).findings == 100 - 2 * 10 - 3
    for number in range(60):
        Finding.objects.create(submission=submission, rule=f"rule-{number}", severity="warning", sentence="See.")
    assert quality.quality_of(submission).findings == 0


def test_completeness_is_measured_against_the_period_before(harbour, open_round):
    submission = scored(open_round, harbour, 0)
    submission.completeness = 0.5
    assert quality.quality_of(submission).completeness == 50


def closed(collection, period, days_ago):
    now = timezone.now()
    return Round.objects.create(
        collection=collection,
        public_id=period,
        period=period,
        state=RoundState.CLOSED,
        opens_at=now - timedelta(days=days_ago + 9),
        due_at=now - timedelta(days=days_ago),
    )


def scored(round, bank, score):
    return Submission.objects.create(
        round=round,
        institution=bank.institution,
        version=1,
        state=SubmissionState.ACCEPTED,
        received_at=timezone.now(),
        package_sha256=f"{round.pk:032d}{bank.institution.pk:032d}",
        package_bytes=1,
        score=score,
        receipt="r",
    )


@pytest.fixture
def long_ago(harbour):
    harbour.institution.admitted_at = timezone.now() - timedelta(days=900)
    harbour.institution.save()


def test_the_rolling_score_is_the_mean_of_the_last_four_closed_rounds(collection, harbour, open_round, long_ago):
    for number, score in enumerate((100, 80, 60, 40, 0)):
        scored(closed(collection, f"2024-{number + 1:02d}", 30 * (number + 1)), harbour, score)
    assert quality.rolling(collection.code)[harbour.institution.pk] == 70


def test_silence_counts_nothing_and_a_declaration_is_left_out(collection, harbour, long_ago):
    scored(closed(collection, "2024-01", 60), harbour, 90)
    silent = closed(collection, "2024-02", 30)
    assert quality.rolling(collection.code)[harbour.institution.pk] == 45
    NoData.objects.create(round=silent, institution=harbour.institution, reason="merger")
    assert quality.rolling(collection.code)[harbour.institution.pk] == 90


def test_silence_costs_nothing_while_there_is_more_time(collection, harbour, long_ago, carl):
    scored(closed(collection, "2024-01", 60), harbour, 90)
    silent = closed(collection, "2024-02", 30)
    until = timezone.now() + timedelta(days=3)
    extension = Extension.objects.create(
        round=silent, institution=harbour.institution, until=until, reason="Migration", granted_by=carl
    )
    assert quality.rolling(collection.code)[harbour.institution.pk] == 90
    scored(silent, harbour, 70)
    assert quality.rolling(collection.code)[harbour.institution.pk] == 80
    Submission.objects.filter(round=silent).delete()
    Extension.objects.filter(pk=extension.pk).update(until=timezone.now())
    assert quality.rolling(collection.code)[harbour.institution.pk] == 45


def test_the_rolling_score_of_thousands_takes_few_queries(collection, django_assert_max_num_queries):
    institutions = Institution.objects.bulk_create(
        Institution(code=f"MANY{number}", name=f"Bank {number}", state="active") for number in range(2000)
    )
    collection.contributors.add(*institutions)
    for number in range(4):
        closed(collection, f"2024-{number + 1:02d}", 30 * (number + 1))
    with django_assert_max_num_queries(6):
        assert len(quality.rolling(collection.code)) >= 2000


def test_rounds_from_before_its_admission_are_left_out(collection, harbour):
    closed(collection, "2024-01", 60)
    assert harbour.institution.pk not in quality.rolling(collection.code)


@pytest.mark.parametrize(("others", "shown"), [(4, False), (5, True)])
def test_peers_are_shown_from_five_on_and_in_steps_of_five(others, shown):
    scores = {0: 88, **{number: 61 + 9 * number for number in range(1, others + 1)}}
    peers = quality.peers(scores, 0)
    assert (peers is not None) is shown
    if peers is not None:
        assert (peers.count, peers.lower, peers.median, peers.upper) == (5, 80, 90, 95)


def test_the_page_never_shows_another_members_score(client, collection, harbour, ada, long_ago):
    round = closed(collection, "2024-01", 30)
    scored(round, harbour, 91)
    for number in range(5):
        bank = found_bank(f"PEER{number}")
        bank.institution.admitted_at = timezone.now() - timedelta(days=900)
        bank.institution.save()
        collection.contributors.add(bank.institution)
        scored(round, bank, 63 + number)
    client.force_login(ada)
    text = client.get(reverse("quality")).content.decode()

    assert "Peer" not in text
    numbers = re.findall(r"<dd[^>]*>\s*(?:<strong>)?(\d+)", text)
    # Ours, then the others' quartiles: 64, 65 and 66 in steps of five; then the parts of our last answer.
    assert numbers[:4] == ["91", "65", "65", "65"]
    assert not {"63", "64", "66", "67"} & set(numbers)


def test_no_page_of_the_association_shows_a_score(client, sent, open_round, carl):
    submission = sent()
    Submission.objects.filter(pk=submission.pk).update(score=37)
    client.force_login(carl)
    text = client.get(reverse("round", args=[open_round.public_id])).content.decode()
    assert "37" not in text.partition("<main")[2].partition("</main")[0].replace(":37", "")
