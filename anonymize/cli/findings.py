"""How findings are shown on a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from anonymize.checks import Finding
from anonymize.cli.output import styled


def listed(findings: Iterable[Finding]) -> list[str]:
    """One line a finding, errors first."""
    ordered = sorted(findings, key=lambda finding: finding.severity != "error")
    return [
        f"{styled(finding.severity.capitalize(), finding.severity)} ({finding.rule}): {finding.sentence}"
        for finding in ordered
    ]
