"""The privacy report: what a compliance officer reads and signs before a cube leaves.

It names the reasons for which cells are withheld, which tell an attacker where to aim: the report stays inside the
institution. `summarize` collects the facts, `render` writes one self-contained page of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any, Literal

import jinja2
import numpy as np
from numpy.typing import NDArray

from anonymize.checks import Finding, where
from anonymize.cube import CONTRIBUTORS, Cells, Cube, arrays, dense, write_cube
from anonymize.disclosure.audit import Audit
from anonymize.identifiers import IdentifierFinding
from anonymize.indicators import indicator_arrays
from anonymize.protect import DOMINANCE, SECONDARY, SMALL_COUNT, Protected
from anonymize.report_words import WORDS
from anonymize.template import TOTAL, Dimension, Names, Template

Language = Literal["en", "zh-Hans"]

SAFE_AT_LEAST = 1.0  # times the width that the rules demand


@dataclass(frozen=True)
class AuditLine:
    """What an outsider could infer at best of one measure; `narrowest` in widths that the rules demand."""

    measure: str
    sensitive: int
    proven: int
    attacked: int
    narrowest: float | None
    ok: bool


@dataclass(frozen=True)
class CodeLoss:
    code: str
    depth: int
    cells: int
    withheld: int
    total_published: bool


@dataclass(frozen=True)
class IndicatorLoss:
    indicator: str
    cells: int
    shown: int


@dataclass(frozen=True)
class Summary:
    """The facts of a privacy report; of single cells only counts."""

    collection: str
    version: str
    period: str
    institution: str
    cells: int
    published: int
    withheld: int
    small_count: int
    dominance: int
    secondary: int
    smallest_before: int
    smallest_after: int | None
    unique_before: int
    unique_after: int
    finest_share_withheld: float
    digest: str
    size: int
    audits: tuple[AuditLine, ...]
    dimensions: Mapping[str, tuple[CodeLoss, ...]]
    indicators: tuple[IndicatorLoss, ...]
    findings: tuple[Finding, ...]
    identifiers: tuple[IdentifierFinding, ...]

    @property
    def may_leave(self) -> bool:
        return all(audit.ok for audit in self.audits) and not any(each.severity == "error" for each in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """The same facts as a JSON object."""
        return asdict(self) | {"may_leave": self.may_leave}


def summarize(
    cells: Cells,
    protected: Protected,
    template: Template,
    findings: Sequence[Finding],
    identifiers: Sequence[IdentifierFinding],
) -> Summary:
    """The facts of one protected cube."""
    content = write_cube(protected.cube)
    contributors = dense(cells.table, template, CONTRIBUTORS)
    withheld = protected.reasons != ""
    there, left = contributors > 0, (contributors > 0) & ~withheld
    return Summary(
        collection=template.id,
        version=template.version,
        period=cells.period,
        institution=protected.cube.institution,
        cells=protected.cube.table.num_rows,
        published=int((~protected.cube.withheld).sum()),
        withheld=int(protected.cube.withheld.sum()),
        small_count=protected.count(SMALL_COUNT),
        dominance=protected.count(DOMINANCE),
        secondary=protected.count(SECONDARY),
        smallest_before=int(contributors[there].min()) if there.any() else 0,
        smallest_after=int(contributors[left].min()) if left.any() else None,
        unique_before=int((contributors == 1).sum()),
        unique_after=int((contributors[left] == 1).sum()),
        finest_share_withheld=_finest_share(contributors, withheld, template),
        digest=hashlib.sha256(content).hexdigest(),
        size=len(content),
        audits=tuple(
            _audit_line(each, protected.audits[each]) for each in template.measure_ids if each in protected.audits
        ),
        dimensions=_losses(there, withheld, template),
        indicators=_indicator_losses(protected.cube, template),
        findings=tuple(findings),
        identifiers=tuple(identifiers),
    )


def render(summary: Summary, template: Template, language: Language, at: datetime) -> str:
    """The report as one HTML page that needs nothing else: no script, no font, no network."""
    words = {name: texts[language] for name, texts in WORDS.items()}

    def named(names: Names) -> str:
        return names.get(language) or names["en"]

    return _page().render(
        summary=summary,
        template=template,
        policy=template.protection.policy,
        language=language,
        words=words,
        named=named,
        where=where,
        at=f"{at:%Y-%m-%d %H:%M} UTC",
        share=_share,
    )


def _audit_line(measure: str, audit: Audit) -> AuditLine:
    ratios = [
        max(SAFE_AT_LEAST, (each.fall + each.rise) / (each.needed_fall + each.needed_rise))
        if each.status != "narrow" and each.status != "published"
        else 0.0
        for each in audit.findings
        if each.needed_fall + each.needed_rise > 0
    ]
    proven = sum(each.status == "proven" for each in audit.findings)
    return AuditLine(
        measure=measure,
        sensitive=len(audit.findings),
        proven=proven,
        attacked=len(audit.findings) - proven,
        narrowest=min(ratios) if ratios else None,
        ok=audit.ok,
    )


def _finest_share(contributors: NDArray[np.float64], withheld: NDArray[np.bool_], template: Template) -> float:
    """The share of borrowers, as the finest cells count them, who are in withheld ones."""
    axes = [
        [dimension.code_list.index[code] for code in dimension.code_list.leaves] for dimension in template.dimensions
    ]
    finest = np.ix_(*axes)
    total = float(contributors[finest].sum())
    return float(contributors[finest][withheld[finest]].sum()) / total if total else 0.0


def _losses(
    there: NDArray[np.bool_], withheld: NDArray[np.bool_], template: Template
) -> dict[str, tuple[CodeLoss, ...]]:
    """For each dimension its codes that have cells, with how many of these are withheld."""
    losses: dict[str, tuple[CodeLoss, ...]] = {}
    for axis, dimension in enumerate(template.dimensions):
        others = tuple(each for each in range(there.ndim) if each != axis)
        cells, hidden = there.sum(axis=others), (there & withheld).sum(axis=others)
        totals = tuple(
            slice(None) if each == axis else its.code_list.index[TOTAL] for each, its in enumerate(template.dimensions)
        )
        published = ~withheld[totals]
        losses[dimension.id] = tuple(
            CodeLoss(code, _depth(dimension, code), int(cells[at]), int(hidden[at]), bool(published[at]))
            for at, code in enumerate(dimension.code_list.ids)
            if cells[at]
        )
    return losses


def _depth(dimension: Dimension, code: str) -> int:
    return len(dimension.code_list.ancestors(code)) - 1


def _indicator_losses(cube: Cube, template: Template) -> tuple[IndicatorLoss, ...]:
    """For each indicator the cells with a denominator, and those of them whose rate can be shown."""
    values = arrays(cube, template)
    losses = []
    for indicator in template.indicators:
        numerator, denominator = indicator_arrays(values, template, indicator)
        there = ~(denominator == 0)
        shown = there & ~np.isnan(numerator) & ~np.isnan(denominator)
        losses.append(IndicatorLoss(indicator.id, int(there.sum()), int(shown.sum())))
    return tuple(losses)


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.1%}" if whole else "–"


@cache
def _page() -> jinja2.Template:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    source = resources.files("anonymize").joinpath("report.html").read_text(encoding="utf-8")
    return environment.from_string(source)
