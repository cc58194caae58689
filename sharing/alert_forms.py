"""What is asked of whoever deals with a warning: a note, who follows it up, what it turned out to be."""

from __future__ import annotations

from typing import ClassVar

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from consortium.people.models import Person
from sharing.models import AlertHandling, AlertKind, Outcome
from sharing.models.alert import AlertQuerySet
from sharing.rules import LONGEST_OWNER
from sharing.states import AlertState
from sharing.texts import LONGEST_REASON

_LASTING = "lasting"


class AlertFilterForm(forms.Form):
    """Lasting ones unless another choice is made; whatever cannot be read is no filter."""

    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[(_LASTING, _("Lasting")), *AlertState.choices, ("ended", _("Over")), ("all", _("All"))],
    )
    kind = forms.ChoiceField(label=_("Kind"), required=False, choices=[("", _("All kinds")), *AlertKind.choices])

    def filtered(self, found: AlertQuerySet, person: Person) -> AlertQuerySet:
        chosen = self.cleaned_data if self.is_valid() else {}
        state = chosen.get("state") or _LASTING
        if chosen.get("kind"):
            found = found.filter(kind=chosen["kind"])
        if state == _LASTING:
            return found.lasting()
        if state == "ended":
            return found.exclude(ended_at=None)
        if state == "all":
            return found
        own = AlertHandling.objects.of_party(person.institution_id)
        if state == AlertState.OPEN:
            return found.filter(ended_at=None).exclude(handlings__in=own.exclude(state=AlertState.OPEN))
        return found.filter(Q(handlings__in=own.filter(state=state)))


class AcknowledgeForm(forms.Form):
    label: ClassVar = _("Acknowledge")

    note = forms.CharField(
        label=_("Note"), required=False, max_length=LONGEST_REASON, widget=forms.Textarea(attrs={"rows": 2})
    )


class FollowUpForm(AcknowledgeForm):
    label: ClassVar = _("Follow up")

    owner = forms.CharField(label=_("Who follows it up"), max_length=LONGEST_OWNER)
    due = forms.DateField(label=_("Until"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    field_order = ["owner", "due", "note"]


class CloseForm(AcknowledgeForm):
    label: ClassVar = _("Close")

    outcome = forms.ChoiceField(label=_("What it turned out to be"), choices=Outcome.choices)
    field_order = ["outcome", "note"]
