"""The membership agreement as the association sees it: its versions, and which members have accepted."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from consortium.administration.forms import AgreementForm
from consortium.errors import Refused
from consortium.institutions.models import Agreement, AgreementAcceptance, Institution
from consortium.institutions.services import agreements
from consortium.people.models import Person
from consortium.people.roles import Permission, require
from consortium.people.session import signed_in
from consortium.web.offers import refusal

ACCEPTED, DUE, OVERDUE = "accepted", "due", "overdue"


@dataclass(frozen=True)
class Row:
    """A member and the highest version that it accepted."""

    institution: Institution
    acceptance: AgreementAcceptance | None
    state: str

    def get_state_display(self) -> str:
        return {ACCEPTED: _("Accepted"), DUE: _("To be accepted"), OVERDUE: _("Cannot send")}[self.state]


@require_safe
def agreement_board(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    require(person, Permission.MEMBER_VIEW)
    newest = Agreement.objects.newest()
    rows = _rows(person, newest) if newest else []
    counts = {state: sum(row.state == state for row in rows) for state in (ACCEPTED, DUE, OVERDUE)}
    chosen = request.GET.get("state", "")
    context = {
        "newest": newest,
        "versions": Agreement.objects.select_related("issued_by"),
        "rows": [row for row in rows if row.state == chosen] if chosen in counts else rows,
        "counts": counts,
        "chosen": chosen if chosen in counts else "",
        "total": len(rows),
        "may_issue": refusal(require, person, Permission.MEMBER_ADMIT) is None,
    }
    return render(request, "administration/agreements.html", context)


def _rows(person: Person, newest: Agreement) -> list[Row]:
    """One for each active member."""
    binding = Agreement.objects.binding()
    found = AgreementAcceptance.objects.visible_to(person).select_related("agreement").order_by("agreement__version")
    highest = {each.institution_id: each for each in found}
    rows = []
    for institution in Institution.objects.visible_to(person).active():
        acceptance = highest.get(institution.pk)
        version = acceptance.agreement.version if acceptance else 0
        state = ACCEPTED if version >= newest.version else DUE
        if binding is not None and version < binding.version:
            state = OVERDUE
        rows.append(Row(institution, acceptance, state))
    return rows


@require_http_methods(["GET", "POST"])
def agreement_issue(request: HttpRequest) -> HttpResponse:
    """Begins with the text in force; before the first version, with the one that Concord brings."""
    person = signed_in(request)
    require(person, Permission.MEMBER_ADMIT)
    newest = Agreement.objects.newest()
    text_en, text_zh = (newest.text_en, newest.text_zh) if newest else agreements.shipped()
    form = AgreementForm(request.POST or None, text_en=text_en, text_zh=text_zh)
    if request.method == "POST" and form.is_valid():
        fields = {name: form.cleaned_data[name] for name in ("text_en", "text_zh", "effective_on", "accept_by")}
        try:
            agreements.issue(by=person, **fields)
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _("The agreement is issued, and the members are told."))
            return redirect("agreement-board")
    context = {"form": form, "version": newest.version + 1 if newest else 1}
    return render(request, "administration/agreement_issue.html", context, status=422 if form.errors else 200)
