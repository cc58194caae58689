"""Every operation of the API behind its scope: a token that lacks it gets nowhere, whatever the address names."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from consortium.institutions.scopes import Scope
from consortium.institutions.services import api_clients

FILLED = {"{id}": uuid.UUID(int=7), "{query_id}": uuid.UUID(int=7), "{delivery_id}": uuid.UUID(int=7)}
SECRET = {"grant_type": "client_credentials"}


def _asked():
    """Method, address and scope of everything that asks who calls; without a scope it is for people."""
    document = SchemaGenerator().get_schema(request=None, public=True)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            needs = [each["clientCredentials"] for each in operation["security"] if "clientCredentials" in each]
            if operation["security"]:
                yield method.upper(), _filled(path), needs[0][0] if needs and needs[0] else None


def _filled(path):
    for name, value in FILLED.items():
        path = path.replace(name, str(value))
    for name in ("{webhook_id}", "{code}", "{version}", "{public_id}", "{release_id}", "{kid}", "{alert_id}", "{name}"):
        path = path.replace(name, str(uuid.UUID(int=7)))
    assert "{" not in path, path
    return path


@pytest.fixture
def header(harbour, dora):
    """A function: the Authorization of a new client of Harbour Bank with these scopes and no others."""

    def authorization(scopes):
        issued = api_clients.issue(harbour.institution, "narrow", by=dora, scopes=scopes)
        told = {**SECRET, "client_id": issued.client.client_id, "client_secret": issued.secret}
        return "Bearer " + Client().post("/oauth/token/", told).json()["access_token"]

    return authorization


@pytest.mark.parametrize("scope", Scope.values)
def test_a_token_without_its_scope_gets_no_answer_from_an_operation(header, scope):
    others = header([each for each in Scope.values if each != scope])
    asked = [(method, path) for method, path, needed in _asked() if needed == scope]

    got = {
        (method, path): Client(enforce_csrf_checks=True).generic(method, path, headers={"authorization": others})
        for method, path in asked
    }

    assert asked
    assert {(answer.status_code, answer.json()["rule"]) for answer in got.values()} == {(403, "insufficient-scope")}


def test_what_has_no_scope_is_for_people_whatever_a_token_has(header):
    everything = header(Scope.values)
    asked = [(method, path) for method, path, needed in _asked() if needed is None]

    rules = {
        Client(enforce_csrf_checks=True).generic(method, path, headers={"authorization": everything}).json()["rule"]
        for method, path in asked
    }

    assert len(asked) > 5
    assert rules == {"people-only"}


def test_no_session_changes_anything_without_a_token_of_the_form(dora):
    """A page elsewhere that posts to us with the browser's cookie gets nowhere."""
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(dora)
    asked = [(method, path) for method, path, _needed in _asked() if method != "GET"]

    got = {browser.generic(method, path, b"{}", content_type="application/json").status_code for method, path in asked}

    assert len(asked) > 10
    assert got == {403}
