"""Whatever is wrong with a request is answered with a problem document, and never with a page or a 500."""

from __future__ import annotations

import json

import pytest
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator

from consortium.institutions.models import ApiClient
from consortium.limits.models import Window
from sharing.api import examples

PROBLEM = "application/problem+json"
JSON = "application/json"


@pytest.fixture
def job(client, token):
    """A function: any method as Harbour Bank's nightly job."""

    def call(method, path, body=b"", kind=JSON, **headers):
        return client.generic(
            method, f"/api/v1{path}", body, content_type=kind, headers={"authorization": token, **headers}
        )

    return call


def _says(answer):
    assert answer["Content-Type"] == PROBLEM, answer.content[:200]
    assert answer.json()["status"] == answer.status_code
    return answer.status_code, answer.json()["rule"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "POST", "OPTIONS"])
def test_a_method_that_there_is_not_is_named_with_those_that_there_are(job, method):
    answer = job(method, "/collections")

    assert _says(answer) == (405, "method-not-allowed")
    assert "GET" in answer["Allow"]


def test_a_format_that_there_is_not(job):
    assert _says(job("GET", "/collections", accept="application/xml")) == (406, "not-acceptable")


@pytest.mark.parametrize(
    "body", [b"{", b"\xff\xfe", b"nonsense", b'{"reason": ', b"[" * 100_000, b'{"a": NaN}', b'"\\ud800"'[:-2]]
)
def test_json_that_cannot_be_read(job, open_round, body):
    answer = job("POST", f"/rounds/{open_round.public_id}/no-data", body)

    status, rule = _says(answer)
    assert status == 400
    assert rule in {"parse-error", "invalid"}


@pytest.mark.parametrize("body", [b"[]", b"null", b"5", b'"text"', b"{}", b'{"reason": null}', b'{"reason": {"a": 1}}'])
def test_json_of_another_shape(job, open_round, body):
    assert _says(job("POST", f"/rounds/{open_round.public_id}/no-data", body)) == (400, "invalid")


def test_a_nul_in_a_text_is_refused(job, open_round):
    body = json.dumps({"reason": "other", "text": "a\x00b"}).encode()

    assert _says(job("POST", f"/rounds/{open_round.public_id}/no-data", body)) == (400, "invalid")


def test_a_body_of_another_kind(job, open_round):
    path = f"/rounds/{open_round.public_id}"

    assert _says(job("POST", f"{path}/no-data", b"a=b", "application/x-www-form-urlencoded"))[0] == 415
    assert _says(job("POST", f"{path}/submissions", b"{}", JSON))[0] == 415


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=many",
        "limit=-1",
        "cursor=nonsense",
        "cursor=cD0AAA==",
        "state=nowhere",
        "state=%00",
        "colection=typo",
        "period=" + "9" * 300,
        "period=%00",
        "%00=1",
        "%FF=%FF",
    ],
)
def test_what_a_list_cannot_be_asked_for_is_refused(job, open_round, query):
    status, rule = _says(job("GET", f"/rounds?{query}"))

    assert (status, rule) == (400, "invalid")


@pytest.mark.parametrize(
    "cursor", ["cD0yMDI1LVE0", "%00", "cD0A", "bz0xJnA9MjAyNS1RNA==", "bz05OTk5OTk5OTk5OTk5OTk=", "cD0="]
)
def test_a_cursor_that_somebody_made_breaks_nothing(job, open_round, cursor):
    assert job("GET", f"/rounds?cursor={cursor}").status_code in {200, 400}


@pytest.mark.parametrize(
    "path",
    [
        "/rounds/%00",
        "/rounds/" + "a" * 3000,
        "/submissions/not-a-uuid",
        "/%FF",
        "/%0A",
        "/collections/a/versions/1%0A2",
        "/releases/%2e%2e",
    ],
)
def test_an_address_that_there_is_not(job, path):
    assert _says(job("GET", path)) == (404, "not-found")
    assert _says(job("POST", path)) in {(404, "not-found"), (405, "method-not-allowed")}


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer x", "bearer \xff", "Bearer " + "x" * 5000])
def test_a_token_that_is_none(client, db, header):
    answer = client.get("/api/v1/rounds", headers={"authorization": header})

    assert _says(answer) == (401, "authentication-failed")
    assert 'error="invalid_token"' in answer["WWW-Authenticate"]


def test_without_a_token_the_way_to_get_one_is_named(client, db):
    answer = client.get("/api/v1/rounds")

    assert _says(answer) == (401, "not-authenticated")
    assert answer["WWW-Authenticate"] == 'Bearer realm="concord"'


def test_every_answer_tells_what_is_left_and_the_last_one_when_to_come_again(job, settings):
    settings.CONCORD_RATE_LIMITS = {**settings.CONCORD_RATE_LIMITS, "client": (2, 60)}

    assert job("GET", "/rounds")["RateLimit"].startswith('"client";r=1;t=')
    assert job("GET", "/nothing-here").status_code == 404  # nobody is asked who he is, so nothing is counted
    assert job("GET", "/rounds")["RateLimit"].startswith('"client";r=0;t=')
    answer = job("GET", "/rounds")

    assert _says(answer) == (429, "throttled")
    assert 1 <= int(answer["Retry-After"]) <= 61
    assert answer["RateLimit-Policy"] == '"client";q=2;w=60'


def test_an_address_that_guesses_tokens_waits_and_a_client_behind_it_does_not(client, job, settings, harbour):
    settings.CONCORD_RATE_LIMITS = {**settings.CONCORD_RATE_LIMITS, "address": (2, 60)}
    wrong = {"authorization": "Bearer guess"}

    assert [client.get("/api/v1/rounds", headers=wrong).status_code for _number in range(3)] == [401, 401, 429]
    assert client.get("/api/v1/openapi.json").status_code == 429
    told = {"grant_type": "client_credentials"}
    assert _says(client.post("/oauth/token/", told, headers={"authorization": "Basic eDp5"})) == (429, "throttled")
    assert client.post("/oauth/token/", told, headers={"authorization": harbour.basic}).status_code == 200
    assert job("GET", "/rounds").status_code == 200
    assert client.get("/api/v1/rounds", headers=wrong, REMOTE_ADDR="198.51.100.7").status_code == 401


def test_tokens_that_are_asked_for_rightly_spend_nothing_of_the_address(client, harbour, settings):
    """Four thousand members may come through one gateway in the hour of a deadline."""
    settings.CONCORD_RATE_LIMITS = {**settings.CONCORD_RATE_LIMITS, "address": (2, 60)}
    told = {"grant_type": "client_credentials"}

    got = [client.post("/oauth/token/", told, headers={"authorization": harbour.basic}).status_code for _n in range(5)]

    assert got == [200] * 5
    assert not Window.objects.filter(key__startswith="address:").exists()


def test_a_client_that_asks_for_tokens_all_the_time_waits(client, harbour, settings):
    settings.CONCORD_RATE_LIMITS = {**settings.CONCORD_RATE_LIMITS, "token": (2, 60)}
    told = {"grant_type": "client_credentials"}

    got = [client.post("/oauth/token/", told, headers={"authorization": harbour.basic}) for _number in range(3)]

    assert [each.status_code for each in got] == [200, 200, 429]
    assert got[2]["Retry-After"]
    assert got[2].json()["error"] == "temporarily_unavailable"


def test_a_post_to_no_address_needs_no_form(db):
    from django.test import Client

    answer = Client(enforce_csrf_checks=True).post("/api/v1/nothing")

    assert _says(answer) == (404, "not-found")


@pytest.mark.parametrize("path", ["/institution/api-clients/", "/api/v1/docs/"])
def test_nothing_on_a_page_shows_a_digest(client, dora, harbour, path):
    client.force_login(dora)

    assert ApiClient.objects.get().client_secret not in client.get(path).content.decode()


def test_the_description_is_made_once_and_in_one_language(client, db, monkeypatch):
    """Anybody may ask for it, and it takes a tenth of a second to make."""
    first = client.get("/api/v1/openapi.json", headers={"accept-language": "zh-hans"})
    monkeypatch.setattr(SchemaGenerator, "get_schema", lambda *args, **kwargs: pytest.fail("made again"))
    second = client.get("/api/v1/openapi.json?lang=zh-hans&version=x")

    assert first.content == second.content
    assert first["Content-Type"] == "application/vnd.oai.openapi+json"
    assert first.json()["openapi"].startswith("3.1")
    assert not any("\u4e00" <= letter <= "\u9fff" for letter in str(first.json()["components"]["securitySchemes"]))


@pytest.fixture(scope="module")
def document():
    return SchemaGenerator().get_schema(request=None, public=True)


def test_every_operation_names_its_scope_or_is_for_people(document):
    for operation in examples.operations(document):
        scopes = [each["clientCredentials"] for each in operation["security"] if "clientCredentials" in each]
        assert scopes == [] or len(scopes[0]) == 1, operation["operationId"]


def test_every_json_body_has_an_example_that_fits_its_schema(document):
    found = 0
    for operation in examples.operations(document):
        bodies = [operation.get("requestBody", {})]
        bodies += [response for status, response in operation["responses"].items() if status < "300"]
        for body in bodies:
            media = body.get("content", {}).get(JSON)
            if media is None or operation["operationId"] == "get-cells":
                continue
            assert "example" in media, operation["operationId"]
            schema = {**media["schema"], "components": document["components"]}
            Draft202012Validator(schema).validate(media["example"])
            found += 1
    assert found > 40


def test_refusals_are_of_operations_that_there_are(document):
    from sharing.api import refusals

    there = {operation["operationId"] for operation in examples.operations(document)}
    assert refusals.OF.keys() <= there
    assert there >= examples.CONDITIONAL
