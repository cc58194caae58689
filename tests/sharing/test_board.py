"""The progress board: who is how far, for the association, and never what was sent."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from consortium.errors import Forbidden
from consortium.institutions.models import Institution
from consortium.institutions.states import InstitutionState
from sharing import board
from sharing.models import Extension, NoData, Round, Submission
from sharing.states import RoundState
from tests.cast import found_bank

pytestmark = pytest.mark.django_db


def sent(round, institution, state, *, version=1, is_trial=False, days=0, timeliness="", **fields):
    at = timezone.now() + timedelta(days=days)
    return Submission.objects.create(
        round=round,
        institution=institution,
        state=state,
        version=version,
        is_trial=is_trial,
        received_at=at,
        decided_at=at,
        timeliness=timeliness,
        signing_kid="k",
        rkid="r",
        package_sha256=f"{institution.pk}-{round.pk}-{version}-{is_trial}",
        package_bytes=1,
        blob="b",
        receipt="r",
        **fields,
    )


def standing_of(round, person, institution):
    return next(each for each in board.standings(round, person) if each.code == institution.code)


@pytest.fixture
def overdue_round(open_round):
    Round.objects.update(due_at=timezone.now() - timedelta(hours=1))
    open_round.refresh_from_db()
    return open_round


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("accepted", board.ACCEPTED),
        ("awaiting_approval", board.AWAITING),
        ("received", board.CHECKING),
        ("rejected", board.REJECTED),
        ("sent_back", board.REJECTED),
        ("withdrawn", board.WITHDRAWN),
    ],
)
def test_each_state_of_a_submission_has_its_place(open_round, harbour, carl, state, shown):
    sent(open_round, harbour.institution, state)

    assert standing_of(open_round, carl, harbour.institution).state == shown


def test_whoever_sent_nothing_is_silent_and_a_trial_is_only_a_trial(open_round, harbour, carl):
    assert standing_of(open_round, carl, harbour.institution).state == board.SILENT

    sent(open_round, harbour.institution, "checked", is_trial=True)

    standing = standing_of(open_round, carl, harbour.institution)
    assert standing.state == board.TRIAL
    assert standing.is_silent


def test_an_accepted_version_outweighs_a_rejected_correction(open_round, harbour, carl):
    sent(open_round, harbour.institution, "superseded", version=1)
    sent(open_round, harbour.institution, "accepted", version=2)
    sent(open_round, harbour.institution, "rejected", version=3)

    assert standing_of(open_round, carl, harbour.institution).state == board.ACCEPTED


def test_what_came_last_is_what_counts_before_anything_is_accepted(open_round, harbour, carl):
    sent(open_round, harbour.institution, "rejected", version=1)
    sent(open_round, harbour.institution, "received", version=2)

    assert standing_of(open_round, carl, harbour.institution).state == board.CHECKING


@pytest.mark.parametrize(
    ("state", "shown"), [("declared", board.DECLARED), ("awaiting_approval", board.AWAITING), ("withdrawn", "silent")]
)
def test_a_declaration_of_no_data_is_an_answer_while_it_stands(open_round, harbour, carl, state, shown):
    NoData.objects.create(round=open_round, institution=harbour.institution, reason="no-such-portfolio", state=state)

    assert standing_of(open_round, carl, harbour.institution).state == shown


def test_after_the_date_whoever_has_not_answered_is_late(overdue_round, harbour, carl):
    assert standing_of(overdue_round, carl, harbour.institution).is_late

    NoData.objects.create(round=overdue_round, institution=harbour.institution, reason="no-such-portfolio")
    assert not standing_of(overdue_round, carl, harbour.institution).is_late


def test_grace_comes_before_late(overdue_round, harbour, carl):
    Round.objects.update(grace_until=timezone.now() + timedelta(days=1))
    overdue_round.refresh_from_db()

    standing = standing_of(overdue_round, carl, harbour.institution)

    assert (standing.timeliness, standing.is_late) == (board.IN_GRACE, False)


def test_more_time_for_one_is_that_ones_date(overdue_round, harbour, carl):
    until = timezone.now() + timedelta(days=3)
    Extension.objects.create(
        round=overdue_round, institution=harbour.institution, until=until, reason="r", granted_by=carl
    )

    standing = standing_of(overdue_round, carl, harbour.institution)

    assert (standing.deadline, standing.is_extended, standing.timeliness) == (until, True, "")


def test_what_was_accepted_keeps_its_timeliness(overdue_round, harbour, carl):
    sent(overdue_round, harbour.institution, "accepted", timeliness="on_time")

    assert standing_of(overdue_round, carl, harbour.institution).timeliness == "on_time"


def test_the_period_before_shows_whether_it_was_on_time(open_round, harbour, carl):
    assert not standing_of(open_round, carl, harbour.institution).was_asked
    before = Round.objects.create(
        collection=open_round.collection,
        public_id="before",
        period="2025-Q3",
        state=RoundState.PUBLISHED,
        opens_at=timezone.now() - timedelta(days=100),
        due_at=timezone.now() - timedelta(days=90),
    )
    sent(before, harbour.institution, "accepted", timeliness="late")

    standing = standing_of(open_round, carl, harbour.institution)

    assert (standing.was_asked, standing.last_timeliness) == (True, "late")


def test_only_active_members_are_expected(open_round, carl, suspended_bank):
    assert suspended_bank.institution.code not in {each.code for each in board.standings(open_round, carl)}


def test_the_summary_counts_institutions_and_nothing_else(open_round, harbour, carl):
    others = [found_bank(f"BANK{number}").institution for number in range(3)]
    open_round.collection.contributors.add(*others)
    sent(open_round, harbour.institution, "accepted")
    NoData.objects.create(round=open_round, institution=others[0], reason="no-such-portfolio")
    sent(open_round, others[1], "awaiting_approval")

    summary = board.summary(board.standings(open_round, carl))

    assert (summary.expected, summary.answered, summary.under_way, summary.silent) == (4, 2, 1, 1)
    assert summary.coverage == 0.25


def test_nobody_but_those_who_follow_rounds_sees_the_board(open_round, ada, bela, dora, olga, paula, oskar):
    for person in (ada, bela, dora, olga, paula, oskar):
        with pytest.raises(Forbidden):
            board.standings(open_round, person)


def many(collection, count):
    banks = Institution.objects.bulk_create(
        Institution(code=f"B{number:04}", name=f"Bank {number:04}", kind="other", size_band="small",
                    state=InstitutionState.ACTIVE)
        for number in range(count)
    )  # fmt: skip
    collection.contributors.add(*banks)
    return banks


def test_four_thousand_contributors_cost_one_query(open_round, carl):
    banks = many(open_round.collection, 4000)
    for bank in banks[:5]:
        sent(open_round, bank, "accepted")

    with CaptureQueriesContext(connection) as asked:
        standings = board.standings(open_round, carl)

    assert len(asked) == 1
    assert len(standings) == 4001
    assert board.summary(standings).by_state["accepted"] == 5


def test_a_page_of_four_thousand_costs_as_many_queries_as_a_page_of_one(client, open_round, carl):
    client.force_login(carl)
    address = f"/rounds/{open_round.public_id}/"
    client.get(address)
    with CaptureQueriesContext(connection) as few:
        client.get(address)
    many(open_round.collection, 4000)

    with CaptureQueriesContext(connection) as asked:
        page = client.get(address)

    assert len(asked) == len(few)
    assert page.content.count(b'name="institution"') <= 51


def test_the_board_is_filtered_sorted_and_found_in(client, open_round, carl, harbour):
    for bank in many(open_round.collection, 3):
        sent(open_round, bank, "accepted")
    client.force_login(carl)

    def names(query):
        page = client.get(f"/rounds/{open_round.public_id}/{query}")
        return [standing.code for standing in page.context["page"]]

    assert names("?wanted=accepted") == ["B0000", "B0001", "B0002"]
    assert names("?sort=-name")[0] == "HARBOUR"
    assert names("?text=harb") == ["HARBOUR"]
    assert names("?wanted=unanswered") == ["HARBOUR"]
    assert names("?wanted=nonsense&sort=nonsense&page=99&text=%25") == []


def test_the_file_holds_the_board_and_no_formula(client, open_round, carl, harbour):
    harbour.institution.name = "=HYPERLINK(1)"
    harbour.institution.save()
    sent(open_round, harbour.institution, "accepted", timeliness="on_time")
    client.force_login(carl)

    answer = client.get(f"/rounds/{open_round.public_id}/standings.csv")

    (row,) = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert (row["code"], row["state"], row["timeliness"]) == ("HARBOUR", "accepted", "on_time")
    assert row["name"] == "'=HYPERLINK(1)"


def test_the_board_names_nothing_of_what_was_sent(client, open_round, carl, harbour):
    submission = sent(
        open_round,
        harbour.institution,
        "accepted",
        timeliness="on_time",
        score=77,
        completeness=0.4321,
        cells_changed=9,
    )
    client.force_login(carl)

    page = client.get(f"/rounds/{open_round.public_id}/").content.decode()

    for secret in ("77", "0.43", "43.2", str(submission.pk)):
        assert secret not in page.split("<main", 1)[1]


def test_every_state_has_a_badge_and_its_words_in_chinese(client, open_round, carl):
    states = ["accepted", "awaiting_approval", "received", "rejected", "withdrawn"]
    banks = many(open_round.collection, len(states) + 3)
    for bank, state in zip(banks, states, strict=False):
        sent(open_round, bank, state)
    sent(open_round, banks[-1], "checked", is_trial=True)
    NoData.objects.create(round=open_round, institution=banks[-2], reason="no-such-portfolio")
    carl.language = "zh-hans"
    carl.save()
    client.force_login(carl)

    with translation.override("zh-hans"):  # and back to what it was, for the tests after this one
        page = client.get(f"/rounds/{open_round.public_id}/").content.decode()
        for words in board.STATES.values():
            assert str(words) in page
            assert not str(words).isascii()
