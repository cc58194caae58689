"""The platform's HTTP API as a bank uses it. This is the only module that opens a connection.

Every call may be repeated safely (a submission carries an idempotency key), so what fails in passing is tried again,
with growing, random pauses, or when the server says.
"""

from __future__ import annotations

import copy
import json
import random
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self
from urllib.parse import quote

import httpx

from anonymize.answers import (
    RETRYABLE_STATUS,
    accepted,
    is_untrusted,
    json_object,
    member,
    problem,
    retry_after,
    unpublished,
    unreachable,
)
from anonymize.config import Config
from anonymize.errors import ConfigError, PackageError, ServerError
from anonymize.package import PACKAGE_MEDIA_TYPE, SigningKey
from anonymize.package.consortium import Jwks
from anonymize.package.statement import STATEMENT_MEDIA_TYPE
from anonymize.rounds import Round, parse_round

API: Final = "/api/v1"
UNSETTLED: Final = "received"  # the state of a submission that the worker has not yet decided on
_TOKEN: Final = "/oauth/token/"  # noqa: S105 - an address
_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_SECONDS: Final = 120
_TOKEN_MARGIN_SECONDS: Final = 30
_LONGEST_POLL_SECONDS: Final = 5.0

Filters = Mapping[str, str | Sequence[str]]  # INDICATOR, PEER_GROUP or a dimension -> a code, or several


@dataclass(frozen=True)
class Patience:
    """How often and how long a call is tried again; pauses in seconds.

    With `give_up_after` the seconds since the connection was made count, for all calls together, and not the attempts.
    """

    attempts: int = 6
    first_pause: float = 0.5
    longest_pause: float = 60.0
    give_up_after: float | None = None

    def pause(self, attempt: int) -> float:
        """Full jitter: a whole consortium that was cut off at once does not come back at once."""
        return random.uniform(0, min(self.longest_pause, self.first_pause * 2**attempt))  # noqa: S311 - no secret


@dataclass(frozen=True)
class Sent:
    """The server's answer to a package. `is_new` is false when it had the same bytes already."""

    id: str
    state: str
    receipt: str
    location: str
    is_new: bool


@dataclass
class _Token:
    value: str = field(default="", repr=False)
    until: float = 0.0


class Client:
    """One connection to the platform, as one API client of one institution. Use it in a `with` statement."""

    def __init__(
        self,
        config: Config,
        *,
        transport: httpx.BaseTransport | None = None,
        patience: Patience = Patience(),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._config = config
        self._patience = patience
        self._sleep = sleep
        self._until = None if patience.give_up_after is None else time.monotonic() + patience.give_up_after
        self._token = _Token()
        try:
            self._http = httpx.Client(
                base_url=config.need_server_url(),
                transport=transport,
                timeout=httpx.Timeout(30.0, write=300.0, read=120.0),
                headers={"User-Agent": "concord-client", "Accept": "application/json"},
            )
        except httpx.InvalidURL as wrong:
            raise ConfigError(f"The server's url is no address: {wrong}. Nothing was sent.") from wrong

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def hurried(self) -> Client:
        """The same connection, for what is not worth a second try."""
        other = copy.copy(self)
        other.hurry()
        return other

    def hurry(self) -> None:
        """From now on every call is tried once."""
        self._patience, self._until = Patience(attempts=1), None

    def consortium_keys(self) -> Jwks:
        """The consortium's published keys; needs no sign-in and proves nothing until pinned."""
        answer = self._try_again(lambda: self._http.get("/.well-known/jwks.json"))
        return json_object(accepted(answer))

    def template(self, collection: str, version: str | None = None) -> dict[str, Any]:
        """A collection's template document, the latest version where none is named."""
        path = f"/collections/{_segment(collection)}"
        return json_object(self._get(path if version is None else f"{path}/versions/{_segment(version)}"))

    def round(self, id: str) -> Round:
        return parse_round(json_object(self._get(f"/rounds/{_segment(id)}")))

    def rounds(self, collection: str | None = None, period: str | None = None, state: str | None = None) -> list[Round]:
        """The rounds that this institution takes part in, filtered."""
        wanted = {"collection": collection, "period": period, "state": state}
        return [parse_round(each) for each in self._all("/rounds", wanted)]

    def submit(
        self,
        round_id: str,
        package: bytes,
        idempotency_key: str,
        *,
        is_trial: bool = False,
        reason: str = "",
        note: str = "",
    ) -> Sent:
        """Sends a package, on trial only where asked; PackageError carries the rule by which the server refused it.

        `reason` and `note` say why it replaces a version that counted.
        """
        headers = {"Content-Type": PACKAGE_MEDIA_TYPE, "Idempotency-Key": idempotency_key}
        headers |= {"Correction-Reason": reason} if reason else {}
        headers |= {"Correction-Note": quote(note)} if note else {}
        path = f"{API}/rounds/{_segment(round_id)}/submissions"
        trial = {"trial": "true"} if is_trial else {}
        answer = self._call("POST", path, content=package, headers=headers, params=trial)
        if 400 <= answer.status_code < 500 and answer.status_code not in {401, 403, 404} | RETRYABLE_STATUS:
            sentence, rule = problem(answer)
            raise PackageError(sentence, rule=rule)
        document = json_object(accepted(answer))
        return Sent(
            id=member(document, "id", str),
            state=member(document, "state", str),
            receipt=member(document, "receipt", str),
            location=answer.headers.get("Location", ""),
            is_new=answer.status_code == httpx.codes.ACCEPTED,
        )

    def submission(self, id: str) -> dict[str, Any]:
        document = json_object(self._get(f"/submissions/{_segment(id)}"))
        for name in ("id", "state", "receipt"):
            member(document, name, str)
        return document

    def submissions(self, round_id: str | None = None) -> list[dict[str, Any]]:
        """The institution's own submissions, newest first."""
        return self._all("/submissions", {"round": round_id})

    def findings(self, id: str) -> list[dict[str, Any]]:
        """What the checks found: rule, severity, cell and sentence each."""
        return self._all(f"/submissions/{_segment(id)}/findings", {})

    def wait(self, id: str, timeout: float = 600.0) -> dict[str, Any]:
        """The submission once it is decided; ServerError (retryable) when that takes longer than `timeout` seconds."""
        until, pause = max(time.monotonic() + timeout, self._until or 0.0), 0.25
        while True:
            submission = self.submission(id)
            if submission["state"] != UNSETTLED:
                return submission
            if time.monotonic() + pause > until:
                raise ServerError(
                    f"Submission {id} is received and still being checked. Ask again with concord status.",
                    rule="still-checking",
                    retryable=True,
                )
            self._sleep(pause)
            pause = min(pause * 1.5, _LONGEST_POLL_SECONDS)

    def signing_keys(self) -> list[dict[str, Any]]:
        """The institution's own signing keys as they are registered, ended ones too."""
        return self._all("/institutions/me/keys", {})

    def releases(self, collection: str | None = None) -> list[dict[str, Any]]:
        return self._all("/releases", {"collection": collection})

    def cells(self, release: str, accept: str, filters: Filters | None = None) -> bytes:
        """A release's cells in the media type asked for."""
        path = f"/releases/{_segment(release)}/cells"
        return self._get(path, params=dict(filters or {}), headers={"Accept": accept}).content

    def release_manifest(self, release: str) -> str:
        """What the consortium signs over a release's files; see `verify_manifest`."""
        return str(json_object(self._get(f"/releases/{_segment(release)}/files")).get("manifest", ""))

    def release_file(self, release: str, name: str) -> bytes:
        """One of a release's files, as its manifest names it."""
        return self._get(f"/releases/{_segment(release)}/files/{_segment(name)}").content

    def statement(self, release: str, filters: Filters | None = None) -> dict[str, Any]:
        """The institution's own figures beside the release: `results` has one entry a cell and peer group."""
        return json_object(self._get(f"/releases/{_segment(release)}/statement", params=dict(filters or {})))

    def sealed_statement(self, release: str) -> str:
        """The statement that only the institution's own key opens; see `verify_statement`."""
        headers = {"Accept": STATEMENT_MEDIA_TYPE}
        return self._get(f"/releases/{_segment(release)}/statement", headers=headers).text

    def submission_proof(self, id: str) -> dict[str, Any]:
        """The proof that an own submission is in the consortium's log."""
        return json_object(self._get(f"/submissions/{_segment(id)}/proof"))

    def release_proof(self, release: str) -> dict[str, Any]:
        """The leaves of the log that a release counts, signed."""
        return json_object(self._get(f"/releases/{_segment(release)}/proof"))

    def log_consistency(self, first: int, second: int) -> dict[str, Any]:
        """The proof that the log of the first size is the beginning of the log of the second."""
        return json_object(self._get("/log/consistency", params={"first": first, "second": second}))

    def _all(self, path: str, wanted: Mapping[str, str | None]) -> list[dict[str, Any]]:
        """Every page of a list, following `Link: rel="next"`."""
        results: list[dict[str, Any]] = []
        answer = self._get(path, params={name: value for name, value in wanted.items() if value is not None})
        while True:
            page = member(json_object(answer), "results", list)
            if not all(isinstance(each, dict) for each in page):
                raise unpublished()
            results.extend(page)
            following = answer.links.get("next", {}).get("url")
            if following is None:
                return results
            answer = accepted(self._call("GET", self._own_path(following)))

    def _own_path(self, url: str) -> str:
        """A link's address, when it stays on this server: the token goes nowhere else."""
        try:
            target = self._http.base_url.join(url)
        except httpx.InvalidURL as wrong:
            raise unpublished() from wrong
        if (target.scheme, target.netloc) != (self._http.base_url.scheme, self._http.base_url.netloc):
            raise ServerError("The server's list continues on another server. Nothing was sent there.")
        return str(target)

    def _get(self, path: str, **options: Any) -> httpx.Response:
        return accepted(self._call("GET", f"{API}{path}", **options))

    def _call(self, method: str, path: str, headers: Mapping[str, str] | None = None, **options: Any) -> httpx.Response:
        def send() -> httpx.Response:
            authorised = {**(headers or {}), "Authorization": f"Bearer {self._access_token()}"}
            return self._http.request(method, path, headers=authorised, **options)

        answer = self._try_again(send)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            # A token may be revoked before its time; a fresh one is worth one more try.
            self._token = _Token()
            answer = self._try_again(send)
        return answer

    def _access_token(self) -> str:
        if time.monotonic() >= self._token.until:
            answer = self._ask_for_token()
            if answer.status_code in RETRYABLE_STATUS:
                raise _Later(answer)
            if answer.status_code in {400, 401, 403}:
                raise ServerError(
                    f"The server does not know this client id and {'key' if self._config.signs_in_with_key else 'secret'}.",
                    rule="unauthorized",
                    status=answer.status_code,
                )
            document = json_object(accepted(answer))
            value, lifetime = member(document, "access_token", str), document.get("expires_in", 0)
            if not isinstance(lifetime, int | float) or not (value.isascii() and value.isprintable()):
                raise unpublished()
            self._token = _Token(value, until=time.monotonic() + lifetime - _TOKEN_MARGIN_SECONDS)
        return self._token.value

    def _ask_for_token(self) -> httpx.Response:
        client_id, asked = self._config.need("client_id"), {"grant_type": "client_credentials"}
        if not self._config.signs_in_with_key:
            return self._http.post(_TOKEN, data=asked, auth=(client_id, self._config.need_client_secret()))
        # A new one for each try: the server takes an assertion once.
        assertion = client_assertion(self._config.need_api_key(), client_id, self._config.need_server_url() + _TOKEN)
        return self._http.post(
            _TOKEN, data={**asked, "client_assertion_type": _ASSERTION_TYPE, "client_assertion": assertion}
        )

    def _try_again(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        attempt = 0
        while not isinstance(outcome := self._attempt(send, attempt), httpx.Response):
            self._sleep(outcome)
            attempt += 1
        return outcome

    def _attempt(self, send: Callable[[], httpx.Response], attempt: int) -> httpx.Response | float:
        """The answer, or the seconds after which to try again; ServerError when trying is over."""
        pause = self._patience.pause(attempt)
        is_last = self._is_last(attempt, pause)
        try:
            answer = send()
        except _Later as later:
            answer = later.answer
        except httpx.TransportError as wrong:
            if is_last or is_untrusted(wrong):
                raise unreachable(wrong) from wrong
            return pause
        except httpx.HTTPError as wrong:
            raise ServerError("The server's answer cannot be read.") from wrong
        if answer.status_code not in RETRYABLE_STATUS or is_last:
            return answer
        asked = retry_after(answer)
        if asked is None:
            return pause
        return asked if self._may_wait(asked) else answer

    def _is_last(self, attempt: int, pause: float) -> bool:
        if self._until is None:
            return attempt + 1 >= self._patience.attempts
        return time.monotonic() + pause > self._until

    def _may_wait(self, seconds: float) -> bool:
        """Whether a pause that the server asks for is within the patience."""
        if self._until is None:
            return seconds <= self._patience.longest_pause
        return time.monotonic() + seconds <= self._until


def client_assertion(key: SigningKey, client_id: str, endpoint: str) -> str:
    """The client's signed word that it asks this token endpoint, once and within two minutes (RFC 7523)."""
    now = int(time.time())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": endpoint,
        "iat": now,
        "exp": now + _ASSERTION_SECONDS,
        "jti": secrets.token_urlsafe(24),
    }
    return key.sign_compact({"typ": "JWT"}, json.dumps(claims).encode())


class _Later(Exception):
    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.answer = answer


def _segment(text: str) -> str:
    """A path segment: an id can never reach another address."""
    if text in {"", ".", ".."}:
        raise ServerError("An id is needed here.")
    return quote(text, safe="")
