"""The shape of what the pages of notices and webhooks send."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from consortium.notifications.kinds import ALWAYS_MAILED_TOPICS, Topic
from consortium.notifications.models import Channel


class PreferencesForm(forms.Form):
    """When each topic is mailed. What is always mailed is shown, and stays."""

    def __init__(self, *args: Any, chosen: Mapping[Topic, Channel]) -> None:
        super().__init__(*args)
        for topic, channel in chosen.items():
            fixed = topic in ALWAYS_MAILED_TOPICS
            self.fields[topic.value] = forms.ChoiceField(
                label=topic.label,
                choices=Channel.choices,
                initial=channel,
                disabled=fixed,
                help_text=_("Always mailed: somebody may have to act at once.") if fixed else "",
            )

    @property
    def choices(self) -> dict[Topic, Channel]:
        return {Topic(name): Channel(value) for name, value in self.cleaned_data.items()}
