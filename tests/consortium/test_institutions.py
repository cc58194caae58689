"""Admitting, suspending and equipping institutions, and each refusal's sentence."""

from __future__ import annotations

import pytest
from django.utils import timezone

from consortium.audit.models import Entry
from consortium.errors import Forbidden, ImpossibleMove, Refused
from consortium.institutions.models import ApiClient, Institution, SigningKey
from consortium.institutions.services import api_clients, institutions
from consortium.institutions.states import InstitutionState
from tests.cast import found_bank


@pytest.fixture
def applicant(mara):
    return institutions.propose("NEWCOMER", "Newcomer Bank", by=mara, kind="rural_bank", size_band="small")


def test_an_applicant_becomes_a_member(applicant, mara):
    assert applicant.state == InstitutionState.APPLICANT
    assert not applicant.is_active

    admitted = institutions.admit(applicant, by=mara)

    assert admitted.is_active
    assert admitted.admitted_at is not None
    assert list(Entry.objects.order_by("pk").values_list("event", flat=True)) == [
        "institution.proposed",
        "institution.admitted",
    ]


def test_a_suspended_member_can_come_back(harbour, mara):
    suspended = institutions.suspend(harbour.institution, reason="late three times", by=mara)
    assert not suspended.is_active
    assert Entry.objects.get().details == {"reason": "late three times"}

    assert institutions.reinstate(suspended, by=mara).is_active


def test_a_code_is_given_once(harbour, mara):
    with pytest.raises(Refused, match="Another institution has this code"):
        institutions.propose("HARBOUR", "Another", by=mara, kind="other", size_band="small")


def test_only_an_applicant_can_be_admitted(harbour, mara):
    with pytest.raises(Refused, match="Only an applicant can be admitted"):
        institutions.admit(harbour.institution, by=mara)


def test_only_an_active_member_can_be_suspended(suspended_bank, mara):
    with pytest.raises(Refused, match="Only an active member can be suspended"):
        institutions.suspend(suspended_bank.institution, reason="again", by=mara)


def test_only_a_suspended_member_can_be_reinstated(harbour, mara):
    with pytest.raises(Refused, match="Only a suspended member can be reinstated"):
        institutions.reinstate(harbour.institution, by=mara)


def test_a_member_that_is_named_otherwise_now_is_corrected_and_keeps_what_peers_are_chosen_by(client, harbour, mara):
    client.force_login(mara)
    address = f"/administration/institutions/{harbour.institution.code}/"
    assert f"{address}correct/" in client.get(address).content.decode()
    details = {"name": "Harbour & Sons Bank", "name_zh": "", "registration_number": "", "lei": "5493001KJTIIGC8Y1R12"}

    client.post(f"{address}correct/", {**details, "size_band": "large", "code": "OTHER", "kind": "other"})

    corrected = Institution.objects.get(pk=harbour.institution.pk)
    assert (corrected.name, corrected.lei) == (details["name"], details["lei"])
    for kept in ("code", "kind", "size_band", "home_region"):
        assert getattr(corrected, kept) == getattr(harbour.institution, kept)
    (entry,) = Entry.objects.filter(event="institution.corrected")
    assert entry.details["before"]["name"] == harbour.institution.name
    client.post(f"{address}correct/", details)
    assert Entry.objects.filter(event="institution.corrected").count() == 1  # nothing was different


@pytest.mark.parametrize("wrong", [{"lei": "5493001KJTIIGC8Y1R13"}, {"name": ""}, {"name": "x" * 161}])
def test_a_correction_that_is_wrong_changes_nothing(client, harbour, mara, wrong):
    client.force_login(mara)
    details = {"name": "Another", "name_zh": "", "registration_number": "", "lei": "", **wrong}

    answer = client.post(f"/administration/institutions/{harbour.institution.code}/correct/", details)

    assert answer.status_code == 422
    assert Institution.objects.get(pk=harbour.institution.pk).name == harbour.institution.name


def test_nobody_else_corrects_and_nobody_who_left_is_corrected(harbour, mara, dora, stella):
    same = {"name": "Another", "name_zh": "", "registration_number": "", "lei": ""}
    for who in (dora, stella):
        with pytest.raises(Forbidden):
            institutions.correct(harbour.institution, by=who, **same)
    Institution.objects.update(state="left")
    with pytest.raises(Refused, match="has left"):
        institutions.correct(harbour.institution, by=mara, **same)


def test_a_key_that_ended_by_itself_is_not_called_revoked(client, harbour, mara):
    SigningKey.objects.update(ends_at=timezone.now())
    client.force_login(mara)

    page = client.get(f"/administration/institutions/{harbour.institution.code}/").content.decode()

    assert "Ended" in page
    assert "Revoked" not in page


@pytest.mark.parametrize("who", ["ada", "dora", "carl", "stella", "aldo"])
def test_only_member_services_admit_and_suspend(who, harbour, request):
    with pytest.raises(Forbidden, match="Your roles do not include this"):
        institutions.suspend(harbour.institution, reason="a grudge", by=request.getfixturevalue(who))


def test_a_state_moves_only_along_its_table(harbour):
    with pytest.raises(ImpossibleMove, match="cannot go from"):
        harbour.institution.move_to(InstitutionState.APPLICANT)


def test_a_client_gets_in_with_its_secret_until_it_is_revoked(client, harbour, dora):
    issued = api_clients.issue(harbour.institution, "second job", by=dora)

    def token(secret):
        form = {"grant_type": "client_credentials", "client_id": issued.client.client_id, "client_secret": secret}
        return client.post("/oauth/token/", form)

    assert token("a guess").status_code == 401
    access = token(issued.secret).json()["access_token"]
    headers = {"authorization": f"Bearer {access}"}
    assert client.get("/api/v1/institutions/me", headers=headers).json()["code"] == "HARBOUR"

    api_clients.revoke(issued.client, by=dora)
    assert client.get("/api/v1/institutions/me", headers=headers).status_code == 401


def test_neither_secrets_nor_tokens_are_kept(client, harbour, dora):
    from django.db import connection

    issued = api_clients.issue(harbour.institution, "second job", by=dora)
    form = {"grant_type": "client_credentials", "client_id": issued.client.client_id, "client_secret": issued.secret}
    access = client.post("/oauth/token/", form).json()["access_token"]

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a::text FROM oauth2_provider_accesstoken a UNION ALL SELECT c::text FROM institutions_apiclient c"
        )
        rows = " ".join(row[0] for row in cursor.fetchall())
    assert issued.secret not in rows
    assert access not in rows


@pytest.mark.parametrize("grant", ["password", "authorization_code", "refresh_token"])
def test_there_is_no_other_grant_than_client_credentials(client, harbour, grant):
    form = {"grant_type": grant, "username": "ada@example.org", "password": "x", "code": "x", "refresh_token": "x"}

    answer = client.post("/oauth/token/", form, headers={"authorization": harbour.basic})

    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


def test_affiliates_are_one_contributor(db):
    mother, daughter = found_bank("MOTHER", affiliate_group="FAMILY"), found_bank("DAUGHTER", affiliate_group="FAMILY")

    assert mother.institution.contributor_id == daughter.institution.contributor_id == "FAMILY"
    assert found_bank("ALONE").institution.contributor_id == "ALONE"


def test_members_see_themselves_and_staff_see_all(harbour, outsiders_bank, ada, mara, oskar, sami, suspended_bank):
    assert list(Institution.objects.visible_to(ada)) == [harbour.institution]
    assert Institution.objects.visible_to(mara).count() == 3
    assert not Institution.objects.visible_to(sami).exists()
    assert not Institution.objects.visible_to(oskar).exists()
    assert list(Institution.objects.visible_to(ApiClient.objects.get(pk=harbour.client.pk))) == [harbour.institution]
