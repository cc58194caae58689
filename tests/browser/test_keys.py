"""A member's administrator registers, replaces and revokes keys; the association looks after those of a round."""

from __future__ import annotations

import time

import pytest

from anonymize.package import SigningKey as MembersKey, request_registration
from consortium.institutions.models import Institution, SigningKey
from consortium.institutions.services import signing_keys
from consortium.people.models import Person
from consortium.people.roles import Role
from sharing import vault
from sharing.models import Round
from sharing.services import retention
from sharing.states import RoundState
from tests.browser.seed import PASSWORD

pytestmark = pytest.mark.browser

SCREENS = [("en", 1440, "light"), ("zh-hans", 390, "dark"), ("en", 390, "light"), ("zh-hans", 1440, "dark")]


def request_of(key: MembersKey, institution: Institution) -> str:
    return request_registration(key, institution.code, "concord-test", time.time())


@pytest.fixture
def dora(seeded) -> Person:
    """Administrator of Ada's bank."""
    bank = Person.objects.get(email="ada@example.org").institution
    return Person.objects.create_user(
        "dora@example.org", PASSWORD, name="Dora", institution=bank, roles=[Role.ADMINISTRATOR]
    )


@pytest.mark.parametrize(("language", "width", "theme"), SCREENS)
def test_an_administrator_looks_after_the_keys(visit, dora, language, width, theme):
    Person.objects.filter(pk=dora.pk).update(language=language)
    bank = dora.institution
    first = signing_keys.register(bank, request_of(MembersKey.generate(), bank), by=dora)
    lost = signing_keys.register(bank, request_of(MembersKey.generate("ES256"), bank), by=dora)
    signing_keys.revoke(lost, by=dora, reason=SigningKey.Revocation.COMPROMISED)
    visitor = visit(language=language, width=width, theme=theme)
    visitor.sign_in("dora")

    visitor.go("/institution/keys/register/")
    visitor.look("key-register")
    new = MembersKey.generate()
    visitor.page.fill("textarea[name=request]", request_of(new, bank))
    visitor.page.select_option("select[name=replaces]", first.kid)
    visitor.page.click("main form.form button[type=submit]")
    visitor.page.wait_for_url(f"**/institution/keys/{new.kid}/")
    visitor.look("key")
    visitor.go(f"/institution/keys/{lost.kid}/")
    visitor.look("key-compromised")
    visitor.go("/institution/keys/")
    visitor.look("keys")

    assert visitor.page.locator("tbody tr").count() >= 3


@pytest.mark.parametrize(("language", "width", "theme"), SCREENS[:2])
def test_two_people_look_after_the_keys_of_a_round(visit, seeded, language, width, theme):
    carl = Person.objects.get(email="carl@example.org")
    Person.objects.filter(pk=carl.pk).update(language=language)
    round = Round.objects.filter(state=RoundState.PUBLISHED).select_related("collection").first()
    assert round is not None
    vault.make_round_keys(round)
    visitor = visit(language=language, width=width, theme=theme)
    visitor.sign_in("carl")
    visitor.go(f"/rounds/{round.public_id}/keys/")
    visitor.look("round-keys")

    retention.ask(round, reason="The supervisor ordered it.", by=carl)
    visitor.go(f"/rounds/{round.public_id}/keys/")
    visitor.look("round-keys-asked")

    assert visitor.page.locator("button[disabled]").count() == 1
