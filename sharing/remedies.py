"""What a broken rule means and what to do, in the reader's language. The cells stand beside it, never a figure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from sharing.models.collection import in_language

if TYPE_CHECKING:
    from anonymize.template import Template
    from sharing.models import Finding

Words = tuple[str | Promise, str | Promise]  # what is wrong, what to do

_TABLE: Words = (
    _("The table is not one of this collection"),
    _("Make the cube anew with the command line and this version of the collection."),
)
_SEALING: Words = (
    _("The package does not open or was not signed by you"),
    _("Fetch the round again, seal with a key that is registered and in force, and send once more."),
)
_NUMBERS: Words = (
    _("A figure is not of the kind that its column takes"),
    _("Look at the column in your tape and in your mapping: whole numbers, not below zero where they count."),
)
_CODES: Words = (
    _("A code is missing, unknown or there twice"),
    _("Map your codes to those of the collection, each cell once."),
)
_STATUS: Words = (
    _("A withheld cell and its status disagree"),
    _("Do not edit a protected cube: protect it with the command line and send that."),
)
_OF_RULE: Mapping[str, Words] = {
    "below-minimum": (
        _("A cell is published with too few borrowers"),
        _("Protect the cube with the command line and send it again."),
    ),
    "recoverable": (
        _("A withheld cell follows from the others"),
        _("Protect the cube with the command line and send it again."),
    ),
    "not-rounded": (
        _("A figure is not rounded as the collection demands"),
        _("Protect the cube with the command line and send it again."),
    ),
    "cannot-be-checked": (
        _("The package could not be checked in several attempts"),
        _("Seal the cube again and send it. If it happens once more, tell the association."),
    ),
    "wrong-period": (
        _("The cube is of another period than the round"),
        _("Choose the tape of the round's reference period and make the cube anew."),
    ),
    "wrong-institution": (
        _("The cube names another institution"),
        _("Set your institution's code in the configuration and make the cube anew."),
    ),
    "wrong-collection": _TABLE,
    "wrong-version": _TABLE,
    "unreadable": _TABLE,
    "empty": _TABLE,
    "too-large": _TABLE,
    "unsupported-media-type": _TABLE,
    "missing-column": _TABLE,
    "duplicate-column": _TABLE,
    "unmapped-column": _TABLE,
    "wrong-type": _NUMBERS,
    "not-finite": _NUMBERS,
    "not-whole": _NUMBERS,
    "negative-count": _NUMBERS,
    "out-of-range": _NUMBERS,
    "missing-code": _CODES,
    "unknown-code": _CODES,
    "duplicate-cell": _CODES,
    "unknown-status": _STATUS,
    "status-disagrees": _STATUS,
}
_OF_KIND: Mapping[str, Words] = {
    "sum": (_("Parts do not add up to their total"), _("Correct the parts or the total.")),
    "less-or-equal": (_("A part is more than the whole"), _("Correct one of the two.")),
    "indicator-within": (
        _("A ratio is outside its possible range"),
        _("Correct its numerator or its denominator."),
    ),
    "outlier": (
        _("A ratio is far from those beside it"),
        _("Make sure that the loans of this code are mapped as they should be."),
    ),
    "period-change-within": (
        _("A figure changed more than usual since the period before"),
        _("Make sure that both periods count the same loans. If it is right, nothing has to be done."),
    ),
    "indicator-change-within": (
        _("A ratio moved more than usual since the period before"),
        _("Make sure that nothing changed in how it is made. If it is right, nothing has to be done."),
    ),
    "mix-shift": (
        _("A share moved more than usual since the period before"),
        _("Make sure that the mapping and the tape are as they were."),
    ),
    "definition-break": (
        _("A code has loans for the first time, or none any more"),
        _("Make sure that your codes still mean what they did, and tell the association when they do not."),
    ),
    "unit-change": (
        _("Amounts look as if they were in another unit"),
        _("Look at the unit of your tape; the mapping's scale sets it right."),
    ),
    "identical-copy": (
        _("The cube is the same as that of the period before"),
        _("Make sure that the tape of this period was read."),
    ),
}


@dataclass(frozen=True)
class Place:
    """A cell in words, and the sentence of the check as it was written."""

    names: list[tuple[str, str]]
    sentence: str


@dataclass(frozen=True)
class Broken:
    """A rule with all cells at which it is broken."""

    rule: str
    severity: str
    severity_words: str
    title: str | Promise
    remedy: str | Promise
    places: list[Place]

    def get_severity_display(self) -> str:
        return self.severity_words


def words_of(rule: str, template: Template) -> Words:
    """The rule in words; the package's own rules, and any that is new here, in general ones."""
    kinds = {check.id: check.kind for check in template.checks}
    if rule in kinds:
        return _OF_KIND[kinds[rule]]
    return _OF_RULE.get(rule, _SEALING)


def by_rule(findings: Iterable[Finding], template: Template) -> Iterator[Broken]:
    """The findings grouped, errors first."""
    found = sorted(findings, key=lambda each: (each.severity != "error", each.rule, each.pk))
    for (severity, rule), group in groupby(found, key=lambda each: (each.severity, each.rule)):
        cells = list(group)
        title, remedy = words_of(rule, template)
        places = [Place(cell_in_words(each.cell, template), each.sentence) for each in cells]
        yield Broken(rule, severity, cells[0].get_severity_display(), title, remedy, places)


def cell_in_words(cell: Mapping[str, str], template: Template) -> list[tuple[str, str]]:
    """Dimension and code by their names, as (name, name); what the template does not know stays as it is."""
    dimensions = {dimension.id: dimension for dimension in template.dimensions}
    names = []
    for id, code in cell.items():
        dimension = dimensions.get(id)
        known = {each.id: each for each in dimension.code_list.codes} if dimension else {}
        label = in_language(dict(dimension.names)) if dimension else id
        names.append((label, in_language(dict(known[code].names)) if code in known else str(code)))
    return names
