"""Where an institution says that its people sign in through its directory alone; second factors and the way back."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from consortium.audit.models import Entry
from consortium.errors import Forbidden, Refused
from consortium.institutions.models import Institution
from consortium.people.roles import Role
from consortium.sign_on import services
from consortium.sign_on.models import SignOn
from tests.cast import person
from tests.consortium.directories import IdentityProvider
from tests.consortium.signing_in import is_signed_in, sign_in
from tests.consortium.sso.walking import (
    come_back,
    new_browser,
    start,
)


@pytest.mark.parametrize("trusts", [True, False])
def test_a_required_factor_is_the_directorys_only_where_the_institution_says_so(
    client, openid, provider, settings, trusts
):
    settings.CONCORD_MFA = "required"
    openid.trusts_second_factor = trusts
    openid.save()
    come_back(client, start(client))

    assert client.get("/submissions/").status_code == (200 if trusts else 302)


def test_a_password_never_counts_as_the_directory(client, openid, ada, settings):
    settings.CONCORD_MFA = "required"
    openid.trusts_second_factor = True
    openid.save()

    sign_in(client, ada)

    assert client.get("/submissions/")["Location"] == "/accounts/2fa/"


def test_enforced_no_password_opens_anything_but_the_way_back(openid, ada, dora):
    services.enforce(openid, break_glass=dora, by=dora)
    hers, way_back = new_browser(), new_browser()

    assert sign_in(hers, ada)["Location"] == "/accounts/sign-on/"
    sign_in(way_back, dora)

    assert not is_signed_in(hers)
    assert is_signed_in(way_back)


def test_enforced_a_wrong_password_says_nothing_of_it(client, openid, ada, dora):
    services.enforce(openid, break_glass=dora, by=dora)

    assert sign_in(client, ada, "a wrong one").status_code == 200


def test_where_two_people_are_needed_nobody_alone_says_who_is_who(client, openid, provider, harbour, ada, bela, dora):
    Institution.objects.update(approves_submissions=True)
    given = {"issuer": provider.issuer, "client_id": "evil", "secret": "x", "domains": ["harbour.example"]}

    services.use_openid(harbour.institution, by=dora, **given)
    assert not SignOn.objects.get().is_on  # what was agreed to was another directory
    with pytest.raises(Refused, match="Another administrator or an approver"):
        services.switch(openid, on=True, by=dora)
    with pytest.raises(Forbidden):
        services.switch(openid, on=True, by=ada)
    for page, button in ((dora, False), (bela, True)):
        client.force_login(page)
        assert ("Switch on" in client.get("/institution/sign-on/").content.decode()) == button
    client.post("/institution/sign-on/switch/", {"on": "yes"})

    assert SignOn.objects.get().is_on
    assert Entry.objects.filter(event="sign_on.switched_on").order_by("pk").last().person == bela
    with pytest.raises(Forbidden):
        services.switch(openid, on=False, by=bela)


def test_with_the_way_back_gone_every_administrator_is_one(client, openid, harbour, dora, ada):
    edda = person("Edda", harbour.institution, Role.ADMINISTRATOR)
    services.enforce(openid, break_glass=dora, by=dora)
    dora.is_active = False
    dora.save()

    sign_in(client, edda)

    assert is_signed_in(client)


def test_the_way_back_is_an_administrator_of_this_bank_with_a_password(openid, ada, dora, olga):
    for wrong in (ada, olga):
        with pytest.raises(Refused, match="Name an administrator of your institution with a password"):
            services.enforce(openid, break_glass=wrong, by=dora)


def test_enforcing_needs_it_on(openid, dora):
    services.switch(openid, on=False, by=dora)

    with pytest.raises(Refused, match="Switch single sign-on on first"):
        services.enforce(openid, break_glass=dora, by=dora)


def test_the_database_keeps_a_way_back(openid):
    openid.is_enforced = True
    with pytest.raises(IntegrityError, match="enforced_only_while_on_and_with_a_way_back"), transaction.atomic():
        openid.save()


def test_what_is_enforced_is_not_changed(openid, provider, harbour, dora):
    services.enforce(openid, break_glass=dora, by=dora)

    with pytest.raises(Refused, match="End first that it is the only way to sign in"):
        services.use_saml(
            harbour.institution, by=dora, metadata=IdentityProvider().metadata, domains=["harbour.example"]
        )


def test_who_has_no_password_may_set_one(client, openid, provider, ada):
    ada.set_unusable_password()
    ada.save()
    come_back(client, start(client))

    page = client.get("/accounts/password/change/", follow=True)
    new = "another harbour in the east"
    client.post("/accounts/password/set/", {"password1": new, "password2": new})

    assert page.redirect_chain[-1][0] == "/accounts/password/set/"
    ada.refresh_from_db()
    assert ada.check_password(new)
    assert is_signed_in(client)
