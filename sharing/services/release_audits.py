"""The record of a release's audit: kept when it is computed, checked whenever somebody asks.

What is kept has no figure: digests, rules, and for every sensitive sum where it stands and how many of its widths it moves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sharing.benchmarks.pool import cell_keys
from sharing.benchmarks.published import FIGURES, Figures
from sharing.benchmarks.release_audit import ReleaseAudit, system_document
from sharing.models import AuditRecord, Release, ReleaseCell

Row = tuple[Any, ...]  # indicator, peer group, key, figures, contributors, withheld, reason
SAFE = frozenset({"proven", "solved", "one-sided"})


@dataclass(frozen=True)
class Check:
    """One thing that was looked at, what was found, and what to do where it is not as it should be."""

    name: str
    ok: bool
    found: str


def keep(release: Release, audit: ReleaseAudit, cells: str, ledger: Sequence[str]) -> None:
    """Keep the audit with the release; `cells` is the digest of the cells it is about, `ledger` the former releases."""
    document = {**audit.record(), "cells_sha256": cells, "ledger": list(ledger), "release": release.public_id}
    AuditRecord.objects.update_or_create(release=release, defaults={"packed": AuditRecord.pack(document)})


def digest_of_figures(figures: Sequence[Figures], keys: Sequence[str]) -> str:
    """The digest of what these figures are as cells."""
    return _digest(row for each in figures for row in _rows(each, keys))


def digest_of_cells(release: Release) -> str:
    """The digest of the cells in the database."""
    columns = ("indicator", "peer_group", "key", *FIGURES, "contributors", "withheld", "reason")
    return _digest(ReleaseCell.objects.filter(release=release).values_list(*columns).iterator(20_000))


def _rows(figures: Figures, keys: Sequence[str]) -> Iterator[Row]:
    withheld = figures.withheld
    for cell in np.flatnonzero(figures.row).tolist():
        hidden = bool(withheld.flat[cell])
        shown = [getattr(figures, name).flat[cell] for name in FIGURES]
        yield (
            figures.indicator,
            figures.peer_group,
            keys[cell],
            *(None if np.isnan(value) else float(value) for value in shown),
            None if hidden else int(figures.contributors.flat[cell]),
            hidden,
            str(figures.reason.flat[cell]),
        )


def _digest(rows: Iterable[Row]) -> str:
    """SHA-256 over the rows in the order of their names; a figure to its last bit."""
    digest = hashlib.sha256()
    for line in sorted("\0".join(_word(value) for value in row) for row in rows):
        digest.update(line.encode() + b"\n")
    return digest.hexdigest()


def _word(value: Any) -> str:
    return value.hex() if isinstance(value, float) else "" if value is None else str(value)


def record_of(release: Release) -> dict[str, Any] | None:
    """The record as it was kept; None of a release that was computed before records were."""
    kept = AuditRecord.objects.filter(release=release).first()
    return None if kept is None else kept.document


def recomputed(release: Release, record: dict[str, Any]) -> tuple[list[Check], dict[str, Any]]:
    """The checks of a release that is computed and audited again, and the system of equations that was solved.

    ImproperlyConfigured where the vault's key is not; PackageError or Refused when packages or keys are gone.
    """
    from sharing.services import computing  # it keeps records itself

    draft = computing.again(release)
    new = draft.audit.record()
    keys = cell_keys(draft.returns.layout)
    same = [name for name in ("panel_sha256", "statuses", "sizes", "findings") if new[name] == record[name]]
    found = [
        Check(
            "inputs",
            draft.inputs_digest == release.inputs_digest,
            "Packages, template and code are those that the release was computed from.",
        ),
        Check(
            "recomputed",
            digest_of_figures(draft.figures, keys) == record["cells_sha256"],
            "The same packages give the same cells, bit for bit.",
        ),
        Check(
            "audited again",
            draft.ok and "panel_sha256" in same,
            f"The audit of the cells computed now {'passes' if draft.audit.ok else 'fails'}; "
            f"as recorded are: {', '.join(same) or 'nothing'}.",
        ),
    ]
    return found, system_document(draft.audit)


def checks(release: Release, record: dict[str, Any]) -> list[Check]:
    """What can be told without opening a package."""
    cells = ReleaseCell.objects.filter(release=release)
    findings = record["findings"]
    bad = [each for each in findings if each["status"] not in SAFE]
    rules = record["rules"]
    few = cells.filter(withheld=False, contributors__lt=rules["min_contributors"]).count()
    medians = cells.filter(median__isnull=False, contributors__lt=rules["median_minimum"]).count()
    quartiles = cells.filter(p25__isnull=False, contributors__lt=rules["quartiles_minimum"]).count()
    deciles = cells.filter(p10__isnull=False, contributors__lt=rules["deciles_minimum"]).count()
    return [
        Check(
            "cells",
            digest_of_cells(release) == record["cells_sha256"],
            "The cells in the database are those that were audited; if not, do not use them and look for who wrote them.",
        ),
        Check(
            "contributors",
            few == 0,
            f"{few} published cells have fewer than {rules['min_contributors']} contributors; withdraw the release if any.",
        ),
        Check(
            "quantiles",
            medians + quartiles + deciles == 0,
            f"{medians} medians, {quartiles} quartiles and {deciles} deciles have too few contributors.",
        ),
        Check(
            "audit",
            record["ok"] and not bad,
            f"{len(findings)} sensitive sums were audited, {len(bad)} of them are not safe.",
        ),
        Check(
            "passed",
            release.audit_passed == record["ok"] or not release.audit_passed,
            "The release is marked as audited only if the audit passed.",
        ),
        Check(
            "rules",
            release.audit.get("rules") == rules,
            "The rules of the audit are those that the release was protected by.",
        ),
    ]
