"""The shape of what pages send; what it means is checked by the services."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from anonymize.template import Dimension
from consortium.institutions.models import Institution, InstitutionKind, SizeBand
from consortium.people.models import Person
from sharing.benchmarks.explorer import ALL
from sharing.benchmarks.naming import peer_group_names
from sharing.benchmarks.selection import Selection
from sharing.models import Collection, CorrectionReason, NoDataReason, Release, Round
from sharing.models.collection import in_language
from sharing.review.withheld import REASONS, SHOWN
from sharing.rules import LONGEST_GROUP_NAME
from sharing.services.peer_groups import ATTRIBUTES
from sharing.texts import LONGEST_MESSAGE, LONGEST_REASON

Choices = Iterable[tuple[str, Any]]
MOST_BOXES = 60  # longer lists are list boxes


def _moment() -> forms.DateTimeInput:
    return forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


class SelectionForm(forms.Form):
    """The explorer's filters for a selection; every field has a value, so nothing has to be checked."""

    def __init__(self, selection: Selection, person: Person) -> None:
        super().__init__(auto_id="choose-%s")
        self._choose("collection", _("Collection"), _collections(person), selection.collection.code, is_wide=True)
        indicators = ((i.id, in_language(dict(i.names))) for i in selection.template.indicators)
        self._choose("indicator", _("Indicator"), indicators, selection.indicator.id, is_wide=True)
        for dimension in selection.cut:
            label = in_language(dict(dimension.names))
            self._choose(dimension.id, label, code_choices(dimension), selection.codes[dimension.id])
        groups = ((code, in_language(dict(names))) for code, names in selection.groups.items())
        self._choose("peers", _("Compared with"), ((ALL, _("All members")), *groups), selection.peer_group)
        day = selection.as_of and timezone.localtime(selection.as_of).date().isoformat()
        self.fields["as_of"] = forms.CharField(
            label=_("As published on"), initial=day, required=False, widget=forms.DateInput({"type": "date"})
        )
        self._keep(view=selection.view, multiples=selection.multiples, shows=selection.shows, over=selection.over)

    def _keep(self, **chosen: str) -> None:
        """What the page's tabs choose stays when a filter changes."""
        for name, value in chosen.items():
            self.fields[name] = forms.CharField(initial=value, required=False, widget=forms.HiddenInput)

    def _choose(self, name: str, label: Any, choices: Choices, chosen: str, *, is_wide: bool = False) -> None:
        field = forms.ChoiceField(label=label, choices=list(choices), initial=chosen, required=False)
        field.is_wide = is_wide  # type: ignore[attr-defined]  # read by web/field.html
        self.fields[name] = field


def _collections(person: Person) -> Choices:
    """The collections that the person sees, each once, by its code."""
    seen = Collection.objects.visible_to(person).order_by("created_at").values_list("code", "document__name")
    return ((code, in_language(name)) for code, name in dict(seen).items())


def code_choices(dimension: Dimension) -> Choices:
    """The codes of a dimension, indented along the hierarchy."""
    for code in dimension.code_list.codes:
        depth = len(dimension.code_list.ancestors(code.id)) - 1
        yield code.id, "\u2003" * max(depth - 1, 0) + in_language(dict(code.names))


class PeerGroupForm(forms.Form):
    """A peer group of a member's own: by attributes, by name, or both; its institutions are those of one collection."""

    def __init__(self, *args: Any, collection: Collection) -> None:
        super().__init__(*args)
        self.collection = collection
        members = list(collection.contributors.active().order_by("name"))
        regions = sorted({each.home_region for each in members if each.home_region})
        lists = (dimension.code_list for dimension in collection.template.dimensions)
        names = {code.id: in_language(dict(code.names)) for codes in lists for code in codes.codes}
        self.fields["collection"] = forms.CharField(initial=collection.code, widget=forms.HiddenInput)
        self.fields["name"] = forms.CharField(
            label=_("Name"), max_length=LONGEST_GROUP_NAME, help_text=_("Everybody who sees the collection reads it.")
        )
        self._some("kind", _("Kind"), present(InstitutionKind.choices, {each.kind for each in members}))
        self._some("size_band", _("Size"), present(SizeBand.choices, {each.size_band for each in members}))
        self._some("home_region", _("Home region"), [(each, names.get(each, each)) for each in regions])
        self._some("institutions", _("Or by name"), [(each.code, str(each)) for each in members])

    def _some(self, name: str, label: Any, choices: Choices) -> None:
        listed = list(choices)
        if listed:
            widget = forms.CheckboxSelectMultiple() if len(listed) <= MOST_BOXES else forms.SelectMultiple({"size": 12})
            self.fields[name] = forms.MultipleChoiceField(label=label, choices=listed, required=False, widget=widget)

    @property
    def chosen(self) -> dict[str, Any]:
        """What `services.peer_groups` chooses by."""
        return self._of(self.cleaned_data)

    @property
    def chosen_so_far(self) -> dict[str, Any]:
        """The same of a form that is not complete; what is no choice is left out."""
        values = {}
        for name in self.fields.keys() & {*ATTRIBUTES, "institutions"}:
            known = {code for code, _label in self.fields[name].choices}  # type: ignore[attr-defined]
            values[name] = [each for each in self.data.getlist(name) if each in known]  # type: ignore[attr-defined]
        return self._of(values)

    def _of(self, values: Any) -> dict[str, Any]:
        attributes = {name: values[name] for name in ATTRIBUTES if values.get(name)}
        return {"attributes": attributes, "institutions": values.get("institutions", [])}


def present(choices: Iterable[tuple[Any, Any]], values: set[str]) -> Choices:
    """Those choices that somebody has."""
    return ((str(code), label) for code, label in choices if code in values)


class PackageForm(forms.Form):
    """A sealed package as a file, in earnest or on trial; why, where it replaces one that counts."""

    FIRM, TRIAL = "firm", "trial"

    package = forms.FileField(
        label=_("Sealed package"),
        help_text=_("The .sealed file that “concord seal” wrote. Nothing but the vault can open it."),
    )
    manner = forms.ChoiceField(
        label=_("Send it"),
        choices=[
            (FIRM, _("To submit it")),
            (TRIAL, _("On trial: it is checked and reported, never counts and is not kept")),
        ],
        initial=FIRM,
        widget=forms.RadioSelect,
    )
    correction = forms.ChoiceField(
        label=_("Why it is corrected"),
        choices=[("", _("Not said")), *CorrectionReason.choices],
        required=False,
        help_text=_("Needed once figures of this round are published."),
    )
    correction_note = forms.CharField(
        label=_("What was corrected"),
        max_length=LONGEST_REASON,
        required=False,
        help_text=_("In a sentence and without figures."),
    )

    def __init__(self, *args: Any, limit: int, corrects: bool = False) -> None:
        super().__init__(*args)
        self.limit = limit
        if not corrects:
            del self.fields["correction"], self.fields["correction_note"]

    def clean_package(self) -> Any:
        package = self.cleaned_data["package"]
        if package.size > self.limit * 2:
            raise forms.ValidationError(_("The file is too large for this collection. Nothing was stored."))
        return package


class WithdrawalForm(forms.Form):
    """Why a submission is withdrawn, for whoever wants to say it."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=LONGEST_REASON,
        required=False,
        help_text=_("Shown to the people of your institution; without figures."),
    )


class NoDataForm(forms.Form):
    """Why there is nothing to send."""

    reason = forms.ChoiceField(label=_("Reason"), choices=NoDataReason.choices, widget=forms.RadioSelect)
    text = forms.CharField(
        label=_("In words"),
        max_length=LONGEST_REASON,
        required=False,
        help_text=_("Needed for another reason. Without figures."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class ExtensionForm(forms.Form):
    """More time for one contributor of a round."""

    institution = forms.ModelChoiceField(Institution.objects.none(), label=_("Institution"))
    until = forms.DateTimeField(label=_("Until (UTC)"), widget=_moment())
    reason = forms.CharField(label=_("Reason"), max_length=LONGEST_REASON)

    def __init__(self, *args: Any, round: Round) -> None:
        super().__init__(*args)
        self.fields["institution"].queryset = round.collection.contributors.active()  # type: ignore[attr-defined]


class DatesForm(forms.Form):
    """When a round is due, how long grace lasts, and whether it closes by itself."""

    due_at = forms.DateTimeField(label=_("Due (UTC)"), widget=_moment())
    grace_until = forms.DateTimeField(
        label=_("Grace until (UTC)"),
        widget=_moment(),
        required=False,
        help_text=_("What comes until then is “in grace”, after that late. Empty: no grace."),
    )
    closes_at = forms.DateTimeField(
        label=_("Closes by itself (UTC)"),
        widget=_moment(),
        required=False,
        help_text=_("Empty: it stays open until somebody closes it."),
    )


class MessageForm(forms.Form):
    """A question or an answer."""

    text = forms.CharField(
        label=_("Message"),
        max_length=LONGEST_MESSAGE,
        help_text=_("Without figures."),
        widget=forms.Textarea(attrs={"rows": 4}),
    )


class AnswerForm(MessageForm):
    show_cells = forms.BooleanField(
        label=_("Also show in which cells this was found"),
        required=False,
        help_text=_("The association then knows the codes of the cells, and may guess whose they are."),
    )


class ReasonForm(forms.Form):
    """Why something is refused, withdrawn or suspended."""

    reason = forms.CharField(label=_("Reason"), max_length=500, widget=forms.Textarea(attrs={"rows": 3}))


class NoteForm(forms.Form):
    """What readers are told with a release."""

    note = forms.CharField(
        label=_("Note to readers"),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Published with the figures. Of a correction: what was wrong, and since when."),
    )


class EmbargoForm(forms.Form):
    """When an approved release is published by itself (UTC)."""

    at = forms.DateTimeField(label=_("Embargo until (UTC)"), widget=_moment())


class CellsForm(forms.Form):
    """Which cells of a release a reviewer lists."""

    indicator = forms.ChoiceField(label=_("Indicator"), required=False)
    peer_group = forms.ChoiceField(label=_("Peer group"), required=False)
    state = forms.ChoiceField(label=_("State"), required=False)

    def __init__(self, *args: Any, release: Release) -> None:
        super().__init__(*args)
        collection = release.round.collection
        indicators = [(each.id, in_language(dict(each.names))) for each in collection.template.indicators]
        states = [(SHOWN, _("Shown")), *REASONS.items()]
        for name, choices in (
            ("indicator", indicators),
            ("peer_group", list(peer_group_names(collection).items())),
            ("state", states),
        ):
            self.fields[name].choices = [("", _("All")), *choices]  # type: ignore[attr-defined]

    def chosen(self) -> dict[str, str]:
        """The choice by field; what is no choice chooses all."""
        self.is_valid()
        return {name: self.cleaned_data.get(name, "") for name in self.fields}


class RoundForm(DatesForm):
    """A round to plan: of which collection, for which period, from when until when (UTC)."""

    collection = forms.ModelChoiceField(Collection.objects.none(), label=_("Collection"), empty_label=None)
    period = forms.CharField(label=_("Reference period"), max_length=10, help_text=_("As in 2026-10, 2026-Q3 or 2026."))
    opens_at = forms.DateTimeField(label=_("Opens (UTC)"), widget=_moment())
    field_order = ("collection", "period", "opens_at", "due_at", "grace_until", "closes_at")

    def __init__(self, *args: Any, person: Person) -> None:
        super().__init__(*args)
        self.fields["collection"].queryset = Collection.objects.visible_to(person)  # type: ignore[attr-defined]
