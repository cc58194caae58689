"""The pages that django-allauth has not: own sessions, and helping somebody back in."""

from __future__ import annotations

from allauth.account.views import PasswordResetFromKeyView
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.views import RemoveWebAuthnView
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from consortium.people.models import Person
from consortium.people.session import signed_in
from consortium.sign_on import devices, identities, rules, second_factor, sessions
from consortium.sign_on.models import Identity
from consortium.web.offers import Offer, carry_out, refusal


@require_http_methods(["GET", "POST"])
def own_sessions(request: HttpRequest) -> HttpResponse:
    """Where I am signed in; one session is ended by its number, all others without."""
    person = signed_in(request)
    key = request.session.session_key
    if request.method == "POST":
        number = request.POST.get("session", "")
        ended = sessions.end_own(person, current_key=key, pk=int(number) if number.isdecimal() else None)
        done = ngettext("%(count)s session is ended.", "%(count)s sessions are ended.", ended) % {"count": ended}
        messages.success(request, done)
        return redirect("usersessions_list")
    return render(request, "sign_on/sessions.html", {"sessions": sessions.of(person, key)})


class NewPassword(PasswordResetFromKeyView):
    """As django-allauth does it. Whoever read the letter is the owner: strangers' guesses do not count for this browser."""

    def form_valid(self, form: Form) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        devices.remember(self.request, response, self.reset_user)
        return response


class RemoveKey(RemoveWebAuthnView):
    """As django-allauth does it, but the last factor stays where one is required."""

    def form_valid(self, form: Form) -> HttpResponse:
        adapter = get_adapter()
        if not adapter.can_delete_authenticator(self.get_object()):
            messages.error(self.request, str(adapter.error_messages["cannot_delete_authenticator"]))
            return HttpResponseRedirect(reverse("mfa_list_webauthn"))
        removed: HttpResponse = super().form_valid(form)
        return removed


@require_safe
def person_security(request: HttpRequest, person_id: int) -> HttpResponse:
    """What an administrator can do for somebody who is locked out, or whose device is lost."""
    person = signed_in(request)
    other = _visible(person, person_id)
    rules.check_may_see_security(person, other)
    context = {
        "other": other,
        "factors": [str(Authenticator.Type(each.type).label) for each in second_factor.factors_of(other)],
        "identity": Identity.objects.filter(person=other).first(),
        "forget": Offer(
            _("Forget the directory's account"),
            reverse("person-forget-identity", args=[person_id]),
            refusal(rules.check_can_forget_identity, person, other),
        ),
        "session_count": UserSession.objects.filter(user=other).count(),
        "reset": Offer(
            _("Reset the second factor"),
            reverse("person-reset-second-factor", args=[person_id]),
            refusal(rules.check_can_reset_second_factor, person, other),
        ),
        "end": Offer(
            _("End all sessions"),
            reverse("person-end-sessions", args=[person_id]),
            refusal(rules.check_can_end_sessions, person, other),
        ),
    }
    return render(request, "sign_on/person_security.html", context)


@require_POST
def reset_second_factor(request: HttpRequest, person_id: int) -> HttpResponse:
    person = signed_in(request)
    other = _visible(person, person_id)
    done = _("The second factor is reset. A new one is set up at the next sign-in.")
    address = reverse("person-security", args=[person_id])
    return carry_out(request, address, done, lambda: second_factor.reset(other, by=person))


@require_POST
def forget_identity(request: HttpRequest, person_id: int) -> HttpResponse:
    person = signed_in(request)
    other = _visible(person, person_id)
    done = _("The account in the directory is forgotten. The next one with this address is taken for theirs.")
    address = reverse("person-security", args=[person_id])
    return carry_out(request, address, done, lambda: identities.forget(other, by=person))


@require_POST
def end_sessions(request: HttpRequest, person_id: int) -> HttpResponse:
    person = signed_in(request)
    other = _visible(person, person_id)
    address = reverse("person-security", args=[person_id])
    return carry_out(request, address, _("All sessions are ended."), lambda: sessions.end_of_another(other, by=person))


def _visible(person: Person, person_id: int) -> Person:
    return get_object_or_404(Person.objects.visible_to(person).select_related("institution"), pk=person_id)
