"""What stands on the home page of whoever can do it, and of nobody else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from django.utils.formats import date_format

from consortium.institutions.models import ApprovalWaiver, SigningKey
from consortium.institutions.services import agreements, departures, four_eyes
from consortium.people.roles import Role
from consortium.portal.owed import owed
from sharing.models import Extension, Finding, NoData, Query
from sharing.states import NoDataState, QueryState
from tests.cast import call_report, person
from tests.sharing.releasing import submit

pytestmark = pytest.mark.django_db


def texts(whose) -> list[str]:
    return [each.text for each in owed(whose)]


@pytest.fixture
def agreement(mara):
    today = timezone.localdate()
    return agreements.issue(
        "We share.", "我们共享。", effective_on=today, accept_by=today + timedelta(days=30), by=mara
    )


def test_a_new_agreement_is_owed_by_those_who_may_accept_it_until_one_has(agreement, dora, bela, anna):
    assert texts(dora) == texts(bela) == ["Accept version 1 of the membership agreement"]
    assert texts(anna) == []
    agreements.accept(agreement, dora.institution, name="Dora", position="Head", by=dora)
    assert texts(bela) == []


def test_a_waiver_is_confirmed_by_somebody_else(harbour, dora, bela):
    harbour.institution.approves_submissions = True
    harbour.institution.save()
    four_eyes.ask_for_waiver(dora.institution, by=dora)
    assert ApprovalWaiver.objects.count() == 1
    assert texts(dora) == []
    assert texts(bela) == ["Confirm that submissions leave without a second person"]


def test_the_administrator_hears_of_the_last_key_before_it_ends(harbour, dora, ada):
    key = SigningKey.objects.filter(institution=harbour.institution)
    key.update(ends_at=timezone.now() + timedelta(days=10))
    assert texts(dora) == ["Register a new signing key"]
    assert texts(ada) == []
    key.update(ends_at=timezone.now() + timedelta(days=100))
    assert texts(dora) == []


def test_a_question_is_owed_by_those_who_may_answer_it(harbour, open_round, ada, anna, olga):
    submission = submit(harbour, open_round, call_report("HARBOUR"))
    Finding.objects.create(submission=submission, rule="period-change-within", severity="warning", sentence="Look.")
    query = Query.objects.create(
        submission=submission, handle="C-1", rule="period-change-within", severity="warning", findings_count=1
    )
    assert texts(ada) == ["Answer a question from the association"]
    assert texts(anna) == texts(olga) == []
    query.state = QueryState.CLOSED
    query.save()
    assert texts(ada) == []


def test_answers_wait_for_the_statistician(harbour, open_round, stella, carl):
    submission = submit(harbour, open_round, call_report("HARBOUR"))
    Query.objects.create(
        submission=submission,
        handle="C-1",
        rule="period-change-within",
        severity="warning",
        findings_count=1,
        state=QueryState.ANSWERED,
    )
    assert texts(stella) == ["Read 1 answer"]
    assert texts(carl) == []


def test_a_declaration_waits_for_an_approver_who_did_not_make_it(harbour, open_round, bela, ada):
    second = person("Bruno", harbour.institution, Role.APPROVER, Role.SUBMITTER)
    NoData.objects.create(
        round=open_round,
        institution=harbour.institution,
        reason="merger",
        state=NoDataState.AWAITING_APPROVAL,
        declared_by=second,
    )
    assert texts(bela) == ["Approve that there is nothing to send"]
    assert texts(second) == texts(ada) == []


def test_a_departure_waits_for_member_services(dora, mara, sven):
    departures.declare(dora.institution, timezone.localdate() + timedelta(days=60), reason="merger", by=dora)
    assert texts(mara) == ["Confirm that Harbour Bank leaves"]
    assert texts(sven) == []


def test_everything_owed_leads_somewhere(client, agreement, dora):
    client.force_login(dora)
    (only,) = owed(dora)
    assert only.text in client.get("/").content.decode()
    assert client.get(only.address).status_code == 200


def test_home_names_the_day_until_which_this_member_has_time(client, open_round, harbour, ada, carl):
    until = open_round.due_at + timedelta(days=9)
    Extension.objects.create(
        round=open_round, institution=harbour.institution, until=until, reason="Migration.", granted_by=carl
    )
    client.force_login(ada)
    told = client.get("/").content.decode()
    assert date_format(until, "DATE_FORMAT") in told
    assert date_format(open_round.due_at, "DATE_FORMAT") not in told
