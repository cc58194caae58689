"""A small stand-in for the platform's HTTP API that really verifies, opens and signs; for the client's tests."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from anonymize.errors import PackageError
from anonymize.package import Receipt, issue_receipt, jose, open_sealed, package_digest, sign_jwk, verify
from anonymize.template import load
from tests.vectors.sealed import keys

AUDIENCE, INSTITUTION, ROUND, PERIOD = "concord-test", "CN-TEST-001", "delinquency-2026-10", "2026-10"
CLIENT_ID, CLIENT_SECRET = "cron", "a client secret"
PROBLEM = "application/problem+json"

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Platform:
    """`before` may answer a request in the platform's place; `opened` holds what the vault read."""

    kids: dict[str, dict[str, Any]] = field(default_factory=dict)
    state: str = "open"
    extended_until: str | None = None
    without_round: set[str] = field(default_factory=set)  # collections whose round is not made yet
    decision: str = "accepted"
    templates: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {"delinquency": dict(load("delinquency").source)}
    )
    decisions: dict[str, str] = field(default_factory=dict)  # of a round, instead of `decision`
    polls_before_decision: int = 0
    findings: list[dict[str, Any]] = field(default_factory=list)
    statement: list[dict[str, Any]] = field(default_factory=list)
    before: Callable[[str, str], Answer | None] = lambda _method, _path: None
    log: list[tuple[str, str]] = field(default_factory=list)
    tokens: int = 0
    by_digest: dict[str, dict[str, Any]] = field(default_factory=dict)
    api_key: dict[str, Any] | None = None  # with it, assertions are asked for and no secret
    assertions: list[str] = field(default_factory=list)
    trials: int = 0
    corrections: list[tuple[str, str]] = field(default_factory=list)
    registered: list[dict[str, Any]] = field(default_factory=list)
    idempotency_keys: list[str] = field(default_factory=list)
    opened: list[bytes] = field(default_factory=list)

    def handle(self, method: str, url: str, headers: dict[str, str], body: bytes) -> Answer:
        path = urlsplit(url).path
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        self.log.append((method, path))
        if (early := self.before(method, path)) is not None:
            return early
        if path == "/oauth/token/":
            return self._token(headers, {name: values[0] for name, values in parse_qs(body.decode()).items()})
        if path == "/.well-known/jwks.json":
            return _json(200, keys.CONSORTIUM_JWKS)
        if headers.get("authorization") != f"Bearer token-{self.tokens}":
            return problem(401, "not-authenticated", "Sign in.")
        return self._api(method, path.removeprefix("/api/v1"), query, headers, body)

    def sent(self, method: str) -> int:
        return sum(1 for each, path in self.log if each == method and path.startswith("/api/"))

    def _token(self, headers: dict[str, str], asked: dict[str, str]) -> Answer:
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        is_known = self._is_proved(asked) if self.api_key else headers.get("authorization") == f"Basic {basic}"
        if not is_known:
            return _json(401, {"error": "invalid_client"})
        self.tokens += 1
        return _json(200, {"access_token": f"token-{self.tokens}", "token_type": "Bearer", "expires_in": 3600})

    def _is_proved(self, asked: dict[str, str]) -> bool:
        """RFC 7523: the registered key signed an assertion for this endpoint, good for a while and for one use."""
        try:
            claims = json.loads(jose.verified(asked["client_assertion"].encode(), self.api_key or {}).payload)
        except (PackageError, KeyError):
            return False
        is_about_us = (claims["iss"], claims["sub"]) == (CLIENT_ID, CLIENT_ID) and claims["aud"].endswith(
            "/oauth/token/"
        )
        if not is_about_us or not 0 < claims["exp"] - time.time() <= 300 or claims["jti"] in self.assertions:
            return False
        self.assertions.append(claims["jti"])
        return True

    def _api(self, method: str, path: str, query: dict[str, str], headers: dict[str, str], body: bytes) -> Answer:
        match [method, *path.strip("/").split("/")]:
            case ["GET", "collections", id] | ["GET", "collections", id, "versions", _] if id in self.templates:
                return _json(200, self.templates[id])
            case ["GET", "rounds"]:
                is_asked = query.get("state") in {None, self.state} and query.get("period") in {None, PERIOD}
                there = [each for each in self.templates if each not in self.without_round]
                wanted = [each for each in there if query.get("collection") in {None, each}]
                return _json(200, {"results": [self.round(each) for each in wanted if is_asked]})
            case ["GET", "rounds", id] if self._collection(id):
                return _json(200, self.round(self._collection(id)))
            case ["POST", "rounds", id, "submissions"] if self._collection(id):
                return self._receive(id, headers, body, is_trial=query.get("trial") == "true")
            case ["GET", "submissions"]:
                found = [each for each in self.by_digest.values() if query.get("round") in {None, each["round"]}]
                return _json(200, {"results": found})
            case ["GET", "submissions", id]:
                return self._submission(id)
            case ["GET", "submissions", _, "findings"]:
                return _json(200, {"results": self.findings})
            case ["GET", "institutions", "me", "keys"]:
                return _json(200, {"results": self.registered})
            case ["GET", "releases", *rest]:
                return self._releases(rest, query, headers["accept"])
        return problem(404, "not-found", "There is nothing here, or not for you.")

    def _releases(self, rest: list[str], query: dict[str, str], accept: str) -> Answer:
        match rest:
            case [] if "cursor" not in query:
                link = '<http://localhost/api/v1/releases?cursor=2>; rel="next"'
                status, also, content = _json(200, {"results": [{"id": "r-2", "period": PERIOD}]})
                return status, {**also, "Link": link}, content
            case []:
                return _json(200, {"results": [{"id": "r-1", "period": "2026-09"}]})
            case ["r-2", "cells"]:
                return 200, {"Content-Type": accept}, json.dumps(query, sort_keys=True).encode()
            case ["r-2", "statement"]:
                return _json(200, {"release": "r-2", "institution": INSTITUTION, "results": self.statement})
        return problem(404, "not-found", "There is nothing here, or not for you.")

    def _collection(self, round_id: str) -> str:
        """The collection of a round that there is; '' of any other."""
        collection = round_id.removesuffix(f"-{PERIOD}")
        return collection if collection in self.templates and round_id != collection else ""

    def round(self, collection: str = "delinquency") -> dict[str, Any]:
        id = f"{collection}-{PERIOD}"
        pairs = (keys.ROUND_X25519, keys.ROUND_XWING) if self.state == "open" or self.extended_until else ()
        return {
            "id": id,
            "collection": collection,
            "template_version": self.templates[collection]["version"],
            "period": PERIOD,
            "state": self.state,
            "opens_at": "2026-11-01T00:00:00Z",
            "due_at": "2026-11-20T00:00:00Z",
            "extended_until": self.extended_until,
            "audience": AUDIENCE,
            "sealing_keys": [
                {"jwk": pair.public_jwk(), "signature": sign_jwk(pair.public_jwk(), id, keys.VAULT)} for pair in pairs
            ],
        }

    def _receive(self, round_id: str, headers: dict[str, str], package: bytes, *, is_trial: bool) -> Answer:
        self.idempotency_keys.append(headers["idempotency-key"])
        self.trials += is_trial
        self.corrections.append((headers.get("correction-reason", ""), headers.get("correction-note", "")))
        known = self.by_digest.get(package_digest(package))
        if known:
            return self._acknowledge(200, known)
        if self.state != "open" and not self.extended_until:
            return problem(409, "round-not-open", "The round is closed.")
        try:
            envelope = verify(package, keys=self.kids, audience=AUDIENCE, round_id=round_id, institution=INSTITUTION)
        except PackageError as refused:
            return problem(422, refused.rule, refused.sentence)
        pair = keys.ROUND_XWING if envelope.suite == "X-Wing" else keys.ROUND_X25519
        self.opened.append(open_sealed(envelope, pair))
        return self._acknowledge(202, self._record(round_id, package, is_trial=is_trial))

    def _record(self, round_id: str, package: bytes, *, is_trial: bool) -> dict[str, Any]:
        version, digest = (
            sum(each["round"] == round_id for each in self.by_digest.values()) + 1,
            package_digest(package),
        )
        id, at = f"00000000-0000-4000-8000-{len(self.by_digest) + 1:012d}", "2026-11-02T08:00:00Z"
        receipt = Receipt(AUDIENCE, id, INSTITUTION, round_id, version, digest, len(package), at)
        self.by_digest[digest] = {
            "id": id,
            "round": round_id,
            "version": version,
            "state": "received",
            "received_at": at,
            "package_sha256": digest,
            "receipt": issue_receipt(receipt, keys.CONSORTIUM, is_trial=is_trial),
            "findings_count": len(self.findings),
        }
        return self.by_digest[digest]

    def _acknowledge(self, status: int, submission: dict[str, Any]) -> Answer:
        document = {name: submission[name] for name in ("id", "state", "receipt")}
        code, headers, body = _json(status, document)
        return code, {**headers, "Location": f"/api/v1/submissions/{submission['id']}"}, body

    def _submission(self, id: str) -> Answer:
        for submission in self.by_digest.values():
            if submission["id"] == id:
                if self.polls_before_decision:
                    self.polls_before_decision -= 1
                else:
                    submission["state"] = self.decisions.get(submission["round"], self.decision)
                return _json(200, submission)
        return problem(404, "not-found", "There is nothing here, or not for you.")

    def transport(self) -> httpx.MockTransport:
        """The platform behind httpx, without a socket."""

        def respond(request: httpx.Request) -> httpx.Response:
            headers = {name.lower(): value for name, value in request.headers.items()}
            status, also, content = self.handle(request.method, str(request.url), headers, request.read())
            return httpx.Response(status, headers=also, content=content)

        return httpx.MockTransport(respond)

    @contextmanager
    def served(self) -> Iterator[str]:
        """The platform on a port of this machine; yields its address."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def problem(status: int, rule: str, detail: str, **headers: str) -> Answer:
    content = json.dumps({"type": f"urn:concord:problem:{rule}", "rule": rule, "detail": detail, "status": status})
    return status, {"Content-Type": PROBLEM, **headers}, content.encode()


def _json(status: int, document: Any) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(document).encode()


def _handler(platform: Platform) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, also, content = platform.handle(self.command, self.path, headers, body)
            self.send_response(status)
            for name, value in {**also, "Content-Length": str(len(content))}.items():
                # A real server names itself in its links.
                self.send_header(name, value.replace("http://localhost", f"http://{self.headers['Host']}"))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer  # noqa: N815 - the base class calls them so

        def log_message(self, format: str, *args: object) -> None:
            """Silent: the platform keeps its own log."""

    return Handler
