"""What the API answers: shapes, pages, entity tags, problems, and its own description."""

from __future__ import annotations

import json
import re

import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from anonymize.package import verify_jwk
from anonymize.rounds import parse_round
from anonymize.template import load
from consortium.signing import key_set
from sharing.models import Round, Submission
from sharing.services import checking, rounds, submissions
from tests.access import addresses
from tests.cast import call_report, sealed


@pytest.fixture
def api(client, harbour):
    """A function: GET as Harbour Bank's nightly job."""
    token = _authorization(client, harbour)

    def get(path, **headers):
        return client.get(f"/api/v1{path}", headers={"authorization": token, **headers})

    return get


@pytest.fixture
def submission(harbour, open_round, ada):
    return submissions.receive(open_round, sealed(harbour, open_round), by=ada).submission


def test_a_template_is_served_as_it_was_defined(api, collection):
    latest, versioned = api("/collections/call-report"), api("/collections/call-report/versions/1.0.0")

    assert latest.json() == versioned.json() == load("call-report").source


def test_a_template_that_did_not_change_is_not_sent_again(api, collection):
    tag = api("/collections/call-report")["ETag"]

    assert api("/collections/call-report", **{"if-none-match": tag}).status_code == 304


def test_a_round_that_changed_is_sent_again(api, open_round, carl):
    tag = api(f"/rounds/{open_round.public_id}")["ETag"]
    assert api(f"/rounds/{open_round.public_id}", **{"if-none-match": tag}).status_code == 304

    rounds.close(open_round, by=carl)

    assert api(f"/rounds/{open_round.public_id}", **{"if-none-match": tag}).status_code == 200


def test_a_round_reads_as_the_members_client_expects(api, open_round):
    round = parse_round(api(f"/rounds/{open_round.public_id}").json())

    assert (round.collection, round.template_version, round.audience) == ("call-report", "1.0.0", "concord-test")
    assert round.sealing_key(key_set()).suite == "X-Wing"
    proved = {verify_jwk(each, round_id=open_round.public_id, jwks=key_set()).suite for each in round.signatures}
    assert proved == {"X-Wing", "X25519"}


def test_an_open_round_shows_keys_once_the_vault_has_made_them(api, planned_round, carl):
    rounds.open(planned_round, by=carl)
    assert api(f"/rounds/{planned_round.public_id}").json()["sealing_keys"] == []

    rounds.make_keys(planned_round.pk)
    rounds.make_keys(planned_round.pk)

    keys = api(f"/rounds/{planned_round.public_id}").json()["sealing_keys"]
    assert [key["jwk"]["suite"] for key in keys] == ["X-Wing", "X25519"]
    assert "priv" not in json.dumps(keys)


def test_rounds_are_filtered(api, open_round):
    assert len(api("/rounds?collection=call-report&period=2025-Q4&state=open").json()["results"]) == 1
    assert api("/rounds?state=closed").json() == {"results": []}
    assert api("/rounds?collection=another").json() == {"results": []}


def test_lists_come_in_pages_with_link_headers(api, harbour, open_round, ada):
    for _number in range(3):
        submissions.receive(open_round, sealed(harbour, open_round), by=ada)

    first = api("/submissions?limit=2")
    assert len(first.json()["results"]) == 2
    address = first["Link"].partition(">")[0].removeprefix("<http://testserver/api/v1")
    second = api(address)

    assert len(second.json()["results"]) == 1
    assert 'rel="prev"' in second["Link"]
    seen = [each["version"] for each in first.json()["results"] + second.json()["results"]]
    assert seen == [3, 2, 1]


def test_a_submission_is_followed_to_its_findings(api, harbour, open_round, ada):
    bad = sealed(harbour, open_round, call_report("HARBOUR", "2025-Q3"))
    submission = submissions.receive(open_round, bad, by=ada).submission
    checking.open_sealed(submission.pk)

    document = api(f"/submissions/{submission.pk}").json()
    (finding,) = api(f"/submissions/{submission.pk}/findings").json()["results"]

    assert (document["state"], document["findings_count"]) == ("rejected", 1)
    assert finding["rule"] == "wrong-period"
    assert finding.keys() == {"rule", "severity", "cell", "sentence"}


def test_a_receipt_is_served_as_text_and_as_json(api, submission):
    text, document = (
        api(f"/submissions/{submission.pk}/receipt"),
        api(f"/submissions/{submission.pk}/receipt", accept="application/json"),
    )

    assert (text["Content-Type"].partition(";")[0], text.content.decode()) == ("application/jose", submission.receipt)
    assert document.json() == {"receipt": submission.receipt}


def test_an_unattended_job_does_not_approve(client, submission, harbour):
    token = _authorization(client, harbour)

    answer = client.post(f"/api/v1/submissions/{submission.pk}/approve", headers={"authorization": token})

    assert (answer.status_code, answer.json()["rule"]) == (403, "people-only")


def _authorization(client, bank):
    answer = client.post("/oauth/token/", {"grant_type": "client_credentials"}, headers={"authorization": bank.basic})
    return f"Bearer {answer.json()['access_token']}"


def test_an_address_that_does_not_exist_is_a_problem_too(api):
    answer = api("/nothing/here")

    assert answer["Content-Type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["rule"]) == (404, "not-found")


def test_an_unexpected_failure_tells_nothing(api, open_round, monkeypatch):
    def fail(*_):
        raise RuntimeError("the secret is 918273645")

    monkeypatch.setattr(Round.objects.__class__, "visible_to", fail)
    answer = api(f"/rounds/{open_round.public_id}")

    assert (answer.status_code, answer.json()["rule"]) == (500, "server-error")
    assert b"918273645" not in answer.content


def test_a_session_needs_the_csrf_token(ada, harbour, submission):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)

    answer = client.post(f"/api/v1/submissions/{submission.pk}/withdraw")

    assert answer.status_code == 403
    assert Submission.objects.get().state == "received"


@pytest.mark.django_db
def test_the_description_names_every_address_of_the_api(client):
    document = client.get("/api/v1/openapi.json").json()

    assert document["openapi"].startswith("3.1")
    described = {re.sub(r"{\w+}", "<>", path) for path in document["paths"]}
    here = {re.sub(r"<\w+:\w+>", "<>", f"/{each}") for each in addresses() if each.startswith("api/v1/")}
    assert described == here - {"/api/v1/<>", "/api/v1/openapi.json", "/api/v1/docs/"}


@pytest.mark.django_db
def test_a_process_that_cannot_store_is_not_ready(client, settings, tmp_path):
    assert client.get("/readyz").json() == {"ready": True}

    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    settings.CONCORD_BLOBS = blocked / "blobs"
    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["detail"]) == (503, "Not ready: storage.")
    assert client.get("/healthz").status_code == 200


def test_the_description_leaves_nothing_to_guess():
    """drf-spectacular warns wherever it could not tell a type, a name or a way to sign in."""
    with GENERATOR_STATS.silence():
        GENERATOR_STATS.reset()
        document = SchemaGenerator().get_schema(request=None, public=True)
        guessed = [*GENERATOR_STATS._warn_cache, *GENERATOR_STATS._error_cache]

    assert guessed == []
    validate_schema(document)
