"""How the access matrix is written and walked.

An entry is one line: an address, a method, and the status for each role. `GET(harbour=200, everyone=404)` reads: people
and the API client of Harbour Bank get 200, everybody else who is signed in 404. A role's own word goes before its
groups, a small group before `everyone`, and `everyone` before `public`. Unless the line says otherwise, the anonymous
are sent to sign in (401, also where a page redirects there) and a suspended member is refused (403).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any

from django.conf import settings
from django.db import transaction
from django.shortcuts import resolve_url
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from anonymize.package import PACKAGE_MEDIA_TYPE
from consortium.people.models import Person

# The role of each of the cast.
CAST = {
    "submitter": "ada",
    "approver": "bela",
    "analyst": "anna",
    "administrator": "dora",
    "outsider": "olga",
    "suspended": "sami",
    "collection_manager": "carl",
    "statistician": "stella",
    "secretariat": "sven",
    "policy_editor": "paula",
    "member_services": "mara",
    "auditor": "aldo",
    "observer": "oskar",
}
ROLES = ("anonymous", "client", *CAST)
_STAFF = frozenset(
    {"collection_manager", "statistician", "secretariat", "policy_editor", "member_services", "auditor", "observer"}
)
_PEOPLE = frozenset({"submitter", "approver", "analyst", "administrator"})
# From the smallest to the largest.
GROUPS: Mapping[str, frozenset[str]] = {
    "senders": frozenset({"submitter", "client"}),
    "people": _PEOPLE,  # of Harbour Bank
    "harbour": _PEOPLE | {"client"},
    "members": _PEOPLE | {"outsider"},  # people of any member
    "staff": _STAFF,
    "everyone": frozenset(ROLES) - {"anonymous", "suspended"},
    "public": frozenset(ROLES),
}


@dataclass(frozen=True)
class Line:
    """One method of one address; `body` is what is posted: a form, JSON to the API, or a package."""

    method: str
    says: Mapping[str, int]
    body: Any = field(default_factory=dict)
    query: str = ""

    def status_for(self, role: str) -> int:
        if role in self.says:
            return self.says[role]
        for group, members in GROUPS.items():
            if role in members and group in self.says:
                return self.says[group]
        return {"anonymous": 401, "suspended": 403}[role]


def GET(query: str = "", **says: int) -> tuple[Line, ...]:  # noqa: N802  reads as in HTTP
    return (_line("GET", says, {}, query),)


def POST(body: Any = None, **says: int) -> tuple[Line, ...]:  # noqa: N802
    return (_line("POST", says, body or {}, ""),)


def DELETE(query: str = "", **says: int) -> tuple[Line, ...]:  # noqa: N802
    return (_line("DELETE", says, {}, query),)


def PATCH(body: Any = None, **says: int) -> tuple[Line, ...]:  # noqa: N802
    return (_line("PATCH", says, body or {}, ""),)


def _line(method: str, says: Mapping[str, int], body: Any, query: str) -> Line:
    if unknown := says.keys() - GROUPS.keys() - set(ROLES):
        raise ValueError(f"no such role or group: {sorted(unknown)}")
    line = Line(method, says, body, query)
    for role in ROLES:
        line.status_for(role)  # KeyError: a role is left out
    return line


def addresses() -> list[str]:
    """Every address of the project as it is written in the urls."""
    return sorted(_walk(get_resolver().url_patterns, ""))


def _walk(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[str]:
    for pattern in patterns:
        address = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, address)
        else:
            yield address


class Door:
    """One client at which every role of the cast asks in turn; signing in happens once for each."""

    def __init__(self, people: Mapping[str, Person], token: str) -> None:
        # One client, because each loads the middleware anew.
        self._client = Client(raise_request_exception=False)
        self._token = token
        self._sessions = {role: self._sign_in(person) for role, person in people.items()}

    def status(self, role: str, line: Line, path: str) -> int:
        """What a role gets; whatever the request changed is undone. A way to the sign-in page counts as 401."""
        self._client.cookies = SimpleCookie(self._sessions.get(role, {}))
        headers = {"authorization": self._token} if role == "client" else {}
        with transaction.atomic():
            response = self._call(line, path, headers)
            transaction.set_rollback(True)
        if response.status_code == 302 and response["Location"].startswith(resolve_url(settings.LOGIN_URL)):
            return 401
        return int(response.status_code)

    def _sign_in(self, person: Person) -> dict[str, str]:
        self._client.cookies = SimpleCookie()  # another person's session would end here
        self._client.force_login(person)
        return {settings.SESSION_COOKIE_NAME: self._client.cookies[settings.SESSION_COOKIE_NAME].value}

    def _call(self, line: Line, path: str, headers: dict[str, str]) -> Any:
        if line.method == "GET":
            return self._client.get(path + line.query, headers=headers)
        if line.method == "DELETE":
            return self._client.delete(path + line.query, headers=headers)
        if line.method == "PATCH":
            return self._client.patch(path, line.body, content_type="application/json", headers=headers)
        if isinstance(line.body, bytes):
            return self._client.post(path, line.body, content_type=PACKAGE_MEDIA_TYPE, headers=headers)
        kind = {"content_type": "application/json"} if path.startswith("/api/") else {}
        return self._client.post(path, line.body, headers=headers, **kind)
