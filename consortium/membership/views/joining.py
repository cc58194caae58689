"""Where an institution applies, and the page on which it follows its application. No account is needed."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language, gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from consortium import client_address
from consortium.errors import Refused
from consortium.institutions import regions, rules
from consortium.institutions.models import Agreement, Application
from consortium.institutions.services import applications
from consortium.institutions.states import ApplicationState
from consortium.membership.forms import AnswerForm, ApplicationForm
from consortium.web.offers import Offer, carry_out, refusal


@login_not_required
@require_http_methods(["GET", "POST"])
def join(request: HttpRequest) -> HttpResponse:
    form = ApplicationForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        # People do not see this field; programs fill it in, and are told what people are told.
        if request.POST.get("homepage"):
            return redirect("join-sent")
        address = client_address.subscriber(client_address.of(request))
        try:
            applications.submit(form.cleaned_data, language=get_language() or "en", address=address)
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            return redirect("join-sent")
    context = {"form": form, "regions": regions.suggestions(), "agreement": Agreement.objects.newest()}
    return render(request, "membership/join.html", context, status=422 if form.errors else 200)


@login_not_required
@require_safe
def sent(request: HttpRequest) -> HttpResponse:
    """The same whatever was sent: it tells nobody who applied before."""
    return render(request, "membership/join_sent.html", {"days": applications.UNCONFIRMED_FOR.days})


@login_not_required
@never_cache
@require_safe
def follow(request: HttpRequest, token: str) -> HttpResponse:
    application = _of(token)
    open_questions = [each for each in application.questions.all() if each.answered_at is None]
    context = {
        "application": application,
        "token": token,
        "questions": application.questions.all(),
        "may_answer": application.state == ApplicationState.IN_REVIEW and open_questions,
        "answer_form": AnswerForm(),
        "confirm": _confirm_offer(application, token),
        "withdraw": _withdraw_offer(application, token),
    }
    return render(request, "membership/application_follow.html", context)


@login_not_required
@require_POST
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    application = _of(token)
    done = _("Thank you. The association's member services look at your application now.")
    return carry_out(request, _address(token), done, lambda: applications.confirm(application))


@login_not_required
@require_POST
def answer(request: HttpRequest, token: str, question_id: int) -> HttpResponse:
    application = _of(token)
    question = get_object_or_404(application.questions, pk=question_id)
    form = AnswerForm(request.POST)
    if not form.is_valid():
        return redirect("application-follow", token)
    text = form.cleaned_data["answer"]
    done = _("Your answer is sent.")
    return carry_out(request, _address(token), done, lambda: applications.answer(application, question, text))


@login_not_required
@require_POST
def withdraw(request: HttpRequest, token: str) -> HttpResponse:
    application = _of(token)
    done = _("Your application is withdrawn.")
    return carry_out(request, _address(token), done, lambda: applications.withdraw(application))


def _of(token: str) -> Application:
    application = applications.follow(token)
    if application is None:
        raise Http404
    return application


def _address(token: str) -> str:
    return reverse("application-follow", args=[token])


def _confirm_offer(application: Application, token: str) -> Offer | None:
    if application.state != ApplicationState.SUBMITTED:
        return None
    return Offer(_("Confirm the application"), reverse("application-confirm", args=[token]))


def _withdraw_offer(application: Application, token: str) -> Offer | None:
    if refusal(rules.check_can_withdraw_application, application) is not None:
        return None
    return Offer(_("Withdraw the application"), reverse("application-withdraw", args=[token]))
