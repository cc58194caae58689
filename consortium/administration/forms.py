"""The shape of what the association's pages send."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from consortium.institutions.models import Institution
from consortium.people.models import Person
from consortium.people.roles import ASSOCIATION_ROLES, MEMBER_ROLES, Role

InstitutionForm = forms.modelform_factory(
    Institution,
    fields=("code", "name", "name_zh", "kind", "size_band", "home_region", "affiliate_group", "approves_submissions"),
)


class InvitationForm(forms.Form):
    """Who is invited, for which side and with which roles."""

    email = forms.EmailField(label=_("E-mail address"))
    name = forms.CharField(label=_("Name"), max_length=120)
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    institution = forms.ModelChoiceField(
        Institution.objects.none(), label=_("Institution"), required=False, empty_label=_("Association")
    )
    roles = forms.MultipleChoiceField(label=_("Roles"), widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, person: Person) -> None:
        super().__init__(*args)
        self.fields["institution"].queryset = Institution.objects.visible_to(person)  # type: ignore[attr-defined]
        self.fields["roles"].choices = [  # type: ignore[attr-defined]
            (_("Members"), [(role.value, role.label) for role in Role if role in MEMBER_ROLES]),
            (_("Association"), [(role.value, role.label) for role in Role if role in ASSOCIATION_ROLES]),
        ]


class SuspensionForm(forms.Form):
    reason = forms.CharField(label=_("Reason"), max_length=500, widget=forms.Textarea(attrs={"rows": 3}))
