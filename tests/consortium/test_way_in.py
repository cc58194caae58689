"""The first account of an installation, and the way back when nobody of member services can sign in."""

from __future__ import annotations

from io import StringIO
from urllib.parse import urlsplit

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import CommandError, call_command
from django.test import Client

from consortium.audit.models import Entry
from consortium.audit.services import verify_chain
from consortium.people.models import Person
from consortium.people.roles import Role
from tests.cast import PASSWORD
from tests.consortium.signing_in import app_of, is_signed_in, sign_in

NEW = "a quiet morning in Ningbo"


def let_in(*arguments: str) -> str:
    told = StringIO()
    call_command("let_in", *arguments, stdout=told, stderr=StringIO())
    return urlsplit(told.getvalue().strip()).path


def choose_password(client: Client, path: str) -> None:
    form = client.get(path, follow=True)
    client.post(form.redirect_chain[-1][0], {"password1": NEW, "password2": NEW})


def test_an_empty_installation_gets_its_first_person(client, db):
    choose_password(client, let_in("first@association.example", "--name", "Fang Li"))

    person = Person.objects.get()
    sign_in(client, person, NEW)
    assert is_signed_in(client)
    assert (person.roles, person.institution) == ([Role.MEMBER_SERVICES], None)
    assert Entry.objects.get(event="person.let_in").actor == "the server's command line"
    assert verify_chain() is None


def test_the_link_works_once(client, db):
    path = let_in("first@association.example", "--name", "Fang Li")
    choose_password(client, path)

    again = Client().get(path, follow=True)
    assert again.context["token_fail"]
    assert not again.redirect_chain


def test_whoever_lost_the_factor_is_back_in(client, mara):
    app_of(mara)
    elsewhere = Client()
    elsewhere.force_login(mara)

    choose_password(client, let_in(mara.email))

    assert not Authenticator.objects.filter(user=mara).exists()
    assert sign_in(Client(), mara).status_code == 200  # the password of before
    sign_in(client, mara, NEW)
    assert is_signed_in(client)
    assert not is_signed_in(elsewhere)


@pytest.mark.parametrize("who", ["ada", "dora", "stella"])
def test_nobody_else_is_let_in(request, who):
    person = request.getfixturevalue(who)

    with pytest.raises(CommandError, match="Member services help"):
        let_in(person.email)

    assert Person.objects.get(pk=person.pk).check_password(PASSWORD)
    assert not Entry.objects.filter(event="person.let_in").exists()


@pytest.mark.parametrize("arguments", [["first@association.example"], ["no address", "--name", "Fang Li"]])
def test_nothing_is_opened_without_a_name_or_an_address(db, arguments):
    with pytest.raises(CommandError):
        let_in(*arguments)

    assert not Person.objects.exists()
