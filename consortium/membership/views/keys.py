"""The signing keys of the own institution: what is in force, what each has signed, registering, revoking."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from anonymize.errors import PackageError
from consortium.errors import Refused
from consortium.institutions import rules
from consortium.institutions.models import Institution, SigningKey
from consortium.institutions.models.signing_key import SigningKeyQuerySet
from consortium.institutions.services import signing_keys
from consortium.membership.key_forms import RegistrationForm, RevocationForm
from consortium.people.models import Person
from consortium.people.roles import Permission, require
from consortium.people.session import signed_in
from consortium.web.offers import carry_out, refusal
from sharing.models import Submission
from sharing.services.suspects import suspects

A_PAGE = 20


@dataclass(frozen=True)
class KeyLine:
    """A key, how it stands, and what it has signed; `again` is what to send again because of it."""

    key: SigningKey
    badge: str
    words: str | Promise
    signed: int
    last_used: datetime | None
    again: int


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    keys = _visible(person)
    lines = _lines(person, keys)
    context = {
        "in_force": [line for line in lines if line.key.is_in_force],
        "former": [line for line in lines if not line.key.is_in_force],
        "most": rules.MOST_SIGNING_KEYS,
        "why_not": refusal(rules.check_can_manage, person, _own(person))
        or refusal(rules.check_has_room_for_key, _own(person)),
    }
    return render(request, "membership/keys.html", context)


@require_safe
def detail(request: HttpRequest, kid: str) -> HttpResponse:
    person = signed_in(request)
    key = get_object_or_404(_visible(person), kid=kid)
    (line,) = _lines(person, [key])
    signed = Submission.objects.visible_to(person).filter(signing_kid=kid).select_related("round__collection")
    context = {
        "line": line,
        "key": key,
        "successor": SigningKey.objects.filter(replaces=key).first(),
        "signed": signed[:A_PAGE],
        "again": suspects(key),
        "form": RevocationForm(),
        "why_not": refusal(rules.check_can_revoke_key, person, key),
    }
    return render(request, "membership/key.html", context)


@require_http_methods(["GET", "POST"])
def register(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    institution = _own(person)
    rules.check_can_manage(person, institution)
    form = RegistrationForm(request.POST or None, institution=institution)
    if request.method == "POST" and form.is_valid():
        try:
            key = signing_keys.register(institution, by=person, **form.cleaned_data)
        except PackageError as wrong:
            form.add_error("request", wrong.sentence)
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            return redirect("signing-key", key.kid)
    return render(request, "membership/key_register.html", {"form": form}, status=422 if form.errors else 200)


@require_POST
def revoke(request: HttpRequest, kid: str) -> HttpResponse:
    person = signed_in(request)
    key = get_object_or_404(_visible(person), kid=kid)
    form = RevocationForm(request.POST)
    if not form.is_valid():
        return redirect("signing-key", kid)
    reason = SigningKey.Revocation(form.cleaned_data["reason"])
    return carry_out(
        request,
        reverse("signing-key", args=[kid]),
        _("The key is revoked: nothing that it signs from now on is accepted."),
        lambda: signing_keys.revoke(key, by=person, reason=reason),
    )


def _visible(person: Person) -> SigningKeyQuerySet:
    require(person, Permission.INSTITUTION_VIEW)
    return SigningKey.objects.visible_to(person).select_related(
        "registered_by", "revoked_by", "replaces", "institution"
    )


def _own(person: Person) -> Institution:
    require(person, Permission.INSTITUTION_VIEW)
    return Institution.objects.visible_to(person).get(pk=person.institution_id or 0)


def _lines(person: Person, keys: Iterable[SigningKey]) -> list[KeyLine]:
    """One query for what all of them signed, and one for each that was compromised."""
    uses = Submission.objects.visible_to(person).order_by()
    rows = uses.values_list("signing_kid", Count("pk"), Max("received_at"))
    use_of: dict[str, tuple[int, datetime | None]] = {kid: (signed, last) for kid, signed, last in rows}
    unused = (0, None)
    return [KeyLine(key, *_standing(key), *use_of.get(key.kid, unused), again=len(suspects(key))) for key in keys]


def _standing(key: SigningKey) -> tuple[str, str | Promise]:
    if key.revocation == SigningKey.Revocation.COMPROMISED:
        return "failed", _("Compromised")
    if key.revoked_at is not None:
        return "withdrawn", _("Revoked")
    if not key.is_in_force:
        return "closed", _("Ended")
    return ("superseded", _("Being replaced")) if key.ends_at else ("active", _("In force"))
