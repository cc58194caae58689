"""Questions about findings: the association knows a handle, the contributor knows no name."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from consortium.audit.models import Entry
from consortium.errors import Forbidden, Refused
from consortium.notifications.models import Notice
from consortium.people.roles import Role
from sharing.models import Extension, Finding, Query, Round, Submission
from sharing.services import queries
from sharing.states import QueryState, RoundState
from tests.cast import found_bank, person
from tests.sharing.conftest import bearer

pytestmark = pytest.mark.django_db
RULE = "balance-change"
CELL = {"PRODUCT": "P11", "DPD_BUCKET": "_T"}


def counted(round, bank, number, *rules):
    """A submission that counts, with a warning of each rule."""
    submission = Submission.objects.create(
        round=round,
        institution=bank.institution,
        version=1,
        state="accepted",
        received_at=timezone.now(),
        decided_at=timezone.now(),
        signing_kid="k",
        rkid="r",
        package_sha256=f"{number:064d}",
        package_bytes=1,
        blob="none",
        receipt="r",
    )
    for rule in rules:
        Finding.objects.create(submission=submission, rule=rule, severity="warning", cell=CELL, sentence="See.")
    return submission


@pytest.fixture
def five(open_round, harbour):
    """Five contributors count; Harbour Bank's submission has two findings of a rule and one of another."""
    banks = [harbour, *(found_bank(f"BANK{number}") for number in range(4))]
    for number, bank in enumerate(banks):
        open_round.collection.contributors.add(bank.institution)
        counted(open_round, bank, number, *((RULE, RULE, "mix-shift") if bank is harbour else ()))
    return banks


@pytest.fixture
def handle(open_round, harbour):
    return queries.handle_of(open_round.pk, harbour.institution.pk)


@pytest.fixture
def asked(five, open_round, handle, stella, ada):
    return queries.ask(open_round, handle, RULE, "Did a portfolio move?", by=stella)


def rule_of(call, *args, **kwargs):
    with pytest.raises(Refused) as refused:
        call(*args, **kwargs)
    return refused.value.rule


def test_the_statistician_sees_handle_rule_severity_and_count_and_nothing_else(five, open_round, handle, stella):
    found = queries.found_in(open_round, stella)
    assert [(each.handle, each.rule, each.severity, each.count) for each in found] == [
        (handle, RULE, "warning", 2),
        (handle, "mix-shift", "warning", 1),
    ]


def test_a_handle_is_another_in_every_round(open_round, harbour, five):
    other = Round.objects.create(
        collection=open_round.collection,
        public_id="other",
        period="2026-Q1",
        opens_at=timezone.now(),
        due_at=timezone.now() + timedelta(days=1),
        state=RoundState.OPEN,
    )
    handles = {queries.handle_of(round.pk, bank.institution.pk) for round in (open_round, other) for bank in five}
    assert len(handles) == 10


def test_among_fewer_than_five_nothing_is_shown_or_asked(open_round, harbour, handle, stella):
    counted(open_round, harbour, 1, RULE)
    assert rule_of(queries.found_in, open_round, stella) == "too-few-to-ask"
    assert rule_of(queries.ask, open_round, handle, RULE, "Why?", by=stella) == "too-few-to-ask"


def test_a_question_and_its_answer(asked, harbour, ada, stella):
    assert Notice.objects.get(kind="submission.query_asked").person == ada
    answered = queries.answer(asked, "A branch was sold.", by=ada)

    assert answered.state == QueryState.ANSWERED
    assert Notice.objects.get(kind="query.answered").person == stella
    assert [(each.is_answer, each.text) for each in asked.messages.all()] == [
        (False, "Did a portfolio move?"),
        (True, "A branch was sold."),
    ]


def test_no_page_of_the_association_names_the_contributor_or_a_cell(client, asked, open_round, ada, stella):
    queries.answer(asked, "A branch was sold.", by=ada)
    client.force_login(stella)
    pages = [
        reverse("queries"),
        reverse("query", args=[asked.pk]),
        reverse("round-findings", args=[open_round.public_id]),
        reverse("notices"),
    ]
    for page in pages:
        text = client.get(page).content.decode()
        assert asked.handle in text, page
        for secret in ("Harbour", "HARBOUR", "Ada", "P11", str(asked.submission_id)):
            assert secret not in text, (page, secret)


def test_no_page_of_the_member_names_who_asks(client, asked, ada):
    client.force_login(ada)
    for page in (reverse("query", args=[asked.pk]), reverse("submission", args=[asked.submission_id])):
        text = client.get(page).content.decode()
        assert client.get(page).status_code == 200
        assert "Stella" not in text


def test_cells_are_shown_only_where_the_member_chooses_to(client, asked, ada, stella):
    queries.answer(asked, "Here.", by=ada, show_cells=True)
    client.force_login(stella)
    assert asked.messages.last().cells == [CELL, CELL]
    assert "_T" not in client.get(reverse("query", args=[asked.pk])).content.decode()  # names, not codes


def test_an_answered_question_may_be_asked_again_and_a_closed_one_not(asked, ada, stella):
    queries.answer(asked, "So it is.", by=ada)
    assert queries.ask_again(asked, "Since when?", by=stella).state == QueryState.OPEN
    assert queries.close(asked, by=stella).state == QueryState.CLOSED
    for call in (
        lambda: queries.answer(asked, "x", by=ada),
        lambda: queries.ask_again(asked, "x", by=stella),
        lambda: queries.close(asked, by=stella),
    ):
        assert rule_of(call) == "query-closed"


def test_a_closed_question_makes_room_for_another(asked, open_round, handle, stella):
    assert rule_of(queries.ask, open_round, handle, RULE, "And?", by=stella) == "asked-already"
    queries.close(asked, by=stella)
    assert queries.ask(open_round, handle, RULE, "And?", by=stella).pk != asked.pk


@pytest.mark.parametrize(("rule", "handle_"), [("no-such", None), (RULE, "AAAA-AAAA"), (RULE, ""), ("", None)])
def test_nothing_is_asked_about_what_was_not_found(five, open_round, handle, stella, rule, handle_):
    wrong = handle if handle_ is None else handle_
    assert rule_of(queries.ask, open_round, wrong, rule, "Why?", by=stella) == "no-such-finding"


@pytest.mark.parametrize(("text", "rule"), [(" ", "message-missing"), ("x" * 2001, "message-too-long")])
def test_a_message_has_words_and_an_end(asked, ada, stella, text, rule):
    assert rule_of(queries.answer, asked, text, by=ada) == rule
    assert rule_of(queries.ask_again, asked, text, by=stella) == rule


def test_only_statisticians_ask_and_only_the_contributor_answers(asked, open_round, carl, sven, olga, anna, ada):
    for someone in (carl, sven, olga, ada):
        with pytest.raises(Forbidden):
            queries.found_in(open_round, someone)
        with pytest.raises(Forbidden):
            queries.close(asked, by=someone)
    for someone in (olga, anna, carl):
        with pytest.raises(Forbidden):
            queries.answer(asked, "x", by=someone)
    assert not Query.objects.visible_to(olga).exists()
    assert not Query.objects.visible_to(carl).exists()


def test_a_person_of_another_contributor_sees_nothing_of_it(client, asked, five):
    other = person("Nils", five[1].institution, Role.SUBMITTER)
    client.force_login(other)
    assert client.get(reverse("query", args=[asked.pk])).status_code == 404
    assert client.post(reverse("query", args=[asked.pk]), {"text": "x"}).status_code == 404


def test_the_audit_names_what_was_asked_without_the_institution(asked):
    entry = Entry.objects.get(event="query.asked")
    assert (entry.institution_id, entry.about_type) == (None, "query")


def test_over_the_api(client, asked, harbour):
    headers = {"authorization": bearer(client, harbour)}
    address = f"/api/v1/submissions/{asked.submission_id}/queries"
    (query,) = client.get(address, headers=headers).json()["results"]
    assert (query["rule"], query["findings_count"], query["state"]) == (RULE, 2, "query_open")
    made = client.post(
        f"{address}/{asked.pk}/answers", {"text": "Sold."}, content_type="application/json", headers=headers
    )
    assert (made.status_code, made.json()["state"]) == (201, "answered")
    assert "by" not in made.json()["messages"][0]


def test_asked_on_the_page(client, five, open_round, handle, stella):
    client.force_login(stella)
    client.post(reverse("round-findings", args=[open_round.public_id]), {"about": f"{handle},{RULE}", "text": "Why?"})
    assert Query.objects.get().rule == RULE


# What the board and the audit log would add


def test_while_packages_come_in_findings_are_added_five_at_a_time(five, open_round, stella, handle):
    """The sixth handle alone would be the sixth name of the board."""
    sixth = found_bank("SIXTH")
    open_round.collection.contributors.add(sixth.institution)
    counted(open_round, sixth, 6, RULE)
    own = queries.handle_of(open_round.pk, sixth.institution.pk)

    assert {each.handle for each in queries.found_in(open_round, stella)} == {handle}
    assert rule_of(queries.ask, open_round, own, RULE, "Why?", by=stella) == "no-such-finding"

    for number in range(7, 11):
        bank = found_bank(f"BANK{number}")
        open_round.collection.contributors.add(bank.institution)
        counted(open_round, bank, number, RULE)
    assert len({each.handle for each in queries.found_in(open_round, stella)}) == 6


def test_when_nothing_more_comes_in_all_findings_are_shown(five, open_round, stella, harbour, carl):
    sixth = found_bank("SIXTH")
    open_round.collection.contributors.add(sixth.institution)
    counted(open_round, sixth, 6, RULE)
    open_round.state = RoundState.CLOSED
    open_round.save()
    extension = Extension.objects.create(
        round=open_round,
        institution=harbour.institution,
        until=timezone.now() + timedelta(days=1),
        reason="Migration",
        granted_by=carl,
    )
    assert len({each.handle for each in queries.found_in(open_round, stella)}) == 1
    Extension.objects.filter(pk=extension.pk).update(until=timezone.now())
    assert len({each.handle for each in queries.found_in(open_round, stella)}) == 2


def test_who_reads_the_audit_log_asks_nothing(client, asked, open_round, handle):
    """The log names who answered, and the thread the handle."""
    both = person("Bo", None, Role.STATISTICIAN, Role.AUDITOR)
    with pytest.raises(Forbidden):
        queries.found_in(open_round, both)
    with pytest.raises(Forbidden):
        queries.ask(open_round, handle, "mix-shift", "Why?", by=both)
    with pytest.raises(Forbidden):
        queries.ask_again(asked, "Why?", by=both)
    client.force_login(both)
    assert client.get(reverse("query", args=[asked.pk])).status_code == 404
    assert client.get(reverse("round-findings", args=[open_round.public_id])).status_code == 403
