"""The facts of a privacy report: what leaves, what was removed and why, what could still be inferred, what it cost.

Of single cells there are only counts here, and no figure of the cube: a report is read, copied and e-mailed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonymize.checks import Finding
from anonymize.cube import CONTRIBUTORS, Cells, Cube, arrays, dense, write_cube
from anonymize.disclosure.audit import NARROW, PROVEN, PUBLISHED, Audit, Finding as Audited
from anonymize.identifiers import IdentifierFinding
from anonymize.indicators import indicator_arrays
from anonymize.protect import DOMINANCE, SECONDARY, SMALL_COUNT, Protected
from anonymize.protection.noise import cut_off
from anonymize.template import TOTAL, Dimension, Template

Flags = NDArray[np.bool_]

SAFE_AT_LEAST = 1.0  # times the width that the rules demand
GROUP_SIZES = (1, 2, 3, 5, 10, 50)  # borrowers who share a cell: each band begins here and ends before the next
INTERVALS = (1.0, 2.0, 5.0, 10.0)  # times the width demanded, in the same way


@dataclass(frozen=True)
class Provenance:
    """What the cube was made of; names of files without their folders."""

    files: tuple[str, ...]
    rows: int
    columns_used: tuple[str, ...]
    mapping_sha256: str  # "" where the mapping was no file
    template_sha256: str
    software: str


@dataclass(frozen=True)
class AuditLine:
    """What an outsider could infer at best of one measure; `narrowest` in widths that the rules demand.

    `intervals` counts the attacked cells in each band of INTERVALS; a proven cell keeps its width at least.
    """

    measure: str
    sensitive: int
    proven: int
    attacked: int
    narrowest: float | None
    intervals: tuple[int, ...]
    ok: bool


@dataclass(frozen=True)
class GroupSize:
    """Borrowers, as the finest cells count them, who share their cell with as many as the band says."""

    least: int
    most: int | None
    before: int
    after: int


@dataclass(frozen=True)
class DetailLoss:
    """Cells broken down by so many dimensions, and how many of them are published."""

    breakdowns: int
    cells: int
    published: int


@dataclass(frozen=True)
class MeasureLoss:
    """Of one measure the share in withheld finest cells, and the standard error of published values.

    Errors are relative: of the grand total, and the median and the largest of the totals of single codes. `cut_off` is
    the share of the total that bounds on single borrowers cut off before noise was added.
    """

    measure: str
    share_withheld: float
    error_total: float
    error_typical: float
    error_largest: float
    cut_off: float = 0.0


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
    group_sizes: tuple[GroupSize, ...]
    details: tuple[DetailLoss, ...]
    measures: tuple[MeasureLoss, ...]
    method: str
    repeatable: bool
    digest: str
    size: int
    audits: tuple[AuditLine, ...]
    dimensions: Mapping[str, tuple[CodeLoss, ...]]
    indicators: tuple[IndicatorLoss, ...]
    findings: tuple[Finding, ...]
    identifiers: tuple[IdentifierFinding, ...]
    provenance: Provenance | None
    together_with: tuple[str, ...] = ()

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
    provenance: Provenance | None = None,
    together_with: Sequence[str] = (),
) -> Summary:
    """The facts of one protected cube; `provenance` is None where it was not made from a tape.

    `together_with` are the other collections whose cubes of the same tape were protected with this one.
    """
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
        group_sizes=_group_sizes(contributors, withheld, template),
        details=_details(there, withheld, template),
        measures=_measure_losses(cells, protected, template),
        method=protected.method,
        repeatable=protected.repeatable,
        digest=hashlib.sha256(content).hexdigest(),
        size=len(content),
        audits=tuple(
            _audit_line(each, protected.audits[each]) for each in template.measure_ids if each in protected.audits
        ),
        dimensions=_losses(there, withheld, template),
        indicators=_indicator_losses(protected.cube, template),
        findings=tuple(findings),
        identifiers=tuple(identifiers),
        provenance=provenance,
        together_with=tuple(together_with),
    )


def _audit_line(measure: str, audit: Audit) -> AuditLine:
    ratios = [_width(each) for each in audit.findings if each.needed_fall + each.needed_rise > 0]
    proven = sum(each.status == PROVEN for each in audit.findings)
    attacked = [_width(each) for each in audit.findings if each.status not in (PROVEN, PUBLISHED)]
    return AuditLine(
        measure=measure,
        sensitive=len(audit.findings),
        proven=proven,
        attacked=len(audit.findings) - proven,
        narrowest=min(ratios) if ratios else None,
        intervals=tuple(np.histogram(attacked, [*INTERVALS, np.inf])[0].tolist()),
        ok=audit.ok,
    )


def _width(found: Audited) -> float:
    """The interval an attacker is left with, in widths that the rules demand; 0 where it is too narrow."""
    if found.status in (NARROW, PUBLISHED):
        return 0.0
    needed = found.needed_fall + found.needed_rise
    return max(SAFE_AT_LEAST, (found.fall + found.rise) / needed) if needed else float("inf")


def _finest(template: Template) -> tuple[NDArray[np.int64], ...]:
    """The place of the finest cells in the lattice."""
    axes = [[each.code_list.index[code] for code in each.code_list.leaves] for each in template.dimensions]
    return np.ix_(*axes)


def _finest_share(contributors: NDArray[np.float64], withheld: Flags, template: Template) -> float:
    """The share of borrowers, as the finest cells count them, who are in withheld ones."""
    return _share_withheld(contributors, withheld, _finest(template))


def _share_withheld(values: NDArray[np.float64], withheld: Flags, finest: tuple[NDArray[np.int64], ...]) -> float:
    shown = np.abs(values[finest])
    total = float(shown.sum())
    return float(shown[withheld[finest]].sum()) / total if total else 0.0


def _group_sizes(contributors: NDArray[np.float64], withheld: Flags, template: Template) -> tuple[GroupSize, ...]:
    finest = _finest(template)
    sizes, left = contributors[finest].ravel(), ~withheld[finest].ravel()
    band = np.digitize(sizes, GROUP_SIZES)  # 0 for cells without borrowers
    before = np.bincount(band, sizes, len(GROUP_SIZES) + 1)
    after = np.bincount(band, sizes * left, len(GROUP_SIZES) + 1)
    ends = (*(start - 1 for start in GROUP_SIZES[1:]), None)
    return tuple(
        GroupSize(least, most, int(before[at]), int(after[at]))
        for at, (least, most) in enumerate(zip(GROUP_SIZES, ends, strict=True), start=1)
    )


def _details(there: Flags, withheld: Flags, template: Template) -> tuple[DetailLoss, ...]:
    """Published cells by the number of dimensions that break them down."""
    breakdowns = np.zeros(there.shape, np.int64)
    for axis, dimension in enumerate(template.dimensions):
        cut = np.array([code != TOTAL for code in dimension.code_list.ids])
        breakdowns += cut.reshape([-1 if each == axis else 1 for each in range(there.ndim)])
    cells = np.bincount(breakdowns[there], minlength=there.ndim + 1)
    published = np.bincount(breakdowns[there & ~withheld], minlength=there.ndim + 1)
    return tuple(DetailLoss(at, int(cells[at]), int(published[at])) for at in range(there.ndim + 1) if cells[at])


def _measure_losses(cells: Cells, protected: Protected, template: Template) -> tuple[MeasureLoss, ...]:
    losses = tuple(_measure_loss(each, cells, protected, template) for each in template.measure_ids)
    if protected.method != "noise":
        return losses
    shares = cut_off(cells, template)
    return tuple(replace(each, cut_off=shares.get(each.measure, 0.0)) for each in losses)


def _measure_loss(measure: str, cells: Cells, protected: Protected, template: Template) -> MeasureLoss:
    values, withheld = dense(cells.table, template, measure), protected.reasons != ""
    errors = np.divide(protected.errors[measure], np.abs(values), out=np.zeros(values.shape), where=values != 0)
    headlines = np.concatenate([errors[line][_shown(values, withheld, line)] for line in _lines(template)])
    return MeasureLoss(
        measure=measure,
        share_withheld=_share_withheld(values, withheld, _finest(template)),
        error_total=float(errors[(0,) * values.ndim]),
        error_typical=float(np.median(headlines)) if headlines.size else 0.0,
        error_largest=float(headlines.max(initial=0.0)),
    )


def _lines(template: Template) -> list[tuple[int | slice, ...]]:
    """For each dimension its codes below the total, at the totals of all others; the total is the first code."""
    axes = range(len(template.dimensions))
    return [tuple(slice(1, None) if each == axis else 0 for each in axes) for axis in axes]


def _shown(values: NDArray[np.float64], withheld: Flags, line: tuple[int | slice, ...]) -> Flags:
    shown: Flags = (values[line] != 0) & ~withheld[line]
    return shown


def _losses(there: Flags, withheld: Flags, template: Template) -> dict[str, tuple[CodeLoss, ...]]:
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
