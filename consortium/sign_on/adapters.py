"""How django-allauth behaves here: accounts are opened by an administrator, never by their owner."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _, gettext_lazy

from consortium import client_address
from consortium.at_rest import seal, unseal
from consortium.notifications import mail
from consortium.notifications.kinds import Kind
from consortium.notifications.services import notify
from consortium.people.models import Person
from consortium.sign_on import devices, rules, second_factor
from consortium.sign_on.models import SignOn

_PURPOSE: Final = "second factors"
_JUST_NOW: Final = timedelta(minutes=5)


class Accounts(DefaultAccountAdapter):
    """Passwords, and what every way of signing in has in common."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Whom an attempt counts against: the address, from a browser that its owner has used or from any other.

        So a stranger who guesses uses up the strangers' attempts, and the owner's own browser stays open.
        """
        email = str(credentials.get("email") or credentials.get("username") or "").lower()
        return f"{email}:{devices.known_device(request, email)}"

    def get_client_ip(self, request: HttpRequest) -> str:
        """Behind trusted proxies too; no server names none except on a socket of one machine."""
        address = client_address.of(request)
        return "0.0.0.0" if address == "unknown" else address  # noqa: S104  nobody listens on it

    def pre_login(self, request: HttpRequest, user: Person, **kwargs: Any) -> HttpResponse | None:
        """Refuse passwords and passkeys where the institution's directory is the only way in."""
        if refused := super().pre_login(request, user, **kwargs):
            return cast("HttpResponse", refused)
        through_directory = "sociallogin" in (kwargs.get("signal_kwargs") or {})
        sign_on = SignOn.objects.select_related("break_glass").filter(institution=user.institution_id).first()
        if through_directory or rules.may_use_password(user, sign_on):
            return None
        messages.info(request, _("Your institution signs in through its own directory. Enter your address."))
        return redirect("sign-on-start")

    def send_password_reset_mail(self, user: Person, email: str, context: dict[str, Any]) -> None:
        """Through the office, in the person's language: who asks waits no longer for an address that has an account."""
        address = context["password_reset_url"]
        mail.send(user.email, "sign_on/password_reset", user.language, name=user.name, address=address)

    def get_login_stages(self) -> list[str]:
        ours = "consortium.sign_on.stages.SecondFactorStage"
        theirs = "allauth.mfa.stages.AuthenticateStage"
        return [ours if stage == theirs else stage for stage in super().get_login_stages()]

    def post_login(self, request: HttpRequest, user: Person, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **kwargs)
        if not devices.known_device(request, user.email):
            if self._has_signed_in_before:
                _tell_of_new_device(request, user)
            devices.remember(request, response, user)
        return response

    def login(self, request: HttpRequest, user: Person) -> None:
        self._has_signed_in_before = user.last_login is not None
        super().login(request, user)

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Who has just signed in need not do it again to set up the first factor and read its recovery codes."""
        records = get_authentication_records(self.request, self.request.user)
        began = datetime.fromtimestamp(records[-1]["at"], UTC) if records else None
        if app == "allauth.mfa" and began and timezone.now() - began < _JUST_NOW:
            return second_factor.factors_of(self.request.user).filter(created_at__lt=began).exists()
        return bool(super().is_reauthentication_required(app=app, **kwargs))


class SecondFactors(DefaultMFAAdapter):
    """Seeds are sealed in the database; the last factor stays where one is required."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "cannot_delete_authenticator": gettext_lazy(
            "You need a second factor. Set up another one before you remove this one."
        ),
    }

    def encrypt(self, text: str) -> str:
        return seal(text, _PURPOSE)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text, _PURPOSE)

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        return not second_factor.is_last_required(authenticator)

    def generate_authenticator_name(self, user: Person, type: Authenticator.Type) -> str:
        """What the device calls itself, which the owner may change."""
        return devices.device_name(self.request.headers.get("User-Agent", ""))

    def _get_site_name(self) -> str:
        return _("Concord")


def _tell_of_new_device(request: HttpRequest, person: Person) -> None:
    device = devices.device_name(request.headers.get("User-Agent", ""))
    notify([person], Kind.NEW_DEVICE, address=reverse("usersessions_list"), device=device)
