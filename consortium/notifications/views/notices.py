"""What a person was told: to read, to mark as read, to be mailed or not."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from consortium.notifications import services
from consortium.notifications.forms import PreferencesForm
from consortium.notifications.kinds import Topic
from consortium.notifications.models import Notice
from consortium.people.session import signed_in

A_PAGE = 30


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    notices = Notice.objects.visible_to(person)
    topic = request.GET.get("topic", "")
    if topic in Topic.values:
        notices = notices.about(topic)
    only_unread = request.GET.get("unread") == "yes"
    if only_unread:
        notices = notices.unread()
    page = Paginator(notices, A_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "topics": Topic.choices, "topic": topic, "only_unread": only_unread}
    return render(request, "notifications/listing.html", context)


@require_safe
def opened(request: HttpRequest, notice_id: int) -> HttpResponse:
    """Marks the notice as read and goes to what it is about."""
    person = signed_in(request)
    notice = get_object_or_404(Notice.objects.visible_to(person), pk=notice_id)
    services.read([notice], by=person)
    is_ours = url_has_allowed_host_and_scheme(notice.address, allowed_hosts=None)
    return redirect(notice.address if is_ours else "notices")


@require_POST
def read_all(request: HttpRequest) -> HttpResponse:
    services.read(None, by=signed_in(request))
    return redirect("notices")


@require_http_methods(["GET", "POST"])
def preferences(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    form = PreferencesForm(request.POST or None, chosen=services.preferences(person))
    if request.method == "POST" and form.is_valid():
        services.prefer(person, form.choices)
        messages.success(request, _("Your choice is saved."))
        return redirect("notice-preferences")
    return render(request, "notifications/preferences.html", {"form": form}, status=422 if form.errors else 200)


@csrf_exempt  # mail programs post here by themselves (RFC 8058); the token is the permission
@login_not_required
@require_http_methods(["GET", "POST"])
def no_more_mail(request: HttpRequest, token: str) -> HttpResponse:
    """The link at the foot of letters, and the button that mail programs make of it. Asking changes nothing."""
    try:
        person = services.owner_of(token)
        if request.method == "POST":
            services.no_more_mail(token)
    except signing.BadSignature as forged:
        raise Http404 from forged
    return render(request, "notifications/no_more_mail.html", {"owner": person, "done": request.method == "POST"})
