"""The filters of an analysis."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from consortium.people.models import Person
from sharing.benchmarks.selection import Selection
from sharing.forms import Choices, SelectionForm


class AnalysisForm(SelectionForm):
    """The filters of an analysis: its collection is given, and so are the dimensions that it lays out itself."""

    def __init__(
        self,
        selection: Selection,
        person: Person,
        *,
        shown: Iterable[str],
        more: Iterable[tuple[str, Any, Choices, str]],
    ) -> None:
        super().__init__(selection, person)
        kept = set(shown)
        for name in [name for name in self.fields if name not in kept]:
            del self.fields[name]
        for name, label, choices, chosen in more:
            self._choose(name, label, choices, chosen)
