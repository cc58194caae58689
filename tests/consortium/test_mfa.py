"""The second factor: who needs one, setting it up, losing it."""

from __future__ import annotations

import re

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from consortium.audit.models import Entry
from consortium.errors import Forbidden, Refused
from consortium.notifications.models import Notice
from consortium.people.roles import Role
from consortium.sign_on import second_factor
from consortium.sign_on.models import SignOn
from tests.cast import PASSWORD, person
from tests.consortium.signing_in import app_of, code, is_signed_in, sign_in


@pytest.fixture
def required(settings):
    settings.CONCORD_MFA = "required"


@pytest.fixture
def ada_in(client, ada):
    sign_in(client, ada)
    return client


def test_without_a_factor_nothing_opens_but_its_set_up(required, ada_in):
    for path in ("/", "/submissions/", "/profile/", "/accounts/sessions/", "/accounts/password/change/"):
        answer = ada_in.get(path)
        assert (answer.status_code, answer["Location"]) == (302, "/accounts/2fa/"), path
    page = ada_in.get("/accounts/2fa/")
    assert page.status_code == 200
    assert b"Set up a second factor first: until then nothing else opens." in page.content


def test_the_set_up_pages_language_and_leaving_stay_open(required, ada_in):
    for path in ("/accounts/2fa/", "/accounts/2fa/totp/activate/", "/accounts/2fa/keys/add/", "/accounts/2fa/keys/"):
        assert ada_in.get(path).status_code == 200, path
    assert ada_in.post("/language/", {"language": "zh-hans", "next": "/accounts/2fa/"})["Location"] == "/accounts/2fa/"
    assert ada_in.post("/accounts/logout/")["Location"] == "/accounts/login/"


def test_the_api_with_a_session_asks_for_it_too(required, ada_in):
    answer = ada_in.get("/api/v1/submissions")

    assert (answer.status_code, answer.json()["rule"]) == (403, "second-factor-needed")


def test_posting_is_held_back_before_anything_happens(required, ada_in, ada):
    assert ada_in.post("/profile/", {"name": "Mallory", "language": "en"})["Location"] == "/accounts/2fa/"
    ada.refresh_from_db()
    assert ada.name == "Ada"


@pytest.mark.parametrize(
    ("policy", "ada_needs", "stella_needs"),
    [
        ("required", True, True),
        ("association", False, True),
        ("optional", False, False),
        ("a slip of the pen", True, True),
    ],
)
def test_who_needs_one(settings, ada, stella, policy, ada_needs, stella_needs):
    settings.CONCORD_MFA = policy

    assert second_factor.is_required_of(ada) is ada_needs
    assert second_factor.is_required_of(stella) is stella_needs


def test_setting_up_the_app_shows_the_recovery_codes_once(required, ada_in, ada, django_capture_on_commit_callbacks):
    page = ada_in.get("/accounts/2fa/totp/activate/").content.decode()
    secret = re.search(r'<p class="mono">\s*([A-Z2-7]{32})', page).group(1)

    with django_capture_on_commit_callbacks(execute=True):
        answer = ada_in.post("/accounts/2fa/totp/activate/", {"code": code(secret)})
    assert answer["Location"] == "/accounts/2fa/recovery-codes/"
    shown = set(re.findall(r"<li>(\d{8})</li>", ada_in.get(answer["Location"]).content.decode()))
    again = ada_in.get(answer["Location"]).content.decode()

    assert len(shown) == 10
    assert not any(code in again for code in shown)
    assert ada_in.get("/submissions/").status_code == 200
    assert Entry.objects.filter(event="person.second_factor_added", person=ada).count() == 1
    assert Notice.objects.filter(person=ada, kind="person.second_factor_added").count() == 1


def test_a_wrong_code_sets_nothing_up(required, ada_in, ada):
    ada_in.get("/accounts/2fa/totp/activate/")

    assert ada_in.post("/accounts/2fa/totp/activate/", {"code": "000000"}).status_code == 200
    assert not second_factor.has_one(ada)


def test_the_seed_of_the_app_is_sealed_in_the_database(ada):
    secret = app_of(ada)

    assert secret not in str(Authenticator.objects.get(user=ada).data)
    assert Authenticator.objects.get(user=ada).wrap().validate_code(code(secret))


def test_the_password_alone_does_not_sign_in(client, ada):
    app_of(ada)

    assert sign_in(client, ada)["Location"] == "/accounts/2fa/authenticate/"
    assert not is_signed_in(client)


def test_the_password_and_the_code_do(client, ada):
    secret = app_of(ada)
    sign_in(client, ada)

    assert client.post("/accounts/2fa/authenticate/", {"code": code(secret)})["Location"] == "/"
    assert is_signed_in(client)


def test_a_code_opens_once(ada):
    secret = app_of(ada)
    now = code(secret)
    first, second = Client(), Client()
    sign_in(first, ada)
    sign_in(second, ada)

    first.post("/accounts/2fa/authenticate/", {"code": now})
    second.post("/accounts/2fa/authenticate/", {"code": now})

    assert is_signed_in(first)
    assert not is_signed_in(second)


def test_guessing_the_code_stops(client, ada):
    secret = app_of(ada)
    sign_in(client, ada)
    for guess in range(5):
        client.post("/accounts/2fa/authenticate/", {"code": f"{guess:06}"})

    client.post("/accounts/2fa/authenticate/", {"code": code(secret)})

    assert not is_signed_in(client)


def test_the_last_factor_stays_while_one_is_required(required, client, ada):
    secret = app_of(ada)
    sign_in(client, ada)
    client.post("/accounts/2fa/authenticate/", {"code": code(secret)})
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})

    page = client.post("/accounts/2fa/totp/deactivate/")

    assert b"Set up another one before you remove this one" in page.content
    assert second_factor.has_one(ada)


def test_the_last_factor_goes_where_none_is_required(client, ada):
    secret = app_of(ada)
    sign_in(client, ada)
    client.post("/accounts/2fa/authenticate/", {"code": code(secret)})
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})

    client.post("/accounts/2fa/totp/deactivate/")

    assert not second_factor.has_one(ada)
    assert Entry.objects.filter(event="person.second_factor_removed").exists()


def test_an_administrator_resets_a_lost_factor_and_all_sessions_end(client, ada, dora):
    secret = app_of(ada)
    sign_in(client, ada)
    client.post("/accounts/2fa/authenticate/", {"code": code(secret)})
    administrator = Client()
    administrator.force_login(dora)

    administrator.post(f"/people/{ada.pk}/security/reset-second-factor/")

    assert not Authenticator.objects.filter(user=ada).exists()
    assert not is_signed_in(client)
    assert Entry.objects.get(event="person.second_factor_reset").person == dora
    assert "Dora reset your second factor" in Notice.objects.get(kind="person.second_factor_reset").sentence


def test_nobody_resets_the_own_factor(dora):
    with pytest.raises(Refused, match="Somebody else resets your second factor"):
        second_factor.reset(dora, by=dora)


def test_a_colleague_without_the_role_resets_nothing(ada, bela):
    with pytest.raises(Forbidden, match="Your roles do not include this"):
        second_factor.reset(ada, by=bela)


def test_another_banks_administrator_resets_nothing(ada, olga):
    with pytest.raises(Forbidden, match="Your roles do not include this"):
        second_factor.reset(ada, by=olga)


def test_member_services_reset_the_last_administrators(dora, mara):
    second_factor.reset(dora, by=mara)


def test_member_services_leave_the_rest_to_the_administrator(ada, dora, mara):
    with pytest.raises(Refused, match="An administrator of the institution does this"):
        second_factor.reset(ada, by=mara)


def test_member_services_help_the_way_back_while_the_directory_is_the_only_way(harbour, ada, dora, mara):
    ada.roles = [Role.ADMINISTRATOR]
    ada.save()
    SignOn.objects.create(institution=harbour.institution, is_on=True, is_enforced=True, break_glass=dora)
    for administrator in (dora, ada):
        app_of(administrator)

    second_factor.reset(dora, by=mara)
    with pytest.raises(Refused):
        second_factor.reset(ada, by=mara)

    assert not second_factor.has_one(dora)


def test_a_closed_administrator_is_none(ada, dora, mara):
    dora.is_active = False
    dora.save()

    second_factor.reset(ada, by=mara)


def test_member_services_reset_the_associations_own(stella, mara):
    second_factor.reset(stella, by=mara)


def test_nobody_else_at_the_association_does(stella, carl):
    with pytest.raises(Forbidden, match="Your roles do not include this"):
        second_factor.reset(stella, by=carl)


def test_an_administrator_resets_another_administrators(harbour, dora):
    second_factor.reset(person("Edda", harbour.institution, Role.ADMINISTRATOR), by=dora)
