"""What is kept of an audit: enough for a statistician to judge it and for a machine to solve it again."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from sharing.benchmarks.pool import cell_keys
from sharing.benchmarks.release_audit.targets import Target
from sharing.benchmarks.release_audit.unknowns import Unknowns

if TYPE_CHECKING:
    from sharing.benchmarks.release_audit.audit import ReleaseAudit

FORMAT = 1


def record_of(audit: ReleaseAudit) -> dict[str, Any]:
    """The record: rules, sizes, seconds, and for every target where it stands, why, and how wide it stays."""
    unknowns = audit.unknowns
    return {
        "format": FORMAT,
        "ok": audit.ok,
        "rules": audit.policy.to_dict(),
        "panel_sha256": panel_digest(unknowns),
        "versions": len(unknowns.versions),
        "members": len(unknowns.names),
        "atoms": len(unknowns.atoms),
        "sizes": audit.sizes,
        "statuses": audit.statuses,
        "solver": audit.solver,
        "seconds": audit.seconds,
        "measures": _by_measure(audit),
        "findings": [
            {
                **place_of(unknowns, finding.target),
                "reason": finding.target.reason,
                "status": finding.status,
                "rise": round(finding.rise, 6),
                "fall": round(finding.fall, 6),
                "solver": finding.solver,
            }
            for finding in audit.findings
        ],
    }


def panel_digest(unknowns: Unknowns) -> str:
    """SHA-256 over who contributes and every figure of every version, as 8-byte floats."""
    digest = hashlib.sha256()
    for version in unknowns.versions:
        digest.update("\0".join(version.panel.contributors).encode())
        digest.update(np.ascontiguousarray(version.panel.values, dtype="<f8").tobytes())
        digest.update(np.packbits(version.panel.present).tobytes())
    return digest.hexdigest()


def place_of(unknowns: Unknowns, target: Target) -> dict[str, Any]:
    """Where a target stands: kind, measure and codes of its part, peer groups with the same atoms or their number, key."""
    part = unknowns.layout.parts[target.part]
    groups = sorted(
        f"{group}" if version == 0 else f"{group}@{version}"
        for (version, group), atoms in unknowns.groups.items()
        if atoms == target.atoms
    )
    return {
        "kind": target.kind.split(":")[0],
        "measure": part.measure,
        "codes": dict(part.where),
        "groups": groups or [f"atoms {'+'.join(map(str, sorted(target.atoms)))}"],
        "key": key_of(unknowns, target.cell),
    }


def key_of(unknowns: Unknowns, cell: int) -> str:
    """The series key of a cell; a remainder is `_U:` with the code that it is the remainder of."""
    codes = np.unravel_index(cell, unknowns.shape) if unknowns.shape else ()
    words = []
    for code, axis, dimension in zip(codes, unknowns.axes, unknowns.layout.cut, strict=True):
        ids = dimension.code_list.ids
        words.append(ids[int(code)] if code < axis.originals else f"_U:{ids[axis.parents[int(code)]]}")
    return ".".join(words)


def system_document(audit: ReleaseAudit) -> dict[str, Any]:
    """The system as it was solved, for a checker that is not Concord; it holds every member's figures.

    Sparse matrices are lists of [row, column, entry]. Owners have numbers, no names; `targets` are in the order of
    `findings` without those that are published.
    """
    room, prover = audit.prover.room, audit.prover
    live = [place for place, finding in enumerate(audit.findings) if not finding.target.published]
    held = room.held.tocoo()
    return {
        "coalition": room.coalition,
        "equations": _triplets(prover.matrix),
        "held": [
            [int(row), int(column), 0.0 if abs(value) < 1e-200 else float(value)]
            for row, column, value in zip(held.row, held.col, held.data, strict=True)
        ],
        "owners": int(room.held.shape[0]),
        "columns": [
            {"bounded": bool(finest and not signed), "remainder": bool(rest)}
            for finest, signed, rest in zip(room.finest, room.signed, room.remainder, strict=True)
        ],
        "targets": [
            {
                "terms": [[column, sign] for _row, column, sign in _triplets(prover.aims[[place]])],
                "largest_of": [float(each) for each in audit.findings[place].target.held(audit.unknowns)],
                "few": audit.findings[place].target.reason == "A",
                "finding": place,
            }
            for place in live
        ],
        "p_percent": audit.policy.p_percent,
    }


def _triplets(matrix: Any) -> list[list[float]]:
    found = matrix.tocoo()
    return [
        [int(row), int(column), float(entry)]
        for row, column, entry in zip(found.row, found.col, found.data, strict=True)
    ]


def _by_measure(audit: ReleaseAudit) -> list[dict[str, Any]]:
    """For each measure: sensitive sums by reason and status, and the narrowest interval."""
    found = []
    parts = audit.unknowns.layout.parts
    for measure in dict.fromkeys(part.measure for part in parts):
        mine = [each for each in audit.findings if parts[each.target.part].measure == measure]
        found.append(
            {
                "measure": measure,
                "targets": len(mine),
                "kinds": dict(sorted(Counter(each.target.kind.split(":")[0] for each in mine).items())),
                "reasons": dict(sorted(Counter(each.target.reason for each in mine).items())),
                "statuses": dict(sorted(Counter(each.status for each in mine).items())),
                "narrowest": min((round(max(each.rise, each.fall), 6) for each in mine), default=None),
            }
        )
    return found


def failed_cells(audit: ReleaseAudit) -> list[tuple[str, str, str]]:
    """The published cells of the audited version in which a failing target lies, or which break it down: withholding
    some of them opens it.
    """
    unknowns, layout = audit.unknowns, audit.unknowns.layout
    keys = cell_keys(layout)
    found: dict[tuple[str, str, str], None] = {}
    for finding in audit.failed:
        target = finding.target
        codes = np.unravel_index(target.cell, unknowns.shape) if unknowns.shape else ()
        place = tuple(
            int(code) if code < axis.originals else axis.parents[int(code)]
            for code, axis in zip(codes, unknowns.axes, strict=True)
        )
        flat = int(np.ravel_multi_index(place, layout.shape)) if place else 0
        for (indicator, group), shown in unknowns.versions[0].shown.items():
            parts = layout.template.indicator(indicator)
            uses = target.part in (layout.part(parts.numerator), layout.part(parts.denominator))
            near = unknowns.groups.get((0, group), frozenset()) & target.atoms
            if uses and near and shown.flat[flat]:
                found[indicator, group, keys[flat]] = None
    return list(found)
