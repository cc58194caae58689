"""The shape of what pages send; what it means is checked by the services."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from anonymize.template import Dimension
from consortium.people.models import Person
from sharing.benchmarks.explorer import ALL
from sharing.benchmarks.selection import Selection
from sharing.models import Collection
from sharing.models.collection import in_language

Choices = Iterable[tuple[str, Any]]


def _moment() -> forms.DateTimeInput:
    return forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


class SelectionForm(forms.Form):
    """The explorer's filters for a selection; every field has a value, so nothing has to be checked."""

    def __init__(self, selection: Selection, person: Person) -> None:
        super().__init__(auto_id="choose-%s")
        collections = {row.code: row for row in Collection.objects.visible_to(person).order_by("created_at")}
        self._choose(
            "collection",
            _("Collection"),
            ((c.code, str(c)) for c in collections.values()),
            selection.collection.code,
            is_wide=True,
        )
        indicators = ((i.id, in_language(dict(i.names))) for i in selection.template.indicators)
        self._choose("indicator", _("Indicator"), indicators, selection.indicator.id, is_wide=True)
        for dimension in selection.cut:
            label = in_language(dict(dimension.names))
            self._choose(dimension.id, label, code_choices(dimension), selection.codes[dimension.id])
        groups = ((group.code, str(group)) for group in selection.collection.peer_groups.all())
        self._choose("peers", _("Compared with"), ((ALL, _("All members")), *groups), selection.peer_group)

    def _choose(self, name: str, label: Any, choices: Choices, chosen: str, *, is_wide: bool = False) -> None:
        field = forms.ChoiceField(label=label, choices=list(choices), initial=chosen, required=False)
        field.is_wide = is_wide  # type: ignore[attr-defined]  # read by web/field.html
        self.fields[name] = field


def code_choices(dimension: Dimension) -> Choices:
    """The codes of a dimension, indented along the hierarchy."""
    for code in dimension.code_list.codes:
        depth = len(dimension.code_list.ancestors(code.id)) - 1
        yield code.id, "\u2003" * max(depth - 1, 0) + in_language(dict(code.names))


class PackageForm(forms.Form):
    """A sealed package as a file."""

    package = forms.FileField(
        label=_("Sealed package"),
        help_text=_("The .sealed file that “concord seal” wrote. Nothing but the vault can open it."),
    )

    def __init__(self, *args: Any, limit: int) -> None:
        super().__init__(*args)
        self.limit = limit

    def clean_package(self) -> Any:
        package = self.cleaned_data["package"]
        if package.size > self.limit * 2:
            raise forms.ValidationError(_("The file is too large for this collection. Nothing was stored."))
        return package


class ReasonForm(forms.Form):
    """Why something is refused, withdrawn or suspended."""

    reason = forms.CharField(label=_("Reason"), max_length=500, widget=forms.Textarea(attrs={"rows": 3}))


class RoundForm(forms.Form):
    """A round to plan: of which collection, for which period, from when until when (UTC)."""

    collection = forms.ModelChoiceField(Collection.objects.none(), label=_("Collection"), empty_label=None)
    period = forms.CharField(label=_("Reference period"), max_length=10, help_text=_("As in 2026-10, 2026-Q3 or 2026."))
    opens_at = forms.DateTimeField(label=_("Opens (UTC)"), widget=_moment())
    due_at = forms.DateTimeField(label=_("Due (UTC)"), widget=_moment())

    def __init__(self, *args: Any, person: Person) -> None:
        super().__init__(*args)
        self.fields["collection"].queryset = Collection.objects.visible_to(person)  # type: ignore[attr-defined]
