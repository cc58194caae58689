from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest

from anonymize.client import Client, Patience
from anonymize.config import Config
from anonymize.errors import ConfigError, PackageError, ServerError
from anonymize.package import PARQUET, package_digest, seal, verify_receipt
from tests.anonymize.platform import AUDIENCE, CLIENT_ID, CLIENT_SECRET, INSTITUTION, ROUND, Answer, Platform, problem
from tests.vectors.sealed import keys

JWKS = keys.CONSORTIUM_JWKS


@pytest.fixture
def platform() -> Platform:
    return Platform(kids={keys.INSTITUTION.kid: keys.INSTITUTION.public_jwk()})


@pytest.fixture
def naps() -> list[float]:
    """The pauses the client took, instead of taking them."""
    return []


@pytest.fixture
def client(platform: Platform, naps: list[float], tmp_path: Path) -> Client:
    return connect(platform.transport(), naps, tmp_path)


def connect(transport: httpx.BaseTransport, naps: list[float], directory: Path, **settings: str) -> Client:
    config = Config(
        directory=directory,
        **{
            "server_url": "http://localhost",
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            **settings,
        },
    )
    return Client(config, transport=transport, patience=Patience(attempts=4), sleep=naps.append)


def package(**changes: Any) -> bytes:
    arguments: dict[str, Any] = {
        "media_type": PARQUET,
        "round_id": ROUND,
        "institution": INSTITUTION,
        "audience": AUDIENCE,
        "signing_key": keys.INSTITUTION,
        "sealing_key": keys.ROUND_XWING.public,
    }
    return seal(b"cube", **{**arguments, **changes}).encode()


def failing(times: int, answer: Answer, path: str = "/api/") -> Callable[[str, str], Answer | None]:
    left = [times]

    def before(_method: str, asked: str) -> Answer | None:
        if not asked.startswith(path) or left[0] == 0:
            return None
        left[0] -= 1
        return answer

    return before


def test_a_package_is_acknowledged_with_a_receipt_for_its_bytes(client: Client, platform: Platform) -> None:
    bytes_sent = package()
    sent = client.submit(ROUND, bytes_sent, "key-1")
    assert verify_receipt(sent.receipt, JWKS, bytes_sent).submission == sent.id
    assert (sent.is_new, sent.location) == (True, f"/api/v1/submissions/{sent.id}")
    assert platform.opened == [b"cube"]


def test_the_same_bytes_twice_are_one_submission(client: Client) -> None:
    same = package()
    first, second = (client.submit(ROUND, same, package_digest(same)) for _ in range(2))
    assert (first.id, first.receipt, second.is_new) == (second.id, second.receipt, False)


def test_a_refused_package_carries_the_servers_rule_and_sentence(client: Client) -> None:
    with pytest.raises(PackageError, match="another consortium") as refused:
        client.submit(ROUND, package(audience="elsewhere"), "key-1")
    assert (refused.value.rule, refused.value.exit_code) == ("wrong-audience", 1)


def test_a_closed_round_is_told(client: Client, platform: Platform) -> None:
    platform.state = "closed"
    with pytest.raises(PackageError, match="closed") as refused:
        client.submit(ROUND, package(), "key-1")
    assert refused.value.rule == "round-not-open"


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_fails_in_passing_is_tried_again(
    client: Client, platform: Platform, naps: list[float], status: int
) -> None:
    platform.before = failing(3, problem(status, "busy", "Busy."))
    assert client.round(ROUND).id == ROUND
    assert len(naps) == 3


def test_pauses_grow_and_are_random() -> None:
    patience = Patience(first_pause=1.0, longest_pause=8.0)
    drawn = [[patience.pause(attempt) for _ in range(200)] for attempt in range(5)]
    assert [max(each) <= limit for each, limit in zip(drawn, (1, 2, 4, 8, 8), strict=True)] == [True] * 5
    assert max(drawn[3]) > 4 > 1 > min(drawn[3])


def test_the_server_says_how_long_to_wait(client: Client, platform: Platform, naps: list[float]) -> None:
    platform.before = failing(1, problem(429, "throttled", "Slower.", **{"Retry-After": "7"}))
    client.round(ROUND)
    assert naps == [7.0]


def test_the_server_may_name_a_moment_instead(client: Client, platform: Platform, naps: list[float]) -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    platform.before = failing(1, problem(503, "maintenance", "Back soon.", **{"Retry-After": moment}))
    client.round(ROUND)
    assert 25 < naps[0] <= 30


def test_a_long_maintenance_is_not_waited_for(client: Client, platform: Platform, naps: list[float]) -> None:
    platform.before = failing(9, problem(503, "maintenance", "Back tomorrow.", **{"Retry-After": "3600"}))
    with pytest.raises(ServerError, match="tomorrow") as failed:
        client.round(ROUND)
    assert (failed.value.retryable, failed.value.exit_code, naps) == (True, 3, [])


def test_after_the_last_attempt_the_command_may_be_run_again(client: Client, platform: Platform) -> None:
    platform.before = failing(99, problem(503, "busy", "Busy."))
    with pytest.raises(ServerError, match="Busy") as failed:
        client.round(ROUND)
    assert (failed.value.retryable, failed.value.exit_code, platform.sent("GET")) == (True, 3, 4)


def test_a_lost_answer_does_not_send_twice(platform: Platform, naps: list[float], tmp_path: Path) -> None:
    """The connection breaks after the server has stored the package, before its answer arrives."""
    working, lost = platform.transport(), [True]

    def respond(request: httpx.Request) -> httpx.Response:
        answer = working.handle_request(request)
        if request.method == "POST" and "/submissions" in request.url.path and lost:
            lost.clear()
            raise httpx.ReadError("reset", request=request)
        return answer

    sent = connect(httpx.MockTransport(respond), naps, tmp_path).submit(ROUND, package(), "key-1")
    assert (len(platform.by_digest), sent.is_new, platform.idempotency_keys) == (1, False, ["key-1", "key-1"])


@pytest.mark.parametrize(
    ("error", "words"), [(httpx.ConnectError, "cannot be reached"), (httpx.ReadTimeout, "in time")]
)
def test_an_unreachable_server_is_named(
    naps: list[float], tmp_path: Path, error: type[httpx.TransportError], words: str
) -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        raise error("no", request=request)

    with pytest.raises(ServerError, match=rf"localhost .*{words}") as failed:
        connect(httpx.MockTransport(respond), naps, tmp_path).round(ROUND)
    assert (failed.value.exit_code, len(naps)) == (3, 3)


def test_an_untrusted_certificate_is_not_tried_again(naps: list[float], tmp_path: Path) -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed", request=request)

    with pytest.raises(ServerError, match="certificate of localhost is not trusted") as failed:
        connect(httpx.MockTransport(respond), naps, tmp_path).round(ROUND)
    assert (failed.value.retryable, naps) == (False, [])


def test_a_wrong_secret_is_told_and_not_repeated(platform: Platform, naps: list[float], tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="client id and secret") as failed:
        connect(platform.transport(), naps, tmp_path, client_secret="wrong").round(ROUND)
    assert (failed.value.exit_code, naps) == (1, [])


def test_one_token_serves_many_calls(client: Client, platform: Platform) -> None:
    for _ in range(3):
        client.round(ROUND)
    assert platform.tokens == 1


def test_a_revoked_token_is_replaced_once(client: Client, platform: Platform) -> None:
    client.round(ROUND)
    platform.tokens += 1  # the platform forgets the token that it gave
    assert client.round(ROUND).id == ROUND
    assert platform.tokens == 3


def test_a_busy_sign_in_is_tried_again(client: Client, platform: Platform, naps: list[float]) -> None:
    platform.before = failing(2, problem(503, "busy", "Busy."), path="/oauth/")
    assert client.round(ROUND).id == ROUND
    assert len(naps) == 2


def test_waiting_ends_with_the_decision(client: Client, platform: Platform, naps: list[float]) -> None:
    platform.polls_before_decision, platform.decision = 3, "rejected"
    sent = client.submit(ROUND, package(), "key-1")
    assert client.wait(sent.id)["state"] == "rejected"
    assert len(naps) == 3


def test_waiting_too_long_is_retryable_and_says_that_it_arrived(client: Client, platform: Platform) -> None:
    platform.polls_before_decision = 10_000
    sent = client.submit(ROUND, package(), "key-1")
    with pytest.raises(ServerError, match="received and still being checked") as failed:
        client.wait(sent.id, timeout=0.1)
    assert (failed.value.retryable, failed.value.rule) == (True, "still-checking")


def test_a_list_is_read_to_its_last_page(client: Client) -> None:
    assert [each["id"] for each in client.releases()] == ["r-2", "r-1"]


def test_a_list_never_leads_to_another_server(client: Client, platform: Platform) -> None:
    elsewhere = {"Content-Type": "application/json", "Link": '<https://evil.example/steal>; rel="next"'}
    platform.before = failing(1, (200, elsewhere, b'{"results": []}'), path="/api/v1/releases")
    with pytest.raises(ServerError, match="another server"):
        client.releases()


def test_the_media_type_and_filters_of_cells_are_the_callers(client: Client) -> None:
    assert client.cells("r-2", "text/csv", {"REGION": "CN-33"}) == b'{"REGION": "CN-33"}'


def test_an_id_cannot_reach_another_address(client: Client, platform: Platform) -> None:
    with pytest.raises(ServerError) as failed:
        client.cells("../institutions/me?x=", "text/csv")
    assert failed.value.status == 404
    assert platform.log[-1][1] == "/api/v1/releases/..%2Finstitutions%2Fme%3Fx%3D/cells"


@pytest.mark.parametrize("content", [b"<html>sign in</html>", b"[1, 2]", b""])
def test_an_answer_that_is_no_json_object_is_told(client: Client, platform: Platform, content: bytes) -> None:
    platform.before = failing(1, (200, {"Content-Type": "text/html"}, content))
    with pytest.raises(ServerError, match=r"JSON|published form"):
        client.round(ROUND)


def test_an_error_page_without_a_problem_is_still_a_sentence(client: Client, platform: Platform) -> None:
    platform.before = failing(1, (500, {"Content-Type": "text/html"}, b"<h1>Internal</h1>"))
    with pytest.raises(ServerError, match="The server answered 500") as failed:
        client.round(ROUND)
    assert (failed.value.retryable, failed.value.exit_code) == (False, 3)


def test_nothing_is_sent_in_the_clear(platform: Platform, naps: list[float], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="https"):
        connect(platform.transport(), naps, tmp_path, server_url="http://concord.example.org")
    assert platform.log == []


def test_the_secret_shows_in_no_printed_value(client: Client) -> None:
    client.round(ROUND)
    assert CLIENT_SECRET not in repr(client._config)
    assert "token-1" not in repr(client._token)


def test_a_redirect_is_not_followed(client: Client, platform: Platform) -> None:
    platform.before = failing(1, (302, {"Location": "https://evil.example/"}, b""))
    with pytest.raises(ServerError, match="302"):
        client.round(ROUND)
    assert [path for _, path in platform.log][-1] == f"/api/v1/rounds/{ROUND}"


def test_a_round_without_keys_yet_may_be_tried_later(client: Client) -> None:
    round_ = client.round(ROUND)
    assert round_.sealing_key(JWKS).rkid == keys.ROUND_XWING.rkid
    with pytest.raises(ServerError, match="no sealing key yet") as failed:
        type(round_)(**{**vars(round_), "signatures": ()}).sealing_key(JWKS)
    assert failed.value.exit_code == 3


def test_a_round_key_that_the_consortium_did_not_sign_is_never_sealed_to(client: Client) -> None:
    with pytest.raises(PackageError) as refused:
        client.round(ROUND).sealing_key({"keys": [keys.STRANGER.public_jwk()]})
    assert refused.value.rule == "unknown-key"


BODIES = [
    b"", b"{}", b"[]", b"null", b"\xff", b"[" * 100_000, b"1" * 5000,
    b'{"results": 5}', b'{"results": [5]}', b'{"results": null}', b'{"results": [{}]}',
    b'{"access_token": null}', b'{"access_token": "a\\ud800"}', b'{"access_token": "a\\nb"}', b'{"access_token": "t", "expires_in": "x"}',
    b'{"id": 1, "state": "received", "receipt": "x"}', b'{"id": "x", "state": "received", "receipt": null}', b'{"state": 5}',
    b'{"detail": ["x"], "rule": {}}', b'{"detail": "\\u001b[2Jgone \\ud800", "rule": "\\u0007"}',
]  # fmt: skip
HEADS: list[dict[str, str]] = [
    {}, {"Content-Type": "application/problem+json"}, {"Content-Encoding": "gzip"},
    {"Link": '<http://[::1>; rel="next"'}, {"Link": '<http://x:99999999/>; rel="next"'}, {"Link": ";;;,<"},
    {"Retry-After": "\xb2"}, {"Retry-After": "-1"}, {"Retry-After": "9" * 500}, {"Retry-After": "Mon, 99 Foo"},
]  # fmt: skip
CALLS: list[Callable[[Client], object]] = [
    Client.consortium_keys,
    Client.rounds,
    Client.signing_keys,
    lambda client: client.template("x"),
    lambda client: client.round("x"),
    lambda client: client.submit("x", b"x", "key"),
    lambda client: client.findings("x"),
    lambda client: client.wait("x", 1),
    lambda client: client.cells("x", "text/csv"),
]


ANSWERS = [*product(BODIES, HEADS[:2]), *product([b"{}", b'{"results": []}'], HEADS[2:])]


@pytest.mark.parametrize("status", [200, 301, 401, 409, 429, 500])
@pytest.mark.parametrize("gives_token", [True, False])
def test_no_answer_whatever_breaks_the_client(status: int, gives_token: bool, tmp_path: Path) -> None:
    """Every one is an error with a sentence that a terminal shows as it is, and with a code for the scheduler."""
    told: list[str] = []
    for body, head in ANSWERS:

        def answer(request: httpx.Request, body: bytes = body, head: dict[str, str] = head) -> httpx.Response:
            if gives_token and request.url.path.startswith("/oauth"):
                return httpx.Response(200, json={"access_token": "t", "expires_in": 600})
            headers = [(name.encode(), value.encode("latin-1")) for name, value in head.items()]
            return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body))

        with connect(httpx.MockTransport(answer), [], tmp_path) as client:
            for call in CALLS:
                try:
                    call(client)
                except (ServerError, PackageError) as refused:
                    told += [refused.sentence, refused.rule]
    assert told
    assert [each for each in told if not each.isprintable()] == []


def test_a_busy_server_is_no_refusal_of_the_package(client: Client, platform: Platform) -> None:
    """A scheduler runs it again: with the code of a refusal it would not."""
    platform.before = failing(99, problem(429, "throttled", "Slow down."), "/api/v1/rounds/")
    with pytest.raises(ServerError) as told:
        client.submit(ROUND, package(), "key-1")
    assert (told.value.sentence, told.value.exit_code) == ("Slow down.", 3)
