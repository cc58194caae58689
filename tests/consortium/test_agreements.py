"""The membership agreement: issued once, accepted by a named person, needed for sending."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from anonymize.package import PACKAGE_MEDIA_TYPE
from consortium.audit.models import Entry
from consortium.errors import Forbidden, Refused
from consortium.institutions.models import Agreement, AgreementAcceptance
from consortium.institutions.services import agreements
from consortium.membership.prose import blocks
from consortium.notifications.models import Notice
from sharing import rules
from tests.cast import sealed

TODAY = timezone.localdate


def issued(mara, *, last=0, text="# Agreement\n\nBe fair.") -> Agreement:
    """A version whose last day for accepting is so many days from now; of one in the past, issued on that day."""
    day = TODAY() + timedelta(days=min(last, 0))
    with on(day):
        return agreements.issue(
            text, "# 协议\n\n公平。", effective_on=day, accept_by=day + timedelta(days=max(last, 0)), by=mara
        )


def on(day):
    return patch("django.utils.timezone.localdate", return_value=day)


def accept(agreement, by):
    return agreements.accept(agreement, by.institution, name="Dora Full", position="Head of Risk", by=by)


def test_without_an_agreement_everything_is_as_before(harbour, open_round, ada):
    rules.check_can_send(ada, open_round)
    assert agreements.standing(harbour.institution).may_send
    assert not agreements.standing(harbour.institution).is_due


def test_an_acceptance_names_person_position_version_digest_and_time(harbour, mara, dora):
    agreement = issued(mara)
    acceptance = accept(agreement, dora)

    assert (acceptance.person, acceptance.name, acceptance.position) == (dora, "Dora Full", "Head of Risk")
    assert acceptance.sha256 == agreement.sha256
    assert timezone.now() - acceptance.accepted_at < timedelta(minutes=1)
    entry = Entry.objects.get(event="agreement.accepted")
    assert (entry.institution, entry.details["version"], entry.details["sha256"]) == (
        harbour.institution,
        1,
        agreement.sha256,
    )


def test_the_digest_is_that_of_the_file_that_anybody_downloads(client, mara):
    agreement = issued(mara, text="# Agreement\r\n\r\nBe fair.")
    file = client.get(f"/agreement/{agreement.version}/text/")

    assert hashlib.sha256(file.content).hexdigest() == agreement.sha256
    assert "公平" in file.content.decode()


def test_who_has_not_accepted_sends_until_the_last_day_and_not_after(harbour, open_round, ada, dora, mara):
    issued(mara, last=0)
    rules.check_can_send(ada, open_round)  # today is the last day
    agreement = issued(mara, last=-1)

    with pytest.raises(Refused, match="has not accepted the membership agreement") as refusal:
        rules.check_can_send(ada, open_round)
    assert refusal.value.rule == "agreement-not-accepted"
    accept(agreement, dora)
    rules.check_can_send(ada, open_round)


def test_an_api_client_is_bound_too_and_reads_why(client, harbour, open_round, mara, dora):
    token = client.post(
        "/oauth/token/", {"grant_type": "client_credentials"}, headers={"authorization": harbour.basic}
    ).json()["access_token"]
    agreement = issued(mara, last=-1)

    def send():
        return client.post(
            f"/api/v1/rounds/{open_round.public_id}/submissions",
            sealed(harbour, open_round),
            content_type=PACKAGE_MEDIA_TYPE,
            headers={"authorization": f"Bearer {token}"},
        )

    refused = send()
    assert (refused.status_code, refused.json()["rule"]) == (409, "agreement-not-accepted")
    me = client.get("/api/v1/institutions/me", headers={"authorization": f"Bearer {token}"}).json()
    assert (me["agreement"]["newest"], me["agreement"]["accepted"], me["agreement"]["may_send"]) == (1, None, False)
    accept(agreement, dora)
    assert client.get("/api/v1/institutions/me", headers={"authorization": f"Bearer {token}"}).json()["agreement"][
        "may_send"
    ]
    assert send().json().get("rule") != "agreement-not-accepted"


def test_a_new_version_asks_again_with_a_time_to_do_so(harbour, open_round, ada, dora, mara):
    accept(issued(mara, last=-1), dora)
    second = issued(mara, last=10)
    standing = agreements.standing(harbour.institution)
    assert (standing.is_due, standing.may_send) == (True, True)
    rules.check_can_send(ada, open_round)

    with on(second.accept_by):
        rules.check_can_send(ada, open_round)
    with on(second.accept_by + timedelta(days=1)), pytest.raises(Refused, match="has not accepted"):
        rules.check_can_send(ada, open_round)
    assert agreements.standing(harbour.institution).accepted.agreement.version == 1


def test_a_newer_version_than_the_binding_one_is_enough(harbour, open_round, ada, dora, mara):
    issued(mara, last=-1)
    accept(issued(mara, last=10), dora)

    rules.check_can_send(ada, open_round)


def test_only_the_newest_version_is_accepted_and_only_once(harbour, dora, mara):
    first = issued(mara)
    second = issued(mara)

    with pytest.raises(Refused, match="A newer version of the agreement was issued"):
        accept(first, dora)
    accept(second, dora)
    with pytest.raises(Refused, match="has accepted this version already"):
        accept(second, dora)


def test_those_who_bind_the_institution_accept_and_nobody_else(harbour, ada, anna, bela, mara, olga, sami):
    agreement = issued(mara)
    for other in (ada, anna, sami):
        with pytest.raises(Forbidden):
            accept(agreement, other)
    with pytest.raises(Forbidden):
        agreements.accept(agreement, harbour.institution, name="M", position="M", by=mara)
    with pytest.raises(Forbidden, match="This is another institution's"):
        agreements.accept(agreement, harbour.institution, name="O", position="O", by=olga)
    accept(agreement, bela)


def test_what_was_issued_and_accepted_stays(harbour, dora, mara):
    acceptance = accept(issued(mara), dora)
    for change in (
        lambda: Agreement.objects.update(text_en="# Anything"),
        lambda: Agreement.objects.filter(pk=acceptance.agreement_id)._raw_delete("default"),
        lambda: AgreementAcceptance.objects.update(name="Somebody"),
        lambda: AgreementAcceptance.objects.filter(pk=acceptance.pk)._raw_delete("default"),
    ):
        with pytest.raises(IntegrityError, match="only ever added"), transaction.atomic():
            change()


def test_only_member_services_issue_and_not_into_the_past(mara, aldo, dora):
    today = TODAY()
    for other in (aldo, dora):
        with pytest.raises(Forbidden):
            issued(other)
    for effective, last in ((today, today - timedelta(days=1)), (today + timedelta(days=2), today)):
        with pytest.raises(Refused, match="The last day for accepting is neither past"):
            agreements.issue("# A", "# B", effective_on=effective, accept_by=last, by=mara)


def test_administrators_and_approvers_are_told_and_reminded_once(harbour, ada, bela, dora, olga, sami, mara):
    agreement = issued(mara, last=7)
    told = Notice.objects.filter(kind="agreement.due")
    assert {notice.person for notice in told} == {bela, dora, olga}
    accept(agreement, olga)
    told.delete()

    for _ in range(2):
        agreements.remind(TODAY())
    agreements.remind(TODAY() + timedelta(days=1))
    assert sorted(notice.person.name for notice in told.all()) == ["Bela", "Dora"]


def test_the_page_asks_for_a_name_a_position_and_a_yes(client, harbour, dora, mara):
    agreement = issued(mara)
    client.force_login(dora)
    path = f"/institution/agreements/{agreement.version}/accept/"
    for wrong in ({}, {"name": "D", "position": "H"}, {"name": "D", "is_authorized": "on"}):
        assert client.post(path, wrong).status_code == 422
    assert not AgreementAcceptance.objects.exists()

    client.post(path, {"name": "D", "position": "H", "is_authorized": "on"})
    assert AgreementAcceptance.objects.get().institution == harbour.institution


def test_the_board_tells_accepted_due_and_overdue_apart(client, harbour, outsiders_bank, dora, mara):
    accept(issued(mara, last=-1), dora)
    client.force_login(mara)
    page = client.get("/administration/agreements/").context

    assert page["counts"] == {"accepted": 1, "due": 0, "overdue": 1}
    issued(mara, last=5)
    page = client.get("/administration/agreements/?state=due").context
    assert page["counts"] == {"accepted": 0, "due": 1, "overdue": 1}
    assert [row.institution for row in page["rows"]] == [harbour.institution]


def test_the_shipped_text_is_there_in_both_languages_with_the_same_parts():
    english, chinese = (blocks(text) for text in agreements.shipped())

    assert [block.kind for block in english] == [block.kind for block in chinese]
    assert len(english) > 20


def test_a_text_is_shown_as_text():
    shown = blocks("# T\n\n- one\n  goes on\n- two\n\n<b>x</b>\ny")

    assert [(block.kind, block.lines) for block in shown] == [
        ("title", ("T",)),
        ("list", ("one goes on", "two")),
        ("paragraph", ("<b>x</b>", "y")),
    ]


def test_markup_in_an_agreement_stays_text(client, mara):
    issued(mara, text="# A\n\n<script>alert(1)</script>")

    assert "<script>alert" not in client.get("/agreement/1/").content.decode()
