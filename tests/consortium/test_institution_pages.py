"""What members do at their own institution's pages: people, the second person's approval, leaving, records."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from consortium.audit.models import Entry
from consortium.errors import Forbidden, Refused
from consortium.institutions.models import ApiClient, ApprovalWaiver, Departure, Institution, SigningKey
from consortium.institutions.services import departures, four_eyes, institutions
from consortium.institutions.states import DepartureState, InstitutionState
from consortium.notifications.models import Notice
from consortium.people import invitations
from consortium.people.models import Invitation, Person
from consortium.people.roles import Role
from sharing.models import Submission
from sharing.services import submissions
from tests.cast import person, sealed


@pytest.fixture(autouse=True)
def no_second_factor(settings):
    """How people sign in is tested elsewhere."""
    settings.CONCORD_MFA = "optional"


def events():
    return list(Entry.objects.order_by("pk").values_list("event", flat=True))


# The second person's approval


def test_turning_approval_on_takes_one_person_and_off_two(harbour, dora, bela):
    required = four_eyes.require_approval(harbour.institution, by=dora)
    assert required.approves_submissions
    waiver = four_eyes.ask_for_waiver(required, by=dora)
    assert Institution.objects.get(pk=required.pk).approves_submissions  # nothing has changed yet
    assert [notice.person for notice in Notice.objects.filter(kind="waiver.asked")] == [bela]

    with pytest.raises(Refused, match="Somebody else confirms what you asked for"):
        four_eyes.confirm_waiver(waiver, by=dora)
    assert not four_eyes.confirm_waiver(waiver, by=bela).approves_submissions
    assert events() == ["approval.required", "approval.waiver_asked", "approval.waived"]


def test_another_administrator_may_confirm_and_analysts_may_not(harbour, dora, bela, ada, anna, olga, mara):
    second = person("Dan", harbour.institution, Role.ADMINISTRATOR)
    waiver = four_eyes.ask_for_waiver(four_eyes.require_approval(harbour.institution, by=dora), by=dora)

    for other in (ada, anna, olga, mara):
        for act in (four_eyes.confirm_waiver, four_eyes.refuse_waiver):
            with pytest.raises(Forbidden):
                act(waiver, by=other)
    assert not four_eyes.confirm_waiver(waiver, by=second).approves_submissions


def test_a_refused_waiver_changes_nothing_and_is_over(harbour, dora, bela):
    waiver = four_eyes.ask_for_waiver(four_eyes.require_approval(harbour.institution, by=dora), by=dora)
    with pytest.raises(Refused, match="asked for already"):
        four_eyes.ask_for_waiver(harbour.institution, by=dora)

    assert four_eyes.refuse_waiver(waiver, by=bela).approves_submissions
    for act in (four_eyes.confirm_waiver, four_eyes.refuse_waiver):
        with pytest.raises(Refused, match="Somebody else has decided this already"):
            act(waiver, by=bela)


def test_whoever_asked_may_take_it_back(harbour, dora, bela):
    waiver = four_eyes.ask_for_waiver(four_eyes.require_approval(harbour.institution, by=dora), by=dora)

    assert four_eyes.refuse_waiver(waiver, by=dora).approves_submissions
    assert not ApprovalWaiver.objects.exists()


def test_approval_is_not_required_where_nobody_could_approve(harbour, dora):
    with pytest.raises(Refused, match="Nobody could approve"):
        four_eyes.require_approval(harbour.institution, by=dora)


def test_what_is_so_already_is_refused(harbour, dora, bela):
    with pytest.raises(Refused, match="need no second person's approval"):
        four_eyes.ask_for_waiver(harbour.institution, by=dora)
    four_eyes.require_approval(harbour.institution, by=dora)
    with pytest.raises(Refused, match="need a second person's approval already"):
        four_eyes.require_approval(harbour.institution, by=dora)


def test_the_page_offers_what_the_person_may_do(client, harbour, dora, bela):
    harbour.institution.approves_submissions = True
    harbour.institution.save()
    client.force_login(dora)
    client.post("/institution/approval/waive/")
    assert "Somebody else confirms what you asked for" in client.get("/institution/").content.decode()
    client.force_login(bela)
    assert "/institution/approval/waive/confirm/" in client.get("/institution/").content.decode()

    client.post("/institution/approval/waive/confirm/")
    assert not Institution.objects.get(code="HARBOUR").approves_submissions


# People


def test_an_administrator_invites_changes_and_closes(client, harbour, ada, dora):
    client.force_login(dora)
    client.post(
        "/institution/people/invite/",
        {"email": "n@example.org", "name": "Nora", "language": "en", "roles": ["analyst", "submitter"]},
    )
    assert Invitation.objects.get().roles == ["analyst", "submitter"]
    client.post(f"/institution/people/{ada.pk}/", {"roles": ["analyst"]})
    client.post(f"/institution/people/{ada.pk}/close/")

    ada.refresh_from_db()
    assert (ada.roles, ada.is_active) == ([Role.ANALYST], False)


def test_the_page_refuses_to_leave_nobody_in_charge(client, dora, harbour):
    second = person("Dan", harbour.institution, Role.ADMINISTRATOR)
    client.force_login(dora)
    client.post(f"/institution/people/{second.pk}/close/")
    client.force_login(second)
    Person.objects.filter(pk=second.pk).update(is_active=True, roles=[Role.ANALYST])

    answer = client.post(f"/institution/people/{dora.pk}/", {"roles": ["analyst"]})
    assert answer.status_code == 403
    assert Role.ADMINISTRATOR in Person.objects.get(pk=dora.pk).roles


def test_roles_of_the_association_cannot_be_chosen_for_a_member(client, ada, dora):
    client.force_login(dora)
    assert client.post(f"/institution/people/{ada.pk}/", {"roles": ["statistician"]}).status_code == 422
    assert client.post(f"/institution/people/{ada.pk}/", {}).status_code != 500
    assert Person.objects.get(pk=ada.pk).roles == [Role.SUBMITTER]


# Suspension


def test_a_suspended_members_people_read_why(client, harbour, dora, mara):
    institutions.suspend(harbour.institution, reason="Three rounds late.", by=mara)
    client.force_login(dora)

    page = client.get("/").content.decode()
    assert "Three rounds late." in page
    assert "/institution/records/" in page
    assert Notice.objects.get(person=dora).kind == "institution.suspended"
    institutions.reinstate(harbour.institution, by=mara)
    assert Institution.objects.get(code="HARBOUR").state_reason == ""


# Leaving


@pytest.fixture
def declared(harbour, dora) -> Departure:
    tomorrow = timezone.localdate() + timedelta(days=1)
    return departures.declare(harbour.institution, tomorrow, reason="Merged.", by=dora)


def test_a_member_leaves_on_its_day_and_not_before(declared, harbour, mara, dora):
    departures.confirm(declared, by=mara)
    assert departures.complete_due() == 0
    Departure.objects.update(leaves_on=timezone.localdate())

    assert departures.complete_due() == 1
    assert departures.complete_due() == 0  # a second run finds nothing to do
    left = Institution.objects.get(code="HARBOUR")
    assert (left.state, left.left_at is not None) == (InstitutionState.LEFT, True)
    assert Departure.objects.get().state == DepartureState.DONE


def test_when_a_member_leaves_its_keys_clients_and_invitations_end(harbour, declared, mara, dora, client):
    invited = invitations.invite("n@example.org", "N", [Role.ANALYST], institution=harbour.institution, by=dora)
    token = client.post(
        "/oauth/token/", {"grant_type": "client_credentials"}, headers={"authorization": harbour.basic}
    ).json()["access_token"]
    Departure.objects.update(leaves_on=timezone.localdate())
    departures.confirm(declared, by=mara)

    assert not SigningKey.objects.in_force().filter(institution=harbour.institution).exists()
    assert not ApiClient.objects.filter(institution=harbour.institution).exists()
    assert Invitation.objects.get(pk=invited.pk).revoked_at is not None
    assert client.get("/api/v1/rounds", headers={"authorization": f"Bearer {token}"}).status_code == 401
    assert events()[-3:] == ["signing_key.revoked", "api_client.revoked", "institution.left"]


def test_what_was_sent_stays_and_receipts_can_be_read_for_ninety_days(
    client, harbour, open_round, ada, bela, dora, declared, mara, olga
):
    submission = submissions.receive(open_round, sealed(harbour, open_round), by=ada).submission
    Departure.objects.update(leaves_on=timezone.localdate())
    departures.confirm(declared, by=mara)
    receipt = f"/institution/records/{submission.pk}/receipt/"

    assert Submission.objects.get() == submission
    for reader in (dora, bela):
        client.force_login(reader)
        assert "institution.left" in client.get("/institution/records/").content.decode()
        assert client.get(receipt).content.decode() == submission.receipt
        for closed in ("/institution/", "/submissions/", "/benchmarks/"):
            assert client.get(closed).status_code == 403
    client.force_login(ada)
    assert client.get(receipt).status_code == 403
    client.force_login(olga)
    assert client.get(receipt).status_code == 404
    Institution.objects.filter(code="HARBOUR").update(left_at=timezone.now() - timedelta(days=90))
    client.force_login(dora)
    assert client.get(receipt).status_code == 403
    assert "/institution/records/" not in client.get("/").content.decode()


def test_records_hold_the_own_institutions_entries_only(client, harbour, declared, outsiders_bank, mara, dora):
    institutions.suspend(outsiders_bank.institution, reason="secret of Elsewhere", by=mara)
    client.force_login(dora)

    page = client.get("/institution/records/").content.decode()
    assert "departure.declared" in page
    assert "institution.suspended" not in page
    assert "ELSEWHERE" not in page


def test_both_sides_may_call_a_departure_off(harbour, declared, dora, mara):
    departures.call_off(declared, by=dora)
    with pytest.raises(Refused, match="This departure is over"):
        departures.call_off(declared, by=mara)
    with pytest.raises(Refused, match="Only a declared departure can be confirmed"):
        departures.confirm(declared, by=mara)
    again = departures.declare(harbour.institution, timezone.localdate(), reason="", by=dora)
    departures.call_off(again, by=mara)

    assert departures.complete_due() == 0
    assert Institution.objects.get(code="HARBOUR").is_active


def test_nobody_else_declares_or_confirms(harbour, declared, ada, bela, olga, mara, aldo, dora):
    for other in (ada, bela, mara):
        with pytest.raises(Forbidden):
            departures.declare(harbour.institution, timezone.localdate(), reason="", by=other)
    for other in (dora, aldo, olga):
        with pytest.raises(Forbidden):
            departures.confirm(declared, by=other)
    with pytest.raises(Forbidden):
        departures.call_off(declared, by=olga)
    with pytest.raises(Refused, match="is leaving already"):
        departures.declare(harbour.institution, timezone.localdate(), reason="", by=dora)
    with pytest.raises(Refused, match="today or later"):
        departures.declare(harbour.institution, timezone.localdate() - timedelta(days=1), reason="", by=dora)


def test_the_association_lets_go_of_a_suspended_member_only(harbour, suspended_bank, mara, dora):
    with pytest.raises(Refused, match="Only a suspended member or an applicant"):
        departures.end_membership(harbour.institution, reason="gone", by=mara)
    with pytest.raises(Forbidden):
        departures.end_membership(suspended_bank.institution, reason="gone", by=dora)

    ended = departures.end_membership(suspended_bank.institution, reason="Licence withdrawn.", by=mara)
    assert (ended.state, ended.state_reason) == (InstitutionState.LEFT, "Licence withdrawn.")


def test_a_departure_of_a_member_that_was_let_go_is_over(harbour, declared, mara):
    departures.confirm(declared, by=mara)
    suspended = institutions.suspend(harbour.institution, reason="r", by=mara)
    departures.end_membership(suspended, reason="r", by=mara)
    Departure.objects.update(leaves_on=timezone.localdate())

    assert departures.complete_due() == 0


def test_a_suspended_member_that_had_declared_still_leaves(harbour, declared, mara):
    departures.confirm(declared, by=mara)
    institutions.suspend(harbour.institution, reason="r", by=mara)
    Departure.objects.update(leaves_on=timezone.localdate())

    assert departures.complete_due() == 1


# Wrong addresses and forms


def test_what_makes_no_sense_is_answered_and_changes_nothing(client, dora, mara):
    big = 10**30
    client.force_login(dora)
    for address in (f"/institution/people/{big}/", f"/agreement/{big}/", f"/agreement/{big}/text/"):
        assert client.get(address).status_code == 404
    for address in (f"/institution/people/{big}/close/", f"/institution/agreements/{big}/accept/"):
        assert client.post(address).status_code == 404
    for form in ({"leaves_on": "yesterday"}, {"leaves_on": "2099-01-01", "reason": "x" * 501}):
        assert client.post("/institution/leaving/", form).status_code == 422
    assert client.get("/institution/records/?page=zzz&submissions=-4").status_code == 200
    client.force_login(mara)
    for query in ("institutions/?state=zz&kind=zz&q=%27", "people/?role=zz&state=q&q=%25", "applications/?state=zz"):
        assert client.get(f"/administration/{query}").status_code == 200
    assert client.post("/administration/agreements/issue/", {"text_en": "x" * 100_001}).status_code == 422
    assert client.post("/administration/affiliates/new/", {"code": "lower", "name": ""}).status_code == 422
    assert not Departure.objects.exists()


@pytest.mark.parametrize(
    "address",
    [
        "/join/%00/",
        "/invitation/%00/",
        "/administration/institutions/%00/",
        "/administration/institutions/?q=%00",
        "/administration/people/?role=%00",
        "/administration/affiliates/%00/",
        "/administration/audit-log/?q=%00",
    ],
)
def test_an_address_with_a_null_character_is_a_bad_request(client, mara, address):
    client.force_login(mara)
    assert client.get(address).status_code == 400
