"""What nobody sends by accident: cursors that were made up, surrogates, NUL, bodies without end. Never a 500, never a page."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import quote, urlencode

import pytest
from django.test import Client

from anonymize.package import PACKAGE_MEDIA_TYPE
from sharing.models import Submission
from tests.cast import sealed

PROBLEM = "application/problem+json"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
GRANT = b"grant_type=client_credentials"


@pytest.fixture
def job(token):
    """A function: any method as Harbour Bank's nightly job; what breaks is answered, not raised."""
    client = Client(raise_request_exception=False)

    def call(method, path, body=b"", kind=JSON, **headers):
        headers = {"authorization": token, **headers}
        return client.generic(method, f"/api/v1{path}", body, content_type=kind, headers=headers)

    return call


@pytest.fixture
def ask(harbour):
    """A function: any body to the token endpoint, with Harbour Bank's secret."""
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)

    def call(body, kind=FORM, query="", **headers):
        headers = {"authorization": harbour.basic, **headers}
        return client.generic("POST", f"/oauth/token/{query}", body, content_type=kind, headers=headers)

    return call


def _says(answer):
    assert answer["Content-Type"] == PROBLEM, answer.content[:200]
    return answer.status_code, answer.json()["rule"]


@pytest.mark.parametrize("path", ["/submissions", "/institutions/me/keys", "/webhooks"])
@pytest.mark.parametrize("position", ["garbage", "2026-13-45", "9" * 500, "\x00", "0001-01-01T00:00:00+23:59"])
def test_a_cursor_of_a_moment_that_there_is_not_is_none_of_ours(job, path, position):
    cursor = b64encode(urlencode({"p": position, "r": "1"}).encode()).decode()

    assert _says(job("GET", f"{path}?cursor={quote(cursor)}")) == (400, "invalid")


def test_a_surrogate_where_a_word_of_ours_is_asked_for_is_answered_as_it_came(job, open_round):
    answer = job("POST", f"/rounds/{open_round.public_id}/no-data", b'{"reason": "\\ud800"}')

    assert _says(answer) == (400, "invalid")
    assert "\ud800" in answer.json()["errors"]["reason"][0]


@pytest.mark.parametrize("path", ["/institutions/me/keys/%00", "/collections/call-report/versions/%00", "/%00"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_address_with_a_nul_is_nobodys(job, method, path):
    assert _says(job(method, path)) == (404, "not-found")


@pytest.mark.parametrize("path", ["/rounds", "/releases/r/cells", "/log/entries", "/submissions"])
def test_an_address_of_a_thousand_parameters_is_refused(job, path):
    assert _says(job("GET", f"{path}?" + "a&" * 1001)) in {(400, "invalid"), (404, "not-found")}


@pytest.mark.parametrize("path", ["/rounds/r/submissions", "/rounds/r/no-data", "/submissions"])
def test_a_body_in_chunks_is_refused_and_not_read_as_empty(token, path):
    """As gunicorn hands it on: the header, and no length."""
    client = Client(headers={"authorization": token})

    answer = client.post(f"/api/v1{path}", headers={"transfer-encoding": "chunked"}, CONTENT_LENGTH="")

    assert _says(answer) == (411, "length-required")


def test_json_of_many_megabytes_is_too_large(job, open_round):
    body = b'{"reason": "' + b"a" * 3_000_000 + b'"}'

    assert _says(job("POST", f"/rounds/{open_round.public_id}/no-data", body)) == (413, "too-large")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (GRANT + b"&a=" + b"x" * 3_000_000, FORM),
        (GRANT + b"&a=1" * 2000, FORM),
        (GRANT, FORM + "; charset=utf-16"),
        (b"--x\r\n", "multipart/form-data"),
        (b"--x\r\n", "multipart/form-data; boundary=x"),
        (b"\xff\xfe\x00", FORM),
        (b'{"grant_type": "client_credentials"}', JSON),
        (b"", FORM),
    ],
)
def test_a_token_is_refused_as_the_standard_says_whatever_the_body_is(ask, body, kind):
    answer = ask(body, kind)

    assert (answer.status_code, answer["Content-Type"], answer["Cache-Control"]) == (400, JSON, "no-store")
    assert answer.json()["error"] == "invalid_request"


def test_a_secret_in_the_address_is_refused_because_addresses_are_logged(ask, harbour):
    told = urlencode({"client_id": harbour.client.client_id, "client_secret": harbour.secret})

    answer = ask(GRANT, query=f"?{told}", authorization="")

    assert (answer.status_code, answer["Content-Type"]) == (400, JSON)
    assert answer.json()["error"] == "invalid_request"


@pytest.mark.parametrize("header", [{"Idempotency-Key": "k" * 201}, {"Correction-Reason": "r" * 201}])
def test_a_header_that_would_lose_its_end_is_refused(job, harbour, open_round, header):
    path = f"/rounds/{open_round.public_id}/submissions"

    assert _says(job("POST", path, sealed(harbour, open_round), PACKAGE_MEDIA_TYPE, **header)) == (400, "invalid")
    assert not Submission.objects.exists()


def test_a_key_of_two_hundred_characters_is_kept_whole(job, harbour, open_round):
    path = f"/rounds/{open_round.public_id}/submissions"

    job("POST", path, sealed(harbour, open_round), PACKAGE_MEDIA_TYPE, **{"Idempotency-Key": "k" * 200})

    assert Submission.objects.get().idempotency_key == "k" * 200


def test_a_reason_that_there_is_not_is_told_by_its_name(client, harbour, dora):
    client.force_login(dora)

    answer = client.delete(f"/api/v1/institutions/me/keys/{harbour.key.kid}?reason=whim")

    assert _says(answer) == (400, "invalid")
    assert answer.json()["errors"].keys() == {"reason"}
