"""The shape of what the pages of webhooks send."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from consortium.notifications.models import Endpoint, EventType


class WebhookForm(forms.Form):
    """An address and what it is told of."""

    url = forms.CharField(
        label=_("Address"),
        max_length=400,
        help_text=_("Reachable from the internet over https, as in https://hooks.bank.example/concord."),
        widget=forms.URLInput(attrs={"autocomplete": "off"}),
    )
    description = forms.CharField(label=_("Description"), max_length=120, required=False)
    events = forms.MultipleChoiceField(
        label=_("Tell it when"), choices=EventType.choices, widget=forms.CheckboxSelectMultiple
    )

    def clean_events(self) -> list[Any]:
        return list(self.cleaned_data["events"])


class WebhookChangeForm(WebhookForm):
    version = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, data: Any = None, *, endpoint: Endpoint) -> None:
        was = {name: getattr(endpoint, name) for name in ("url", "events", "description", "version")}
        super().__init__(data, initial=was)
