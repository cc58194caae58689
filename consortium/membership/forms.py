"""The shape of what applicants, members and the invited send."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from stdnum import lei
from stdnum.cn import uscc
from stdnum.exceptions import ValidationError as WrongNumber

from consortium.institutions.models import Application
from consortium.institutions.regions import PATTERN
from consortium.people.models import Invitation, Person
from consortium.people.roles import ASSOCIATION_ROLES, MEMBER_ROLES, Role

# What each role of a member is for, beside its name where roles are chosen.
DUTIES = {
    Role.SUBMITTER: _("sends the figures and follows them up"),
    Role.ANALYST: _("reads benchmarks and your own statements"),
    Role.APPROVER: _("approves submissions before they leave, accepts the agreement"),
    Role.ADMINISTRATOR: _("looks after people, keys, API clients and the agreement"),
}


class NumberedForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic when it runs
    """An institution's registration number and LEI, each with right check digits."""

    def clean_lei(self) -> str:
        return _number(lei, self.cleaned_data["lei"], _("This is no legal entity identifier: its check digits differ."))

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        number = cleaned.get("registration_number", "")
        if number and cleaned.get("home_region", self.instance.home_region).startswith("CN"):
            wrong = _("This is no unified social credit code: its check character differs.")
            try:
                cleaned["registration_number"] = _number(uscc, number, wrong)
            except ValidationError as problem:
                self.add_error("registration_number", problem)
        return cleaned


class ApplicationForm(NumberedForm):
    """What an applicant says of itself. A registration number or an LEI tells who it is."""

    home_region = forms.CharField(
        label=_("Home region"),
        max_length=20,
        validators=[RegexValidator(PATTERN, _("A code of ISO 3166 in capitals, such as CN-ZJ or SG."))],
        help_text=_("ISO 3166 code: CN-ZJ for Zhejiang, SG for Singapore."),
        widget=forms.TextInput(attrs={"list": "regions", "autocomplete": "off"}),
    )

    class Meta:
        model = Application
        fields = (
            "name",
            "name_zh",
            "kind",
            "size_band",
            "home_region",
            "registration_number",
            "lei",
            "contact_name",
            "contact_position",
            "contact_email",
            "reason",
        )
        widgets = {"reason": forms.Textarea(attrs={"rows": 5})}
        help_texts = {
            "registration_number": _("In China the unified social credit code of 18 characters."),
            "lei": _("20 characters, if you have one."),
            "contact_email": _("We write to this address; a link in the first letter confirms it."),
        }

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        given = cleaned.get("registration_number") or cleaned.get("lei")
        if not given and not {"registration_number", "lei"} & set(self.errors):
            self.add_error("registration_number", _("Give a registration number or an LEI."))
        return cleaned


def _number(kind: Any, text: str, wrong: Any) -> str:
    """The number without spaces and dashes, in capitals; ValidationError when its check digits are wrong."""
    if not text:
        return ""
    try:
        return str(kind.validate(text.strip()))
    except WrongNumber as problem:
        raise ValidationError(wrong) from problem


class AnswerForm(forms.Form):
    answer = forms.CharField(label=_("Your answer"), max_length=4000, widget=forms.Textarea(attrs={"rows": 4}))


class OwnInvitationForm(forms.Form):
    """Who of the own institution is invited, with which roles."""

    email = forms.EmailField(label=_("E-mail address"))
    name = forms.CharField(label=_("Name"), max_length=120)
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    roles = forms.MultipleChoiceField(label=_("Roles"), widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["roles"].choices = member_roles()  # type: ignore[attr-defined]


class RolesForm(forms.Form):
    """The roles of a person, of its side."""

    roles = forms.MultipleChoiceField(label=_("Roles"), widget=forms.CheckboxSelectMultiple)

    def __init__(self, data: Any = None, *, person: Person) -> None:
        super().__init__(data, initial={"roles": person.roles})
        choices = association_roles() if person.is_association else member_roles()
        self.fields["roles"].choices = choices  # type: ignore[attr-defined]


def member_roles() -> list[tuple[str, str]]:
    return [
        (role.value, _("%(role)s: %(duty)s") % {"role": role.label, "duty": DUTIES[role]})
        for role in Role
        if role in MEMBER_ROLES
    ]


def association_roles() -> list[tuple[str, str]]:
    return [(role.value, str(role.label)) for role in Role if role in ASSOCIATION_ROLES]


class AccountForm(forms.Form):
    """What the owner of a new account chooses."""

    name = forms.CharField(label=_("Name"), max_length=120)
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    password = forms.CharField(
        label=_("Password"), widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}), strip=False
    )
    again = forms.CharField(
        label=_("Password, once more"), widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}), strip=False
    )

    def __init__(self, data: Any = None, *, invitation: Invitation) -> None:
        super().__init__(data, initial={"name": invitation.name, "language": invitation.language})
        self._invitation = invitation
        self.fields["password"].help_text = password_validation.password_validators_help_text_html()

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        password = cleaned.get("password")
        if password and cleaned.get("again") and password != cleaned["again"]:
            self.add_error("again", _("The two passwords differ."))
        elif password:
            owner = Person(email=self._invitation.email, name=cleaned.get("name", ""))
            try:
                password_validation.validate_password(password, owner)
            except ValidationError as weak:
                self.add_error("password", weak)
        return cleaned


class AcceptanceForm(forms.Form):
    """Who says yes to the agreement."""

    name = forms.CharField(label=_("Full name"), max_length=120)
    position = forms.CharField(
        label=_("Position"), max_length=120, help_text=_("For example: Chief Compliance Officer.")
    )
    is_authorized = forms.BooleanField(
        label=_("I have read the agreement and accept it for my institution, which I am authorized to bind.")
    )


class DepartureForm(forms.Form):
    leaves_on = forms.DateField(
        label=_("First day outside the consortium"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    reason = forms.CharField(
        label=_("Reason"), max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.fields["leaves_on"].widget.attrs["min"] = timezone.localdate().isoformat()
