"""The shape of what the association's pages send."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from consortium.institutions.models import AffiliateGroup, Application, Institution
from consortium.institutions.models.institution import CODE
from consortium.institutions.states import InstitutionState
from consortium.membership.forms import NumberedForm, association_roles, member_roles
from consortium.people.models import Person

GRACE = timedelta(days=30)  # proposed between a new agreement and the day on which it must be accepted

InstitutionForm = forms.modelform_factory(
    Institution,
    form=NumberedForm,
    fields=(
        "code",
        "name",
        "name_zh",
        "kind",
        "size_band",
        "home_region",
        "registration_number",
        "lei",
        "approves_submissions",
    ),
)


# What peer groups ask for (kind, size, region) is not corrected: a release of before would be computed otherwise.
CorrectionForm = forms.modelform_factory(
    Institution, form=NumberedForm, fields=("name", "name_zh", "registration_number", "lei")
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

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        institutions = Institution.objects.visible_to(person).exclude(state=InstitutionState.LEFT)
        self.fields["institution"].queryset = institutions  # type: ignore[attr-defined]
        self.fields["roles"].choices = [  # type: ignore[attr-defined]
            (_("Members"), member_roles()),
            (_("Association"), association_roles()),
        ]


class SuspensionForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("The member's people read it on their first page."),
    )


class EndingForm(forms.Form):
    reason = forms.CharField(label=_("Reason"), max_length=500, widget=forms.Textarea(attrs={"rows": 3}))


class QuestionForm(forms.Form):
    question = forms.CharField(label=_("Question"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))


class DecliningForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason, for the applicant"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3})
    )


class AdmissionForm(forms.Form):
    """What the association adds when it admits an applicant: its code, its group, its first administrator."""

    code = forms.CharField(
        label=_("Code"),
        max_length=40,
        validators=[CODE],
        help_text=_("Capitals, digits, - and _. It stands in every package and never changes."),
    )
    group = forms.ModelChoiceField(
        AffiliateGroup.objects.all(), label=_("Affiliate group"), required=False, empty_label=_("none: it counts alone")
    )
    administrator = forms.CharField(label=_("First administrator"), max_length=120)
    email = forms.EmailField(label=_("The administrator's e-mail address"))

    def __init__(self, data: Any = None, *, application: Application) -> None:
        contact = {"administrator": application.contact_name, "email": application.contact_email}
        super().__init__(data, initial=contact)


class AgreementForm(forms.Form):
    """A new version, in both languages."""

    text_en = forms.CharField(
        label=_("English text"), max_length=100_000, widget=forms.Textarea(attrs={"rows": 18, "lang": "en"})
    )
    text_zh = forms.CharField(
        label=_("Chinese text"), max_length=100_000, widget=forms.Textarea(attrs={"rows": 18, "lang": "zh-Hans"})
    )
    effective_on = forms.DateField(
        label=_("Takes effect on"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    accept_by = forms.DateField(
        label=_("Last day for accepting"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("From the day after, a member that has not accepted it cannot send."),
    )
    is_final = forms.BooleanField(label=_("I have read both texts. Once issued, nobody can change them."))

    def __init__(self, data: Any = None, *, text_en: str, text_zh: str) -> None:
        today = timezone.localdate()
        initial = {"text_en": text_en, "text_zh": text_zh, "effective_on": today, "accept_by": today + GRACE}
        super().__init__(data, initial=initial)


GroupForm = forms.modelform_factory(AffiliateGroup, fields=("code", "name", "name_zh"))
GroupNameForm = forms.modelform_factory(AffiliateGroup, fields=("name", "name_zh"))


class AffiliateForm(forms.Form):
    """An institution that joins a group; those that are in one already are not offered."""

    institution = forms.ModelChoiceField(Institution.objects.none(), label=_("Institution"))

    def __init__(self, *args: Any, person: Person) -> None:
        super().__init__(*args)
        alone = Institution.objects.visible_to(person).filter(affiliate_group="")
        self.fields["institution"].queryset = alone.exclude(state=InstitutionState.LEFT)  # type: ignore[attr-defined]
