"""The collection template as typed values.

A template says what is collected: dimensions with their code lists, measures, indicators, checks, the protection a
member must have applied and the disclosure rules of a release. It is a JSON document (contracts.md, section 2),
versioned; `load` reads a shipped one, `parse` any.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from typing import Any, Literal, TypeVar

from anonymize.disclosure.policy import DisclosurePolicy
from anonymize.errors import TemplateError
from anonymize.template_protection import Method, Protection, check_protection, parse_protection

__all__ = [
    "TOTAL",
    "CellKey",
    "Check",
    "Code",
    "CodeList",
    "Dimension",
    "Frequency",
    "Indicator",
    "Measure",
    "MeasureType",
    "Method",
    "Names",
    "Part",
    "Protection",
    "Template",
    "load",
    "parse",
    "series_key",
    "shipped",
]

TOTAL = "_T"
SHIPPED = "anonymize.templates"
CODE_LISTS = "anonymize.templates.code_lists"

Names = Mapping[str, str]  # language tag -> text; "en" is always there
CHECK_KINDS = frozenset(
    [
        "sum",
        "less-or-equal",
        "period-change-within",
        "mix-shift",
        "definition-break",
        "unit-change",
        "identical-copy",
        "indicator-change-within",
        "indicator-within",
        "outlier",
    ]
)

Frequency = Literal["M", "Q", "A"]
MeasureType = Literal["count", "amount"]
Named = TypeVar("Named", "Dimension", "Measure", "Indicator")
CellKey = tuple[str, ...]  # one code for each dimension, in the template's order

_PERIODS: Mapping[str, re.Pattern[str]] = {
    "M": re.compile(r"^\d{4}-(0[1-9]|1[0-2])$"),
    "Q": re.compile(r"^\d{4}-Q[1-4]$"),
    "A": re.compile(r"^\d{4}$"),
}


@dataclass(frozen=True)
class Code:
    """One code of a code list; `parent` is None only for the total."""

    id: str
    names: Names
    parent: str | None = None


@dataclass(frozen=True)
class CodeList:
    """A hierarchy of codes whose root is the total `_T`; parents come before their children."""

    codes: tuple[Code, ...]

    @cached_property
    def by_id(self) -> Mapping[str, Code]:
        return {code.id: code for code in self.codes}

    @cached_property
    def ids(self) -> tuple[str, ...]:
        return tuple(code.id for code in self.codes)

    @cached_property
    def index(self) -> Mapping[str, int]:
        """The place of each code in the list, which is its index in a dense array."""
        return {code.id: place for place, code in enumerate(self.codes)}

    @cached_property
    def leaves(self) -> tuple[str, ...]:
        """Codes without children, in the list's order."""
        parents = {code.parent for code in self.codes}
        return tuple(code.id for code in self.codes if code.id not in parents)

    @cached_property
    def parents(self) -> tuple[int, ...]:
        """The index of each code's parent, -1 for the total."""
        return tuple(-1 if code.parent is None else self.index[code.parent] for code in self.codes)

    def children(self, code: str) -> tuple[str, ...]:
        return tuple(each.id for each in self.codes if each.parent == code)

    def ancestors(self, code: str) -> tuple[str, ...]:
        """The code itself, then its parents up to the total."""
        path = [code]
        while (parent := self.by_id[path[-1]].parent) is not None:
            path.append(parent)
        return tuple(path)


@dataclass(frozen=True)
class Dimension:
    id: str
    names: Names
    code_list: CodeList


@dataclass(frozen=True)
class Measure:
    """`additive` is false for distinct counts, whose parts may add up to more than the total."""

    id: str
    names: Names
    type: MeasureType
    unit: str
    decimals: int = 0
    additive: bool = True


@dataclass(frozen=True)
class Part:
    """One side of an indicator: a measure at fixed codes of some dimensions."""

    measure: str
    where: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Indicator:
    """A ratio of two parts. The dimensions that neither part fixes are its cut."""

    id: str
    names: Names
    numerator: Part
    denominator: Part
    format: Literal["percent", "number"] = "percent"
    higher_is_worse: bool = True


@dataclass(frozen=True)
class Check:
    """An arithmetic or plausibility rule; `options` are the kind's own (tolerance, measures, limits)."""

    id: str
    kind: str  # one of CHECK_KINDS
    severity: Literal["error", "warning"]
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Template:
    id: str
    version: str
    names: Names
    descriptions: Names
    frequency: Frequency
    dimensions: tuple[Dimension, ...]
    measures: tuple[Measure, ...]
    indicators: tuple[Indicator, ...]
    checks: tuple[Check, ...]
    protection: Protection
    disclosure: DisclosurePolicy
    confidentiality: Literal["sealed", "blind"]
    source: Mapping[str, Any] = field(compare=False, repr=False)  # the document as it was read

    @cached_property
    def dimension_ids(self) -> tuple[str, ...]:
        return tuple(dimension.id for dimension in self.dimensions)

    @cached_property
    def measure_ids(self) -> tuple[str, ...]:
        return tuple(measure.id for measure in self.measures)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The number of codes of each dimension: the shape of the lattice of all possible cells."""
        return tuple(len(dimension.code_list.codes) for dimension in self.dimensions)

    def dimension(self, id: str) -> Dimension:
        return _named(self.dimensions, id, f"Template {self.id}: there is no dimension {id!r}.")

    def measure(self, id: str) -> Measure:
        return _named(self.measures, id, f"Template {self.id}: there is no measure {id!r}.")

    def indicator(self, id: str) -> Indicator:
        return _named(self.indicators, id, f"Template {self.id}: there is no indicator {id!r}.")

    def cut(self, indicator: Indicator) -> tuple[Dimension, ...]:
        """The dimensions by which an indicator can be broken down, in the template's order."""
        fixed = set(indicator.numerator.where) | set(indicator.denominator.where)
        return tuple(dimension for dimension in self.dimensions if dimension.id not in fixed)

    def check_period(self, period: str) -> str:
        """The period itself; TemplateError when it is not of the template's frequency."""
        if not _PERIODS[self.frequency].match(period):
            examples = {"M": "2026-10", "Q": "2026-Q3", "A": "2026"}
            raise TemplateError(
                f"Period {period!r} does not fit collection {self.id}, whose periods look like "
                f"{examples[self.frequency]}.",
                rule="wrong-period",
            )
        return period


def load(collection: str) -> Template:
    """The template that ships with the package under this id."""
    file = resources.files(SHIPPED) / f"{collection}.json"
    if not file.is_file():
        known = ", ".join(shipped())
        raise TemplateError(f"No template {collection!r} ships with this version; there are: {known}.")
    return parse(_with_code_lists(json.loads(file.read_text(encoding="utf-8"))))


def _with_code_lists(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with the codes of every shared code list in place, so that it stands alone."""
    return {**document, "dimensions": [_with_codes(each) for each in document["dimensions"]]}


def _with_codes(dimension: Mapping[str, Any]) -> dict[str, Any]:
    if "code_list" not in dimension:
        return dict(dimension)
    file = resources.files(CODE_LISTS) / f"{dimension['code_list']}.json"
    own = {member: value for member, value in dimension.items() if member != "code_list"}
    return {**own, "codes": json.loads(file.read_text(encoding="utf-8"))}


def shipped() -> tuple[str, ...]:
    """The ids of the templates in the package, in order."""
    names = (file.name for file in resources.files(SHIPPED).iterdir())
    return tuple(sorted(name.removesuffix(".json") for name in names if name.endswith(".json")))


def parse(document: Mapping[str, Any]) -> Template:
    """A template from its JSON document; TemplateError names the place that is wrong."""
    try:
        template = _template(document)
    except KeyError as missing:
        raise TemplateError(f"The template lacks the member {missing}.") from missing
    except (TypeError, AttributeError, ValueError) as wrong:
        raise TemplateError(f"The template is not of the published form: {wrong}.") from wrong
    _check_references(template)
    return template


def _template(document: Mapping[str, Any]) -> Template:
    return Template(
        id=document["id"],
        version=document["version"],
        names=document["name"],
        descriptions=document["description"],
        frequency=document["frequency"],
        dimensions=tuple(_dimension(each) for each in document["dimensions"]),
        measures=tuple(_measure(each) for each in document["measures"]),
        indicators=tuple(_indicator(each) for each in document["indicators"]),
        checks=tuple(_check(each) for each in document["checks"]),
        protection=parse_protection(document["protection"]),
        disclosure=DisclosurePolicy.from_dict(document["disclosure"]),
        confidentiality=document["confidentiality"],
        source=document,
    )


def _dimension(document: Mapping[str, Any]) -> Dimension:
    codes = tuple(Code(each["id"], each["name"], each.get("parent")) for each in document["codes"])
    return Dimension(document["id"], document["name"], CodeList(codes))


def _measure(document: Mapping[str, Any]) -> Measure:
    return Measure(
        id=document["id"],
        names=document["name"],
        type=document["type"],
        unit=document["unit"],
        decimals=document.get("decimals", 0),
        additive=document.get("additive", True),
    )


def _indicator(document: Mapping[str, Any]) -> Indicator:
    return Indicator(
        id=document["id"],
        names=document["name"],
        numerator=Part(document["numerator"]["measure"], document["numerator"].get("where", {})),
        denominator=Part(document["denominator"]["measure"], document["denominator"].get("where", {})),
        format=document.get("format", "percent"),
        higher_is_worse=document.get("direction", "higher-is-worse") == "higher-is-worse",
    )


def _check(document: Mapping[str, Any]) -> Check:
    options = {key: value for key, value in document.items() if key not in {"id", "kind", "severity"}}
    return Check(document["id"], document["kind"], document["severity"], options)


def _check_references(template: Template) -> None:
    for dimension in template.dimensions:
        _check_hierarchy(dimension)
    for indicator in template.indicators:
        for part in (indicator.numerator, indicator.denominator):
            template.measure(part.measure)
            for dimension_id, code in part.where.items():
                if code not in template.dimension(dimension_id).code_list.by_id:
                    raise TemplateError(f"Indicator {indicator.id}: {dimension_id} has no code {code!r}.")
        if set(indicator.numerator.where) != set(indicator.denominator.where):
            raise TemplateError(f"Indicator {indicator.id}: both parts must fix the same dimensions.")
    for check in template.checks:
        _check_options(check, template)
    check_protection(template)


def _check_options(check: Check, template: Template) -> None:
    """TemplateError when a check is of no known kind, or names a measure, dimension or indicator that is not there."""
    if check.kind not in CHECK_KINDS:
        raise TemplateError(
            f"Check {check.id}: there is no kind {check.kind!r}; there are: {', '.join(sorted(CHECK_KINDS))}."
        )
    for key, find in (
        ("measure", template.measure),
        ("left", template.measure),
        ("right", template.measure),
        ("measures", template.measure),
        ("dimensions", template.dimension),
        ("indicator", template.indicator),
    ):
        named = check.options.get(key, ())
        for each in [named] if isinstance(named, str) else named:
            find(each)


def _check_hierarchy(dimension: Dimension) -> None:
    seen: set[str] = set()
    for code in dimension.code_list.codes:
        if code.id in seen:
            raise TemplateError(f"Dimension {dimension.id}: code {code.id!r} is there twice.")
        if (code.parent is None) != (code.id == TOTAL):
            raise TemplateError(f"Dimension {dimension.id}: only {TOTAL} has no parent; look at {code.id!r}.")
        if code.parent is not None and code.parent not in seen:
            raise TemplateError(f"Dimension {dimension.id}: the parent of {code.id!r} must come before it.")
        seen.add(code.id)
    if TOTAL not in seen:
        raise TemplateError(f"Dimension {dimension.id}: there is no total {TOTAL}.")


def _named(values: Sequence[Named], id: str, otherwise: str) -> Named:
    for value in values:
        if value.id == id:
            return value
    raise TemplateError(otherwise)


def series_key(key: Sequence[str]) -> str:
    """The SDMX series key of a cell: its codes joined by dots."""
    return ".".join(key)
