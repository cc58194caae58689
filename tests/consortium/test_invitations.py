"""Invitations: one link, one account, one week."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from consortium.audit.models import Entry
from consortium.errors import Forbidden, Refused
from consortium.notifications.models import Mail, Notice
from consortium.people import invitations, services
from consortium.people.models import Invitation, Person
from consortium.people.roles import Role
from tests.cast import found_bank, person

PASSWORD = "a long and quiet river"


def link() -> str:
    """The path in the letter that was written last."""
    return re.search(r"https://concord\.example(/invitation/\S+/)", Mail.objects.latest("pk").text).group(1)


@pytest.fixture
def invited(harbour, dora) -> Invitation:
    return invitations.invite("nora@example.org", "Nora", [Role.ANALYST], institution=harbour.institution, by=dora)


def join(client, path, **changes):
    form = {"name": "Nora Lee", "language": "zh-hans", "password": PASSWORD, "again": PASSWORD, **changes}
    return client.post(path, form)


def test_the_invited_opens_the_account_by_the_link(client, invited, dora):
    path = link()
    assert client.get(path).status_code == 200

    answer = join(client, path)

    assert answer["Location"] == "/accounts/login/"
    nora = Person.objects.get(email="nora@example.org")
    assert (nora.name, nora.language, nora.roles, nora.institution) == (
        "Nora Lee",
        "zh-hans",
        [Role.ANALYST],
        dora.institution,
    )
    assert nora.check_password(PASSWORD)
    assert "_auth_user_id" not in client.session  # opening an account signs nobody in
    assert [entry.event for entry in Entry.objects.order_by("pk")] == ["person.invited", "person.joined"]
    assert Notice.objects.get(person=dora).kind == "person.joined"


def test_a_link_works_once(client, invited):
    path = link()
    join(client, path)

    assert client.get(path).status_code == 410
    assert join(client, path, password="another password entirely").status_code == 410
    assert Person.objects.get(email="nora@example.org").check_password(PASSWORD)


def test_looking_at_a_link_uses_nothing_up(client, invited):
    path = link()
    for _ in range(3):
        client.get(path)
        client.head(path)

    assert join(client, path).status_code == 302


def test_two_at_once_open_one_account(transactional_db):
    bank = found_bank("HARBOUR")
    dora = person("Dora", bank.institution, Role.ADMINISTRATOR)
    invited = invitations.invite("nora@example.org", "Nora", [Role.ANALYST], institution=bank.institution, by=dora)

    def accept(name):
        try:
            invitations.accept(invited, name=name, language="en", password=PASSWORD)
        except Refused as refused:
            return refused.rule
        finally:
            connection.close()
        return "opened"

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(accept, ("One", "Two")))

    assert sorted(done) == ["invitation-over", "opened"]
    assert Person.objects.filter(email="nora@example.org").count() == 1


def test_a_link_is_over_after_a_week(client, invited):
    path = link()
    Invitation.objects.update(expires_at=timezone.now())

    assert client.get(path).status_code == 410
    with pytest.raises(Refused, match="This link is used, revoked or over"):
        invitations.accept(invited, name="Nora", language="en", password=PASSWORD)


def test_sending_again_ends_the_link_before(client, invited, dora):
    first = link()
    invitations.resend(invited, by=dora)
    second = link()

    assert first != second
    assert client.get(first).status_code == 410
    assert join(client, second).status_code == 302


def test_a_form_that_was_open_when_the_link_was_replaced_opens_nothing(invited, dora):
    invitations.resend(invited, by=dora)

    with pytest.raises(Refused, match="This link is used, revoked or over"):
        invitations.accept(invited, name="Nora", language="en", password=PASSWORD)


def test_a_revoked_link_opens_nothing(client, invited, dora):
    path = link()
    invitations.revoke(invited, by=dora)

    assert client.get(path).status_code == 410
    with pytest.raises(Refused, match="This invitation was revoked"):
        invitations.resend(invited, by=dora)
    # and the address can be invited anew
    invitations.invite("nora@example.org", "Nora", [Role.ANALYST], institution=dora.institution, by=dora)


def test_an_accepted_invitation_can_be_neither_sent_nor_revoked(invited, dora):
    invitations.accept(invited, name="Nora", language="en", password=PASSWORD)

    for act in (invitations.resend, invitations.revoke):
        with pytest.raises(Refused, match="This invitation was accepted already"):
            act(invited, by=dora)


def test_an_invitation_dies_with_its_inviters_authority(client, invited, dora, harbour):
    second = person("Dan", harbour.institution, Role.ADMINISTRATOR)
    services.change_roles(dora, [Role.ANALYST], by=second)

    answer = join(client, link())

    assert answer.status_code == 422
    assert "Whoever invited you can no longer do so" in answer.content.decode()
    assert not Person.objects.filter(email="nora@example.org").exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"again": "something else altogether"}, "The two passwords differ"),
        ({"password": "", "again": ""}, "This field is required"),
        ({"password": "x", "again": "x"}, "at least 12 characters"),
        ({"password": "qwerty123456", "again": "qwerty123456"}, "too common"),
        ({"password": "nora@example.org", "again": "nora@example.org"}, "too similar"),
        ({"name": ""}, "This field is required"),
        ({"language": "tlh"}, "Select a valid choice"),
    ],
)
def test_a_form_that_is_wrong_opens_nothing(client, invited, changes, sentence):
    answer = join(client, link(), **changes)

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not Person.objects.filter(email="nora@example.org").exists()


def test_only_the_digest_of_a_link_is_kept(invited):
    token = link().split("/")[2]
    with connection.cursor() as cursor:
        cursor.execute("SELECT i::text FROM people_invitation i UNION ALL SELECT e::text FROM audit_entry e")
        rows = " ".join(row[0] for row in cursor.fetchall())

    assert token not in rows


def test_a_letter_is_in_the_language_of_the_invited(harbour, dora):
    invitations.invite(
        "nora@example.org", "Nora", [Role.ANALYST], institution=harbour.institution, by=dora, language="zh-hans"
    )

    assert "邀请" in Mail.objects.latest("pk").subject


def test_an_administrator_invites_nobody_elsewhere(outsiders_bank, dora):
    for institution, roles in ((outsiders_bank.institution, [Role.ANALYST]), (None, [Role.AUDITOR])):
        with pytest.raises(Forbidden, match="Your roles do not include this"):
            invitations.invite("new@example.org", "New", roles, institution=institution, by=dora)


def test_member_services_invite_anybody(harbour, mara):
    invitations.invite("one@example.org", "One", [Role.ADMINISTRATOR], institution=harbour.institution, by=mara)
    invitations.invite("two@example.org", "Two", [Role.AUDITOR], institution=None, by=mara)


def test_roles_stay_on_their_side(harbour, mara):
    with pytest.raises(Refused, match="Members and the association have different roles"):
        invitations.invite("new@example.org", "N", [Role.STATISTICIAN], institution=harbour.institution, by=mara)
    with pytest.raises(Refused, match="Everybody has at least one role"):
        invitations.invite("new@example.org", "N", [], institution=harbour.institution, by=mara)


def test_an_address_has_one_account_and_one_invitation_however_it_is_written(harbour, ada, dora, invited):
    with pytest.raises(Refused, match="There is an account with this e-mail address"):
        invitations.invite("ADA@example.org", "Ada", [Role.ANALYST], institution=harbour.institution, by=dora)
    with pytest.raises(Refused, match="is invited already"):
        invitations.invite("NORA@example.org", "Nora", [Role.ANALYST], institution=harbour.institution, by=dora)


def test_an_administrator_sees_its_own_invitations_only(invited, olga, ada, mara, dora):
    assert list(Invitation.objects.visible_to(dora)) == [invited]
    assert list(Invitation.objects.visible_to(mara)) == [invited]
    assert not Invitation.objects.visible_to(olga).exists()
    assert not Invitation.objects.visible_to(ada).exists()


def test_nobody_is_invited_to_an_institution_that_left(harbour, mara):
    harbour.institution.state = "left"
    with pytest.raises(Refused, match="This institution has left"):
        invitations.invite("new@example.org", "N", [Role.ANALYST], institution=harbour.institution, by=mara)


def test_an_account_may_not_be_opened_a_day_late(invited):
    assert invited.expires_at - invited.invited_at < timedelta(days=7, minutes=1)
