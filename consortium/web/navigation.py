"""What stands in the side navigation, by what the person may do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from consortium.institutions.models import Application
from consortium.notifications.models import Notice
from consortium.people.models import Person
from consortium.people.roles import Permission, permissions_of


@dataclass(frozen=True)
class Entry:
    title: str | Promise
    name: str  # of the address
    icon: str
    permission: Permission | None = None
    exact: bool = False  # current at this address only, not below it
    count: Callable[[Person], int] | None = None  # how many things wait there
    tabs: tuple[str, ...] = ()  # pages elsewhere that are tabs of this one: it is current there too


def _applications(person: Person) -> int:
    return Application.objects.visible_to(person).waiting().count()


PORTAL = (
    Entry(_("Home"), "home", "home", exact=True),
    Entry(_("Benchmarks"), "benchmarks", "benchmarks", Permission.RELEASE_VIEW, tabs=("peer-groups",)),
    Entry(_("Warnings"), "alerts", "alert", Permission.RELEASE_VIEW),
    Entry(_("Releases"), "releases", "releases", Permission.RELEASE_VIEW, tabs=("statements",)),
    Entry(_("Submissions"), "submissions", "submissions", Permission.SUBMISSION_VIEW),
    Entry(_("Calendar"), "calendar", "calendar"),
    Entry(_("Institution"), "own-institution", "institutions", Permission.INSTITUTION_VIEW),
)
# The tabs of what was published: for everybody, and for the own institution alone.
RELEASES = (
    Entry(_("Releases"), "releases", "releases", Permission.RELEASE_VIEW),
    Entry(_("Statements"), "statements", "level", Permission.STATEMENT_VIEW),
)
# The tabs of the own institution's pages, in order.
INSTITUTION = (
    Entry(_("Overview"), "own-institution", "institutions", Permission.INSTITUTION_VIEW, exact=True),
    Entry(_("People"), "own-people", "people", Permission.INSTITUTION_VIEW),
    Entry(_("Agreements"), "agreements", "audit", Permission.INSTITUTION_VIEW),
    Entry(_("Keys"), "signing-keys", "key", Permission.INSTITUTION_VIEW),
    Entry(_("Statements"), "statement-delivery", "level", Permission.INSTITUTION_VIEW),
    Entry(_("API clients"), "api-clients", "key", Permission.INSTITUTION_MANAGE),
    Entry(_("Webhooks"), "webhooks", "hook", Permission.INSTITUTION_VIEW),
    Entry(_("Sign-on"), "sign-on", "shield", Permission.RECORDS_VIEW),
    Entry(_("Records"), "records", "submissions", Permission.RECORDS_VIEW),
    Entry(_("Leaving"), "leaving", "sign-out", Permission.INSTITUTION_MANAGE),
)
ASSOCIATION = (
    Entry(_("Rounds"), "rounds", "rounds", Permission.ROUND_PROGRESS_VIEW),
    Entry(_("Applications"), "applications", "open", Permission.MEMBER_ADMIT, count=_applications),
    Entry(_("Institutions"), "institutions", "institutions", Permission.MEMBER_VIEW),
    Entry(_("Affiliates"), "affiliates", "peers", Permission.MEMBER_VIEW),
    Entry(_("Agreement"), "agreement-board", "shield", Permission.MEMBER_VIEW),
    Entry(_("People"), "people", "people", Permission.MEMBER_VIEW),
    Entry(_("Audit log"), "audit-log", "audit", Permission.AUDIT_VIEW),
)


@dataclass(frozen=True)
class Link:
    title: str | Promise
    address: str
    icon: str
    is_current: bool
    count: int = 0


def links(entries: tuple[Entry, ...], person: Person, path: str) -> Iterator[Link]:
    allowed = permissions_of(person)
    for entry in entries:
        if entry.permission is None or entry.permission in allowed:
            address = reverse(entry.name)
            covered = tuple(reverse(name) for name in (entry.name, *entry.tabs))
            is_current = path == address if entry.exact else path.startswith(covered)
            yield Link(entry.title, address, entry.icon, is_current, entry.count(person) if entry.count else 0)


def portal(request: HttpRequest) -> dict[str, object]:
    """Context for every page: the navigation and the theme that the person chose."""
    theme = request.COOKIES.get("theme", "")
    context: dict[str, object] = {"theme": theme if theme in ("light", "dark") else ""}
    if isinstance(request.user, Person):
        context["nav_portal"] = list(links(PORTAL, request.user, request.path))
        context["nav_association"] = list(links(ASSOCIATION, request.user, request.path))
        context["unread_notices"] = partial(_unread, request.user)
        context["nav_releases"] = list(links(RELEASES, request.user, request.path))
        context["nav_institution"] = list(links(INSTITUTION, request.user, request.path))
    return context


def _unread(person: Person) -> int:
    """How many notices wait, at most a hundred; asked only by pages that show it."""
    return Notice.objects.visible_to(person).unread().order_by()[:100].count()
