"""Who is signed in."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from consortium.people.models import Person


def signed_in(request: HttpRequest) -> Person:
    """The person of the session; every page needs one, and the middleware has sent everybody else to sign in."""
    if not isinstance(request.user, Person):
        raise PermissionDenied
    return request.user
