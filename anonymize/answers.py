"""What the platform's answers mean to a member: success, a refusal with its sentence and rule, or nothing at all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar

import httpx

from anonymize.errors import ServerError

RETRYABLE_STATUS: Final = frozenset({429, 502, 503, 504})

Member = TypeVar("Member")


def unreachable(wrong: httpx.TransportError) -> ServerError:
    """The error of a call that no answer came to."""
    host = wrong.request.url.host
    if is_untrusted(wrong):
        sentence = f"The certificate of {host} is not trusted here. Set SSL_CERT_FILE if your network has its own."
        return ServerError(f"{sentence} Nothing was sent.", rule="untrusted-certificate")
    kind = "did not answer in time" if isinstance(wrong, httpx.TimeoutException) else "cannot be reached"
    return ServerError(f"{host} {kind}. Nothing is lost; run the command again.", rule="network", retryable=True)


def is_untrusted(wrong: httpx.TransportError) -> bool:
    """Whether the connection failed because of the server's certificate, which no second try mends."""
    return "CERTIFICATE_VERIFY_FAILED" in str(wrong)


def accepted(answer: httpx.Response) -> httpx.Response:
    """The answer when it is a success; ServerError with the problem's own sentence otherwise."""
    if answer.is_success:
        return answer
    sentence, rule = problem(answer)
    retryable = answer.status_code in RETRYABLE_STATUS
    raise ServerError(sentence, rule=rule, retryable=retryable, status=answer.status_code)


def problem(answer: httpx.Response) -> tuple[str, str]:
    """Sentence and rule of a problem document (RFC 9457), or plain words where there is none."""
    rule = f"http-{answer.status_code}"
    plain = f"The server answered {answer.status_code} {answer.reason_phrase}."
    if not answer.headers.get("Content-Type", "").startswith("application/problem+json"):
        return plain, rule
    try:
        document = answer.json()
        sentence = document.get("detail") or document.get("title") or plain
        return _on_a_terminal(str(sentence)), _on_a_terminal(str(document.get("rule") or rule))
    except (ValueError, AttributeError, RecursionError):
        return plain, rule


def json_object(answer: httpx.Response) -> dict[str, Any]:
    """The answer's JSON object; ServerError when it holds anything else."""
    try:
        document = answer.json()
    except (ValueError, RecursionError) as wrong:
        raise ServerError("The server did not answer with JSON. Is the url the platform's?") from wrong
    if not isinstance(document, dict):
        raise unpublished()
    return document


def member(document: Mapping[str, Any], name: str, kind: type[Member]) -> Member:
    """A member of an answer; ServerError when it lacks or is of another kind."""
    value = document.get(name)
    if not isinstance(value, kind):
        raise unpublished()
    return value


def unpublished() -> ServerError:
    return ServerError("The server's answer is not of the published form.")


def _on_a_terminal(text: str) -> str:
    """Without what would move the cursor, hide a line or cannot be written at all."""
    return "".join(each if each.isprintable() else " " for each in text)


def retry_after(answer: httpx.Response) -> float | None:
    """Seconds that the server asks us to wait, from either form of `Retry-After`."""
    asked = answer.headers.get("Retry-After", "").strip()
    if asked.isascii() and asked.isdecimal():
        return float(asked)
    try:
        moment = parsedate_to_datetime(asked)
    except (ValueError, OverflowError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())
