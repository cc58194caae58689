"""Reminding the contributors of a round, after a look at whom; and the rule by which it happens by itself."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from consortium.errors import Forbidden, Refused
from consortium.people.models import Person
from consortium.people.roles import Permission, may
from consortium.people.session import signed_in
from sharing import board, rules
from sharing.board import Standing
from sharing.models import Collection, Round
from sharing.services import reminders

SHOWN = 200
_WHO = ("unanswered", "late", "selected")


class RemarkForm(forms.Form):
    remark = forms.CharField(
        label=_("A sentence of yours, if you like"),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("It stands below the reminder. Everybody who is reminded reads the same."),
    )


class ReminderRuleForm(forms.Form):
    """Days before (negative) and after the due date, separated by commas."""

    days = forms.CharField(
        label=_("Remind on these days"),
        required=False,
        max_length=80,
        help_text=_("Counted from the due date, as in -7, -1, 1, 5. Empty: never."),
    )
    escalation_days = forms.IntegerField(
        label=_("From how many days overdue approvers and administrators are reminded too"),
        min_value=0,
        max_value=365,
    )

    def clean_days(self) -> list[int]:
        try:
            return [int(part) for part in self.cleaned_data["days"].replace("，", ",").split(",") if part.strip()]
        except ValueError as wrong:
            raise forms.ValidationError(_("Write whole numbers with commas between them.")) from wrong


def rule_of(collection: Collection) -> dict[str, Any]:
    days = ", ".join(str(day) for day in collection.reminder_days)
    return {"days": days, "escalation_days": collection.escalation_days}


def may_change_rule(person: Person) -> bool:
    return may(person, Permission.COLLECTION_MANAGE)


@require_http_methods(["GET", "POST"])
def remind(request: HttpRequest, public_id: str) -> HttpResponse:
    """First who would be reminded and of what; then, posted, they are."""
    person = signed_in(request)
    round = get_object_or_404(Round.objects.visible_to(person).select_related("collection"), public_id=public_id)
    rules.check_can_remind(person, round)
    asked = request.POST if request.method == "POST" else request.GET
    who, codes = asked.get("who", ""), asked.getlist("institution")
    standings = _meant(board.standings(round, person), who, codes)
    form = RemarkForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        ids = {standing.institution_id for standing in standings}
        count = reminders.remind(round, ids, by=person, remark=form.cleaned_data["remark"])
        text = ngettext("%(count)s institution is reminded.", "%(count)s institutions are reminded.", count)
        messages.success(request, text % {"count": count})
        return redirect("round", round.public_id)
    context = {
        "round": round,
        "form": form,
        "preview": reminders.preview(round, standings),
        "shown": SHOWN,
        "who": who,
        "codes": codes,
    }
    return render(request, "sharing/remind.html", context, status=422 if form.errors else 200)


@require_POST
def change_rule(request: HttpRequest, public_id: str) -> HttpResponse:
    person = signed_in(request)
    round = get_object_or_404(Round.objects.visible_to(person).select_related("collection"), public_id=public_id)
    form = ReminderRuleForm(request.POST)
    if not form.is_valid():
        rules.check_can_change_reminders(person, ())
        problems = [str(error) for errors in form.errors.values() for error in errors]
        messages.error(request, " ".join(problems))
    else:
        _change(request, round.collection, form, person)
    return redirect(reverse("round", args=[round.public_id]))


def _change(request: HttpRequest, collection: Collection, form: ReminderRuleForm, person: Person) -> None:
    days, escalation = form.cleaned_data["days"], form.cleaned_data["escalation_days"]
    try:
        reminders.change_rule(collection, days, escalation, by=person)
    except Forbidden:
        raise
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("The rule of reminders is saved."))


def _meant(standings: list[Standing], who: str, codes: list[str]) -> list[Standing]:
    """Nobody unless it was said who."""
    if who not in _WHO:
        return []
    if who == "selected":
        return [standing for standing in standings if standing.code in codes]
    return board.chosen(standings, wanted=who)
