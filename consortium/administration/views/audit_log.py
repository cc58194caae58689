"""What happened, for auditors."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from consortium.audit.models import Entry
from consortium.audit.services import verify_chain
from consortium.people.roles import Permission, require
from consortium.people.session import signed_in

A_PAGE = 50


@require_safe
def audit_log(request: HttpRequest) -> HttpResponse:
    """Everything that happened; nothing that is confidential. The page's part of the chain is checked as it is shown."""
    person = signed_in(request)
    require(person, Permission.AUDIT_VIEW)
    entries = Entry.objects.visible_to(person)
    if wanted := request.GET.get("q", "").strip():
        entries = entries.filter(Q(event__icontains=wanted) | Q(about__icontains=wanted) | Q(actor__icontains=wanted))
    page = Paginator(entries, A_PAGE).get_page(request.GET.get("page"))
    oldest = min((entry.pk for entry in page), default=1)
    context = {"page": page, "wanted": wanted, "broken": verify_chain(start=oldest - 1)}
    return render(request, "administration/audit_log.html", context)
