"""A template as the script of the sealing page needs it: codes with their parents, measures, checks, thresholds."""

from __future__ import annotations

from typing import Any

from anonymize.template import Template
from anonymize.template_protection import counted_with
from sharing.models.collection import in_language

CHECKED_IN_THE_BROWSER = ("sum", "less-or-equal")


def facts_of(template: Template, period: str) -> dict[str, Any]:
    return {
        "id": template.id,
        "version": template.version,
        "period": period,
        "dimensions": [
            {
                "id": each.id,
                "codes": [{"id": code.id, "parent": code.parent} for code in each.code_list.codes],
            }
            for each in template.dimensions
        ],
        "measures": [
            {
                "id": each.id,
                "name": in_language(dict(each.names)),
                "type": each.type,
                "additive": each.additive,
                "unit": each.unit,
            }
            for each in template.measures
        ],
        "checks": [
            {"id": each.id, "kind": each.kind, "severity": each.severity, **each.options}
            for each in template.checks
            if each.kind in CHECKED_IN_THE_BROWSER
        ],
        "protection": {
            "method": template.protection.method,
            "count_measure": template.protection.count_measure,
            "minimum": template.protection.policy.min_contributors,
            "base": _bases(template),
        },
    }


def _bases(template: Template) -> dict[str, float]:
    """Of which number every published value is a multiple, by measure; empty unless the method is rounding."""
    if template.protection.method != "round":
        return {}
    base = template.protection.base
    return {each.id: base[(each if each.additive else counted_with(template, each)).id] for each in template.measures}
