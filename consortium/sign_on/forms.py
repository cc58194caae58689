"""What an administrator enters about the institution's directory."""

from __future__ import annotations

import re
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from consortium.people.models import Person
from consortium.sign_on import rules
from consortium.sign_on.models import SignOn

_DOMAIN: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))+")


class DomainsField(forms.Field):
    """Domains, separated by spaces, commas or lines."""

    widget = forms.TextInput

    def to_python(self, value: Any) -> list[str]:
        return [each.lstrip("@") for each in re.split(r"[\s,;]+", str(value or "").lower()) if each]

    def validate(self, value: list[str]) -> None:
        if self.required and not value:
            raise forms.ValidationError(self.error_messages["required"])
        for each in value:
            if len(each) > 253 or not _DOMAIN.fullmatch(each):
                raise forms.ValidationError(_("%(domain)s is no domain.") % {"domain": each[:60]})


class _DirectoryForm(forms.Form):
    domains = DomainsField(
        label=_("E-mail domains"),
        help_text=_(
            "What follows the @ in your people's addresses. Whoever enters such an address is led to your directory."
        ),
    )
    trusts_second_factor = forms.BooleanField(
        label=_("Our directory asks for a second factor itself"),
        help_text=_("Then the portal does not ask for another one."),
        required=False,
    )


class OpenIdForm(_DirectoryForm):
    issuer = forms.URLField(label=_("Issuer"), assume_scheme="https", max_length=300)
    client_id = forms.CharField(label=_("Client id"), max_length=200)
    secret = forms.CharField(
        label=_("Client secret"),
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        required=False,
        max_length=500,
        help_text=_("Kept sealed and never shown again. Leave it empty to keep the one there is."),
    )
    field_order = ("issuer", "client_id", "secret", "domains", "trusts_second_factor")


class SamlForm(_DirectoryForm):
    metadata = forms.CharField(
        label=_("Metadata of your identity provider"),
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
        max_length=512 * 1024,
        help_text=_("Its https address, or the XML itself. It is read once: enter it again when certificates change."),
    )
    field_order = ("metadata", "domains", "trusts_second_factor")


class EnforceForm(forms.Form):
    break_glass = forms.ModelChoiceField(
        label=_("Who still signs in with a password"),
        queryset=Person.objects.none(),
        help_text=_("An administrator, for the day on which your directory fails."),
    )

    def __init__(self, *args: Any, sign_on: SignOn, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = Person.objects.filter(institution=sign_on.institution_id, is_active=True)
        fitting = [person.pk for person in people if rules.is_way_back(sign_on, person)]
        self.fields["break_glass"].queryset = people.filter(pk__in=fitting)  # type: ignore[attr-defined]


class StartForm(forms.Form):
    email = forms.EmailField(
        label=_("E-mail address"), widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True})
    )
