"""Where an invited person opens the account."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from consortium.errors import Refused
from consortium.membership.forms import AccountForm
from consortium.people import invitations
from consortium.people.roles import Role


@sensitive_post_parameters("password", "again")
@login_not_required
@never_cache
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Looking uses nothing up, because mail scanners look too; the POST does."""
    found = invitations.find(token)
    if found is None:
        return render(request, "membership/invitation_over.html", status=410)
    form = AccountForm(request.POST or None, invitation=found)
    if request.method == "POST" and form.is_valid():
        chosen = {field: form.cleaned_data[field] for field in ("name", "language", "password")}
        try:
            invitations.accept(found, **chosen)
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            with translation.override(chosen["language"]):
                messages.success(request, _("Your account is open. Sign in with your e-mail address and password."))
            return redirect("account_login")
    roles = [Role(role).label for role in found.roles]
    context = {"invitation": found, "roles": roles, "form": form}
    return render(request, "membership/invitation.html", context, status=422 if form.errors else 200)
