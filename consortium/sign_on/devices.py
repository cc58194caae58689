"""Browsers in which somebody has signed in before: told apart by a signed cookie that names nobody in clear.

A known browser has attempts of its own (see `adapters.Accounts`), so that a stranger who guesses cannot lock the owner
out; and a sign-in from an unknown one is told to the owner.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from typing import Final

from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from consortium.people.models import Person

COOKIE: Final = "known"
_A_YEAR: Final = 365 * 24 * 3600
_AT_MOST: Final = 8  # people who share a browser
_SALT: Final = "concord.sign_on.devices"
# The first that fits; Edge calls itself Chrome too, and Chrome calls itself Safari.
_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrom", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS: Final = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True)
class _Cookie:
    device: str = ""
    people: list[str] = field(default_factory=list)  # marks of their addresses


def known_device(request: HttpRequest, email: str) -> str:
    """The name of this browser when the owner of the address has signed in with it before, else an empty text."""
    cookie = _read(request)
    return cookie.device if _mark(email) in cookie.people else ""


def remember(request: HttpRequest, response: HttpResponse, person: Person) -> None:
    """From now on this browser is known to belong to the person too."""
    cookie = _read(request)
    mark = _mark(person.email)
    people = [mark, *(each for each in cookie.people if each != mark)][:_AT_MOST]
    value = signing.dumps({"device": cookie.device or secrets.token_hex(8), "people": people}, salt=_SALT)
    response.set_cookie(
        COOKIE, value, max_age=_A_YEAR, httponly=True, samesite="Lax", secure=request.is_secure(), path="/accounts/"
    )


def device_name(user_agent: str) -> str:
    """Firefox on Windows: what a browser says of itself, in words; it may lie."""
    browser = next((name for word, name in _BROWSERS if word in user_agent), "")
    system = next((name for word, name in _SYSTEMS if word in user_agent), "")
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or re.sub(r"[^\w ./-]", "", user_agent)[:40] or _("Unknown device")


def _mark(email: str) -> str:
    return salted_hmac(_SALT, email.lower()).hexdigest()[:24]


def _read(request: HttpRequest) -> _Cookie:
    try:
        cookie = signing.loads(request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=_A_YEAR)
    except signing.BadSignature:
        return _Cookie()
    return _Cookie(cookie["device"], cookie["people"])
