"""The calendar of rounds: a month as a list, and the link that a person's own calendar subscribes to."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from consortium.notifications import feeds
from consortium.people.roles import require_entitled
from consortium.people.session import signed_in
from sharing import calendar

ICALENDAR = "text/calendar; charset=utf-8"


@require_safe
def month(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    require_entitled(person)
    today = timezone.now().astimezone(UTC).date()
    first = calendar.month_of(request.GET.get("month", ""), today)
    after = (first + timedelta(days=32)).replace(day=1)
    found = calendar.entries(person, _midnight(first), _midnight(after))
    token = feeds.token_of(person)
    context = {
        "first": first,
        "today": today,
        "before": (first - timedelta(days=1)).replace(day=1) if first > date(2000, 1, 1) else None,
        "after": after if after < date(2100, 1, 1) else None,
        "days": calendar.by_day(found),
        "link": settings.CONCORD_URL + reverse("calendar-feed", args=[token]) if token else "",
    }
    return render(request, "sharing/calendar.html", context)


@require_POST
def renew(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    require_entitled(person)
    feeds.renew(person)
    messages.success(request, _("This is your link. A former one no longer works."))
    return redirect(reverse("calendar") + "#subscribe")


@require_POST
def revoke(request: HttpRequest) -> HttpResponse:
    feeds.revoke(signed_in(request))
    messages.success(request, _("The link no longer works."))
    return redirect(reverse("calendar") + "#subscribe")


@login_not_required
@require_safe
def feed(request: HttpRequest, token: str) -> HttpResponse:
    """The token is the key; whatever is wrong with it looks the same."""
    person = feeds.owner_of(token)
    if person is None:
        raise Http404
    with translation.override(person.language):
        content = calendar.feed(person, timezone.now())
    response = HttpResponse(content, content_type=ICALENDAR)
    response["Content-Disposition"] = 'inline; filename="concord.ics"'
    response["Cache-Control"] = "private, max-age=900"
    return response


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
