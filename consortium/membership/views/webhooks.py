"""The webhooks of the own institution: adding, changing, new secrets, what was sent and how that went."""

from __future__ import annotations

from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from consortium.errors import Refused
from consortium.institutions.models import Institution
from consortium.membership.webhook_forms import WebhookChangeForm, WebhookForm
from consortium.notifications import rules, webhooks
from consortium.notifications.models import Delivery, Endpoint
from consortium.people.models import Person
from consortium.people.roles import Permission, require
from consortium.people.session import signed_in
from consortium.web.offers import Offer, carry_out, refusal

A_PAGE = 20


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    context = {
        "endpoints": _visible(person),
        "most": rules.MOST,
        "why_not": refusal(rules.check_can_manage, person, person.institution_id),
    }
    return render(request, "membership/webhooks.html", context)


@require_http_methods(["GET", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    rules.check_can_manage(person, person.institution_id)
    institution = get_object_or_404(Institution.objects.visible_to(person), pk=person.institution_id)
    form = WebhookForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = webhooks.add(institution, by=person, **form.cleaned_data)
        except Refused as refused:
            form.add_error("url" if refused.rule.startswith("webhook") else None, str(refused))
        else:
            return _show_secret(request, made)
    return render(request, "membership/webhook_add.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def detail(request: HttpRequest, webhook_id: UUID) -> HttpResponse:
    """The webhook with the log of its deliveries; what is posted changes it."""
    person = signed_in(request)
    endpoint = _one(person, webhook_id)
    form = WebhookChangeForm(request.POST or None, endpoint=endpoint)
    if request.method == "POST":
        rules.check_can_manage(person, endpoint.institution_id)
        if form.is_valid() and _changed(form, endpoint, person):
            return redirect("webhook", endpoint.pk)
    deliveries = endpoint.deliveries.select_related("message").prefetch_related("log")
    context = {
        "endpoint": endpoint,
        "form": form,
        "page": Paginator(deliveries, A_PAGE).get_page(request.GET.get("page")),
        "why_not": refusal(rules.check_can_manage, person, endpoint.institution_id),
        "offers": _offers(person, endpoint),
    }
    return render(request, "membership/webhook.html", context, status=422 if form.errors else 200)


@require_POST
def rotate(request: HttpRequest, webhook_id: UUID) -> HttpResponse:
    person = signed_in(request)
    return _show_secret(request, webhooks.rotate(_one(person, webhook_id), by=person))


@require_POST
def test(request: HttpRequest, webhook_id: UUID) -> HttpResponse:
    person = signed_in(request)
    endpoint = _one(person, webhook_id)
    done = _("A test message is on its way. Its outcome appears in the log below.")
    return carry_out(request, _address(endpoint), done, lambda: webhooks.test(endpoint, by=person))


@require_POST
def switch(request: HttpRequest, webhook_id: UUID, *, active: bool) -> HttpResponse:
    person = signed_in(request)
    endpoint = _one(person, webhook_id)
    done = _("The webhook is switched on.") if active else _("The webhook is switched off.")
    return carry_out(request, _address(endpoint), done, lambda: webhooks.change(endpoint, by=person, active=active))


@require_POST
def remove(request: HttpRequest, webhook_id: UUID) -> HttpResponse:
    person = signed_in(request)
    endpoint = _one(person, webhook_id)
    done = _("The webhook is removed.")
    return carry_out(request, reverse("webhooks"), done, lambda: webhooks.remove(endpoint, by=person))


@require_POST
def redeliver(request: HttpRequest, webhook_id: UUID, delivery_id: UUID) -> HttpResponse:
    person = signed_in(request)
    delivery = get_object_or_404(Delivery.objects.visible_to(person), pk=delivery_id, endpoint=webhook_id)
    done = _("The message is sent once more.")
    return carry_out(request, _address(delivery.endpoint), done, lambda: webhooks.redeliver(delivery, by=person))


def _visible(person: Person) -> list[Endpoint]:
    require(person, Permission.INSTITUTION_VIEW)
    return list(Endpoint.objects.visible_to(person))


def _one(person: Person, webhook_id: UUID) -> Endpoint:
    return get_object_or_404(Endpoint.objects.visible_to(person), pk=webhook_id)


def _address(endpoint: Endpoint) -> str:
    return reverse("webhook", args=[endpoint.pk])


def _changed(form: WebhookChangeForm, endpoint: Endpoint, person: Person) -> bool:
    try:
        webhooks.change(endpoint, by=person, **form.cleaned_data)
    except Refused as refused:
        form.add_error("url" if refused.rule.startswith("webhook") else None, str(refused))
        return False
    return True


def _show_secret(request: HttpRequest, made: webhooks.NewSecret) -> HttpResponse:
    """The only page that holds the secret; no browser keeps it."""
    response = render(request, "membership/webhook_secret.html", {"endpoint": made.endpoint, "secret": made.secret})
    response["Cache-Control"] = "no-store"
    return response


def _offers(person: Person, endpoint: Endpoint) -> dict[str, Offer]:
    may_send = refusal(rules.check_can_send, person, endpoint)
    may_manage = refusal(rules.check_can_manage, person, endpoint.institution_id)

    def offer(name: str, label: str, why_not: object) -> Offer:
        return Offer(label, reverse(name, args=[endpoint.pk]), why_not)  # type: ignore[arg-type]

    return {
        "test": offer("webhook-test", _("Send a test message"), may_send),
        "rotate": offer("webhook-rotate", _("New secret"), may_manage),
        "switch": offer("webhook-off", _("Switch off"), may_manage)
        if endpoint.is_active
        else offer("webhook-on", _("Switch on"), may_manage),
        "remove": offer("webhook-remove", _("Remove"), may_manage),
    }
