"""The shape of what the pages about signing keys send."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from anonymize.package.registration import MAX_CHARACTERS
from consortium.institutions.models import Institution, SigningKey


class RegistrationForm(forms.Form):
    """A request that a new key signed, and the key that it takes the place of."""

    request = forms.CharField(
        label=_("Request of the new key"),
        max_length=MAX_CHARACTERS,
        help_text=_("The line that “concord init” printed: it begins with ey and has two dots. It holds no secret."),
        widget=forms.Textarea(attrs={"rows": 6, "class": "mono", "spellcheck": "false", "autocomplete": "off"}),
    )
    replaces = forms.ChoiceField(
        label=_("Takes the place of"),
        required=False,
        help_text=_(
            "The former key stays in force for another 30 days, so that no job fails, and then ends by itself."
        ),
    )

    def __init__(self, *args: Any, institution: Institution) -> None:
        super().__init__(*args)
        replaceable = SigningKey.objects.filter(institution=institution, ends_at=None).in_force()
        choices = [("", _("No key; both sign side by side")), *((key.kid, key.kid) for key in replaceable)]
        self.fields["replaces"].choices = choices  # type: ignore[attr-defined]


class StatementKeyForm(forms.Form):
    request = forms.CharField(
        label=_("Request of the key"),
        max_length=MAX_CHARACTERS,
        help_text=_(
            "The line that “concord statement key” printed: it begins with ey and has two dots. It holds no secret."
        ),
        widget=forms.Textarea(attrs={"rows": 8, "class": "mono", "spellcheck": "false", "autocomplete": "off"}),
    )


class RevocationForm(forms.Form):
    reason = forms.ChoiceField(
        label=_("Why"), choices=SigningKey.Revocation.choices, widget=forms.RadioSelect, initial="routine"
    )
