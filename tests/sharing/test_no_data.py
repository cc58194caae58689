"""Nobody's data: a declaration counts as an answer, stands once, and gives way to a package that is accepted."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from consortium.errors import Forbidden, Refused
from consortium.notifications.models import Notice
from sharing.models import NoData, NoDataReason
from sharing.services import checking, no_data, rounds, submissions
from sharing.states import NoDataState
from tests.cast import call_report, sealed

pytestmark = pytest.mark.django_db


def rule_of(call, *args, **kwargs):
    with pytest.raises(Refused) as refused:
        call(*args, **kwargs)
    return refused.value.rule


@pytest.fixture
def four_eyes(harbour):
    harbour.institution.approves_submissions = True
    harbour.institution.save()


def test_a_declaration_stands(open_round, ada):
    declaration = no_data.declare(open_round, NoDataReason.MIGRATION, by=ada)
    assert declaration.state == NoDataState.DECLARED


def test_a_second_person_approves_where_submissions_are_approved(four_eyes, open_round, ada, bela):
    declaration = no_data.declare(open_round, NoDataReason.MERGER, by=ada)

    assert declaration.state == NoDataState.AWAITING_APPROVAL
    assert list(Notice.objects.values_list("person__name", flat=True)) == ["Bela"]
    assert no_data.approve(declaration, by=bela).state == NoDataState.DECLARED


def test_its_sender_does_not_approve(four_eyes, open_round, ada):
    ada.roles = ["submitter", "approver"]
    ada.save()
    declaration = no_data.declare(open_round, NoDataReason.MERGER, by=ada)
    assert rule_of(no_data.approve, declaration, by=ada) == "own-submission"
    assert rule_of(no_data.send_back, declaration, "No", by=ada) == "own-submission"


def test_sent_back_with_a_reason_it_no_longer_stands_and_may_be_declared_anew(four_eyes, open_round, ada, bela):
    declaration = no_data.declare(open_round, NoDataReason.MERGER, by=ada)
    assert rule_of(no_data.send_back, declaration, " ", by=bela) == "reason-missing"
    declaration = no_data.send_back(declaration, "We do have these loans.", by=bela)

    assert (declaration.state, declaration.remark) == (NoDataState.SENT_BACK, "We do have these loans.")
    assert no_data.declare(open_round, NoDataReason.MERGER, by=ada).state == NoDataState.AWAITING_APPROVAL


def test_another_reason_is_given_in_words(open_round, ada):
    assert rule_of(no_data.declare, open_round, NoDataReason.OTHER, "  ", by=ada) == "reason-missing"
    assert rule_of(no_data.declare, open_round, "laziness", by=ada) == "no-data-reason-unknown"
    assert rule_of(no_data.declare, open_round, NoDataReason.MERGER, "x" * 501, by=ada) == "reason-too-long"


def test_it_is_declared_once(open_round, ada):
    no_data.declare(open_round, NoDataReason.MERGER, by=ada)
    assert rule_of(no_data.declare, open_round, NoDataReason.MERGER, by=ada) == "declared-already"


def test_the_database_holds_one_that_stands(open_round, harbour, ada):
    no_data.declare(open_round, NoDataReason.MERGER, by=ada)
    with pytest.raises(IntegrityError), transaction.atomic():
        NoData.objects.create(round=open_round, institution=harbour.institution, reason="merger")


def test_an_accepted_package_replaces_it_and_a_rejected_one_does_not(harbour, open_round, ada):
    declaration = no_data.declare(open_round, NoDataReason.MERGER, by=ada)
    wrong = sealed(harbour, open_round, call_report("HARBOUR", "2025-Q3"))
    checking.open_sealed(str(submissions.receive(open_round, wrong, by=ada).submission.pk))
    declaration.refresh_from_db()
    assert declaration.state == NoDataState.DECLARED

    checking.open_sealed(str(submissions.receive(open_round, sealed(harbour, open_round), by=ada).submission.pk))
    declaration.refresh_from_db()
    assert declaration.state == NoDataState.REPLACED


def test_a_trial_does_not_replace_it(harbour, open_round, ada):
    declaration = no_data.declare(open_round, NoDataReason.MERGER, by=ada)
    trial = submissions.receive(open_round, sealed(harbour, open_round), by=ada, is_trial=True).submission
    checking.open_sealed(str(trial.pk))
    declaration.refresh_from_db()
    assert declaration.state == NoDataState.DECLARED


def test_who_has_sent_withdraws_first(harbour, open_round, ada):
    submission = submissions.receive(open_round, sealed(harbour, open_round), by=ada).submission
    assert rule_of(no_data.declare, open_round, NoDataReason.MERGER, by=ada) == "submission-stands"
    submissions.withdraw(submission, by=ada)
    assert no_data.declare(open_round, NoDataReason.MERGER, by=ada).state == NoDataState.DECLARED


def test_withdrawn_it_does_not_count_and_not_again(open_round, ada):
    declaration = no_data.declare(open_round, NoDataReason.MERGER, by=ada)
    assert no_data.withdraw(declaration, by=ada).state == NoDataState.WITHDRAWN
    assert rule_of(no_data.withdraw, declaration, by=ada) == "nothing-to-withdraw"


def test_nothing_is_declared_withdrawn_or_approved_when_the_round_is_closed(four_eyes, open_round, ada, bela, carl):
    declaration = no_data.declare(open_round, NoDataReason.MERGER, by=ada)
    rounds.close(open_round, by=carl)
    declaration.round.refresh_from_db()
    assert rule_of(no_data.approve, declaration, by=bela) == "round-closed"
    assert rule_of(no_data.withdraw, declaration, by=ada) == "round-closed"
    open_round.refresh_from_db()
    assert rule_of(no_data.declare, open_round, NoDataReason.MERGER, by=ada) == "round-closed"


def test_others_do_not_declare(open_round, anna, olga, carl):
    for person, rule in ((anna, "forbidden"), (olga, "not-a-contributor"), (carl, "not-a-contributor")):
        with pytest.raises(Forbidden) as refused:
            no_data.declare(open_round, NoDataReason.MERGER, by=person)
        assert refused.value.rule == rule


def test_over_the_api(client, token, open_round):
    address = f"/api/v1/rounds/{open_round.public_id}/no-data"
    headers = {"authorization": token}

    assert client.get(address, headers=headers).status_code == 404
    made = client.post(address, {"reason": "merger"}, content_type="application/json", headers=headers)
    assert (made.status_code, made.json()["state"]) == (201, "declared")
    again = client.post(address, {"reason": "merger"}, content_type="application/json", headers=headers)
    assert (again.status_code, again.json()["rule"]) == (409, "declared-already")
    assert client.get(address, headers=headers).json()["reason"] == "merger"
    assert client.delete(address, headers=headers).json()["state"] == "withdrawn"
    assert client.delete(address, headers=headers).status_code == 409


@pytest.mark.parametrize("body", [{}, {"reason": "none"}, {"reason": 5}, {"reason": "merger", "text": "\x00"}, [1]])
def test_garbage_over_the_api_is_no_declaration(client, token, open_round, body):
    address = f"/api/v1/rounds/{open_round.public_id}/no-data"
    answer = client.post(address, body, content_type="application/json", headers={"authorization": token})
    assert answer.status_code in (400, 422)
    assert not NoData.objects.exists()
