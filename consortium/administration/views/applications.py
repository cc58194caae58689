"""Applications for membership, from the first look to the decision."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from consortium.administration.forms import AdmissionForm, DecliningForm, QuestionForm
from consortium.errors import Forbidden, Refused
from consortium.institutions import rules
from consortium.institutions.models import Application
from consortium.institutions.services import applications
from consortium.institutions.states import ApplicationState
from consortium.people.models import Person
from consortium.people.roles import Permission, require
from consortium.people.session import signed_in
from consortium.web.offers import Offer, carry_out, refusal

A_PAGE = 50


@require_safe
def application_list(request: HttpRequest) -> HttpResponse:
    """Those that wait, unless another state is chosen."""
    person = signed_in(request)
    require(person, Permission.MEMBER_ADMIT)
    found = Application.objects.visible_to(person).select_related("reviewer")
    state = request.GET.get("state", "")
    shown = found.filter(state=state) if state in ApplicationState.values else found.waiting()
    counts = dict(found.order_by().values_list("state").annotate(Count("pk")))
    choices = [
        (value, label, counts.get(value, 0)) for value, label in ApplicationState.choices if value != "submitted"
    ]
    context = {
        "page": Paginator(shown, A_PAGE).get_page(request.GET.get("page")),
        "state": state,
        "waiting": sum(counts.get(each, 0) for each in (ApplicationState.CONFIRMED, ApplicationState.IN_REVIEW)),
        "choices": choices,
    }
    return render(request, "administration/applications.html", context)


@require_safe
def application_detail(request: HttpRequest, application: UUID) -> HttpResponse:
    person = signed_in(request)
    return _page(request, person, _visible(person, application))


@require_POST
def take_up(request: HttpRequest, application: UUID) -> HttpResponse:
    person = signed_in(request)
    found = _visible(person, application)
    done = _("You review this application now.")
    return carry_out(request, _address(found), done, lambda: applications.take_up(found, by=person))


@require_POST
def ask(request: HttpRequest, application: UUID) -> HttpResponse:
    person = signed_in(request)
    found = _visible(person, application)
    form = QuestionForm(request.POST)
    if not form.is_valid():
        return _page(request, person, found, question=form)
    done = _("The question is on its way.")
    text = form.cleaned_data["question"]
    return carry_out(request, _address(found), done, lambda: applications.ask(found, text, by=person))


@require_POST
def decline(request: HttpRequest, application: UUID) -> HttpResponse:
    person = signed_in(request)
    found = _visible(person, application)
    form = DecliningForm(request.POST)
    if not form.is_valid():
        return _page(request, person, found, declining=form)
    done = _("The application is declined, and the applicant is told why.")
    reason = form.cleaned_data["reason"]
    return carry_out(request, _address(found), done, lambda: applications.decline(found, reason, by=person))


@require_POST
def admit(request: HttpRequest, application: UUID) -> HttpResponse:
    person = signed_in(request)
    found = _visible(person, application)
    form = AdmissionForm(request.POST, application=found)
    if form.is_valid():
        try:
            institution = applications.admit(found, by=person, **form.cleaned_data)
        except Forbidden:
            raise
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _("The institution is admitted, and its administrator is invited."))
            return redirect("institution", institution.code)
    return _page(request, person, found, admission=form)


def _page(request: HttpRequest, person: Person, application: Application, **forms: Form) -> HttpResponse:
    """The application with its forms; with one that was sent and is wrong, in its place."""
    context = {
        "application": application,
        "questions": application.questions.select_related("asked_by"),
        "look_alikes": applications.look_alikes(application),
        "take_up": _take_up_offer(person, application),
        "may_decide": refusal(rules.check_can_decide, person, application) is None,
        "question": QuestionForm(),
        "declining": DecliningForm(),
        "admission": AdmissionForm(application=application),
        "wrong": next(iter(forms), ""),
        **forms,
    }
    return render(request, "administration/application.html", context, status=422 if forms else 200)


def _take_up_offer(person: Person, application: Application) -> Offer | None:
    if application.state != ApplicationState.CONFIRMED:
        return None
    address = reverse("application-take-up", args=[application.public_id])
    return Offer(_("Take up the review"), address, refusal(rules.check_can_review, person, application))


def _visible(person: Person, public_id: UUID) -> Application:
    found = Application.objects.visible_to(person).select_related("reviewer", "decided_by", "institution")
    return get_object_or_404(found, public_id=public_id)


def _address(application: Application) -> str:
    return reverse("application", args=[application.public_id])
