"""What every request of somebody signed in passes: the second factor, and when the session was last seen."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from consortium.api import problem
from consortium.people.models import Person
from consortium.sign_on import directories, second_factor, sessions

# Where somebody without the second factor may go: to set one up, to leave, and to read it in the own language.
_OPEN: Final = frozenset(
    {
        "account_logout",
        "account_reauthenticate",
        "mfa_index",
        "mfa_activate_totp",
        "mfa_add_webauthn",
        "mfa_list_webauthn",
        "mfa_reauthenticate",
        "mfa_reauthenticate_webauthn",
        "mfa_view_recovery_codes",
        "set-language",
        "set-theme",
    }
)
_SEEN_AT_MOST: Final = 10_000


class SecondFactor:
    """Whoever needs a second factor and has none reaches the pages that set one up, and nothing else."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        person = request.user
        if not isinstance(person, Person) or not second_factor.is_required_of(person):
            return None
        if _is_open(request, view) or second_factor.has_one(person) or directories.checked_second_factor(request):
            return None
        sentence = _("Set up a second factor first: until then nothing else opens.")
        if request.path.startswith("/api/"):
            return problem(403, "second-factor-needed", sentence)
        messages.warning(request, sentence)
        return redirect("mfa_index")


class LastSeen:
    """Writes when a session was last used; each process at most once in five minutes for each session."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self._written: dict[str, float] = {}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        key = request.session.session_key
        if key and isinstance(request.user, Person) and self._is_due(key):
            sessions.was_seen(key, get_adapter().get_client_ip(request))
        return response

    def _is_due(self, key: str) -> bool:
        now = time.monotonic()
        if now - self._written.get(key, -float("inf")) < sessions.SEEN_EVERY.total_seconds():
            return False
        if len(self._written) >= _SEEN_AT_MOST:
            self._written.clear()
        self._written[key] = now
        return True


def _is_open(request: HttpRequest, view: Any) -> bool:
    """A page that anybody may read is open too; the API's own views say so of themselves and are not."""
    found = request.resolver_match
    if found is not None and found.view_name in _OPEN:
        return True
    return not request.path.startswith("/api/") and not getattr(view, "login_required", True)
