"""How `submit` tells what became of a package, and what states and findings are called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

from anonymize.cli.output import Output, table
from anonymize.sending import Delivery

ENDINGS = {
    "received": "received, not decided yet",
    "accepted": "accepted",
    "checked": "checked, does not count",
    "rejected": "rejected; correct it and send again",
    "awaiting_approval": "waiting for your approver in the portal",
    "superseded": "superseded by a later version",
    "withdrawn": "withdrawn",
}


def tell(output: Output, delivery: Delivery) -> None:
    """Prints submission and findings; ends with exit code 1 when the submission was rejected."""
    submission, state = delivery.submission, str(delivery.submission["state"])
    document = {
        "submission": submission["id"],
        "round": delivery.receipt.round_id,
        "version": delivery.receipt.version,
        "state": state,
        "receipt": str(delivery.receipt_file),
        "findings": list(delivery.findings),
    }
    lines = [f"Submission {submission['id']} (version {delivery.receipt.version}) is {ENDINGS.get(state, state)}."]
    if delivery.findings:
        lines.append(findings_table(delivery.findings))
    output.result(document, "\n".join(lines))
    if delivery.is_refused:
        raise click.exceptions.Exit(1)


def findings_table(findings: Iterable[Mapping[str, Any]]) -> str:
    return table(("severity", "rule", "cell", "finding"), map(_row, findings))


def _row(finding: Mapping[str, Any]) -> tuple[object, ...]:
    where = " ".join(f"{name}={code}" for name, code in (finding.get("cell") or {}).items())
    return finding.get("severity", ""), finding.get("rule", ""), where, finding.get("sentence", "")
