"""The shape of what the pages about API clients send."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from consortium.client_address import networks
from consortium.errors import Refused
from consortium.institutions.assertion_keys import public_jwk
from consortium.institutions.models import ApiClient
from consortium.institutions.scopes import Scope, every_scope

_MOST_CHARACTERS = 6000


class KeyField(forms.CharField):
    """A public key as a JWK, pasted as JSON."""

    widget = forms.Textarea(attrs={"rows": 6, "class": "mono", "spellcheck": "false", "autocomplete": "off"})

    def __init__(self, **options: Any) -> None:
        super().__init__(
            label=_("Public key (JWK)"),
            max_length=_MOST_CHARACTERS,
            help_text=_("Ed25519, P-256 or RSA of 2048 bits and more, as a JSON Web Key without its private members."),
            **options,
        )

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        try:
            return public_jwk(json.loads(text))
        except (ValueError, RecursionError) as wrong:
            raise ValidationError(_("This is no JSON.")) from wrong
        except Refused as refused:
            raise ValidationError(str(refused)) from refused


class _AccessForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=100,
        help_text=_("What the job does and where it runs: “nightly push, data centre north”."),
    )
    scopes = forms.MultipleChoiceField(
        label=_("What it may do"), choices=Scope.choices, initial=every_scope, widget=forms.CheckboxSelectMultiple
    )
    allowed_networks = forms.CharField(
        label=_("From which addresses"),
        required=False,
        max_length=_MOST_CHARACTERS,
        help_text=_(
            "An address or network a line, such as 203.0.113.0/24 or 2001:db8::/32. Empty: from every address."
        ),
        widget=forms.Textarea(attrs={"rows": 3, "class": "mono", "spellcheck": "false", "autocomplete": "off"}),
    )

    def clean_allowed_networks(self) -> list[str]:
        written = self.cleaned_data["allowed_networks"].replace(",", " ").split()
        for each in written:
            try:
                networks((each,))
            except ValueError as wrong:
                text = _("“%(text)s” is no address or network such as 203.0.113.0/24.") % {"text": each[:60]}
                raise ValidationError(text) from wrong
        return list(written)


class IssueForm(_AccessForm):
    """A new client: by secret, or by key."""

    by = forms.ChoiceField(
        label=_("How it shows who it is"),
        choices=[
            ("key", _("Signs with a key of its own (private_key_jwt): nothing secret leaves your machine")),
            ("secret", _("Sends a secret, which is shown here once")),
        ],
        initial="secret",
        widget=forms.RadioSelect,
    )
    public_jwk = KeyField(required=False)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        by = cleaned.pop("by", "")
        if by == "key" and not cleaned.get("public_jwk") and not self.errors:
            self.add_error("public_jwk", _("Paste the public key that the client signs with."))
        if by == "secret":
            cleaned["public_jwk"] = None
        return cleaned


class ChangeForm(_AccessForm):
    """A client's name, scopes and addresses."""

    version = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, data: Any = None, *, client: ApiClient) -> None:
        was = {
            "name": client.name,
            "scopes": client.scopes,
            "allowed_networks": "\n".join(client.allowed_networks),
            "version": client.version,
        }
        super().__init__(data, initial=was)


class ClientKeyForm(forms.Form):
    public_jwk = KeyField()
