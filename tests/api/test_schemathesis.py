"""What the API answers to requests made up from its own description: nothing that the description does not say.

Each request is undone. schemathesis is imported when the first test needs it: it costs seconds.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from django.middleware.csrf import _get_new_csrf_string
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings as hypothesis_settings
from hypothesis.errors import Unsatisfiable

from anonymize.package import PACKAGE_MEDIA_TYPE
from sharing.models import Release
from sharing.services import checking, submissions
from sharing.states import ReleaseState
from tests.cast import sealed
from tests.sharing.conftest import bearer

PROBLEM = "application/problem+json"


@dataclass
class Caller:
    headers: dict = field(default_factory=dict)
    cookies: dict = field(default_factory=dict)


@pytest.fixture(scope="session")
def description():
    """The description as schemathesis reads it, and the checks that it knows."""
    import schemathesis
    from drf_spectacular.generators import SchemaGenerator

    @schemathesis.serializer(PACKAGE_MEDIA_TYPE)
    def package(_context, value):
        return value if isinstance(value, bytes) else str(value).encode(errors="surrogatepass")

    document = SchemaGenerator().get_schema(request=None, public=True)
    schema = schemathesis.openapi.from_dict(document)
    schema.app = get_wsgi_application()
    return document, schema


@pytest.fixture
def things(harbour, open_round, ada, timo, settings):
    """Addresses that exist: a round, a submission that waits for approval, a release in review."""
    settings.CONCORD_RATE_LIMITS = dict.fromkeys(settings.CONCORD_RATE_LIMITS, (1_000_000, 60))
    harbour.institution.approves_submissions = True
    harbour.institution.save()
    submission = submissions.receive(open_round, sealed(harbour, open_round), by=ada).submission
    checking.open_sealed(submission.pk)
    release = Release.objects.create(
        round=open_round, public_id="draft-r1", revision=1, state=ReleaseState.IN_REVIEW, prepared_by=timo
    )
    return {
        "code": open_round.collection.code,
        "version": open_round.collection.version,
        "public_id": open_round.public_id,
        "id": str(submission.pk),
        "release_id": release.public_id,
        "kid": harbour.key.kid,
    }


def _anonymous(request):
    return Caller()


def _job(request):
    harbour = request.getfixturevalue("harbour")
    return Caller(headers={"Authorization": bearer(Client(), harbour)})


def _signed_in(name):
    def caller(request):
        client, token = Client(), _get_new_csrf_string()
        client.force_login(request.getfixturevalue(name))
        cookies = {"sessionid": client.cookies["sessionid"].value, "csrftoken": token}
        return Caller({"X-CSRFToken": token, "Referer": "http://localhost/"}, cookies)

    return caller


CALLERS = {
    "nobody": _anonymous,
    "a member's job": _job,
    "a member's administrator": _signed_in("dora"),
    "a member's approver": _signed_in("bela"),
    "a statistician": _signed_in("stella"),
}


def _walk(description, things, caller, examples):
    """What went wrong, an operation a line, with requests as described and with others."""
    from schemathesis import GenerationMode

    document, schema = description
    chance, wrong = random.Random(7), []
    # As Django's own test client does: a request's end would close the connection that the test's transaction is in.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        for found in schema.get_all_operations():
            operation = found.ok()
            try:
                _ask(operation.as_strategy(generation_mode=mode), caller, things, chance, document, examples)
            except Unsatisfiable:
                assert mode is GenerationMode.NEGATIVE, "every operation can be asked as described"
            except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001  each is told of at the end
                reasons = getattr(error, "exceptions", [error])
                wrong.append(f"{operation.label}: {[str(each)[:600] for each in reasons]}")
    return wrong


def _ask(strategy, caller, things, chance, document, examples):
    @hypothesis_settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def ask(case):
        for name in case.path_parameters or {}:
            if name in things and chance.random() < 0.8:
                case.path_parameters[name] = things[name]
        with transaction.atomic():
            response = case.call(headers=caller.headers, cookies=caller.cookies)
            transaction.set_rollback(True)
        _check(case, response, document)

    ask()


def _check(case, response, document):
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

    checks = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
    case.validate_response(response, checks=checks)
    if response.status_code >= 400:
        said = document["paths"][case.path][case.method.lower()]["responses"][str(response.status_code)]
        rules = said["content"][PROBLEM]["examples"]
        assert response.json()["rule"] in rules, f"{response.status_code} {response.json()['rule']} is not described"


@pytest.mark.parametrize("who", CALLERS)
def test_nothing_is_answered_that_the_description_does_not_say(request, description, things, who):
    assert _walk(description, things, CALLERS[who](request), examples=2) == []


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("who", CALLERS)
def test_nothing_is_answered_that_the_description_does_not_say_to_many_more(request, description, things, who):
    assert _walk(description, things, CALLERS[who](request), examples=100) == []
