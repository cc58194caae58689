"""What a template says of protection at the member: the method, its rules and its parameters.

```json
"protection": {
  "method": "round",
  "count_measure": "BORROWERS",
  "rules": {"min_contributors": 10, "p_percent": 15, "coalition": 0},
  "base": {"ACCOUNTS": 10, "BALANCE": 100000}
}
```
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from anonymize.disclosure.noise import NoiseRules
from anonymize.disclosure.policy import DisclosurePolicy
from anonymize.errors import TemplateError

if TYPE_CHECKING:
    from anonymize.template import Measure, Template

Method = Literal["none", "suppress", "merge", "round", "noise"]


@dataclass(frozen=True)
class Protection:
    """What a member must have applied before a cube leaves (disclosure.md, part A).

    `base` is, for the method `round`, the number of which every published value of an additive measure is a multiple.
    """

    method: Method
    policy: DisclosurePolicy
    count_measure: str | None = None  # the measure that counts contributors
    base: Mapping[str, float] = field(default_factory=dict)
    noise: NoiseRules | None = None  # there for the method noise, and only there


def parse_protection(document: Mapping[str, Any]) -> Protection:
    """The protection of a template's JSON object; TemplateError for a method that does not exist."""
    method = document["method"]
    if method not in get_args(Method):
        raise TemplateError(f"There is no protection method {method!r}; there are: {', '.join(get_args(Method))}.")
    return Protection(
        method=method,
        policy=DisclosurePolicy.from_dict(document.get("rules", {})),
        count_measure=document.get("count_measure"),
        base=dict(document.get("base", {})),
        noise=NoiseRules.from_dict(document["noise"]) if "noise" in document else None,
    )


def check_protection(template: Template) -> None:
    """TemplateError when the parameters of protection do not fit the template's measures."""
    protection = template.protection
    if protection.count_measure is not None:
        template.measure(protection.count_measure)
    if protection.base and protection.method != "round":
        raise TemplateError(f"Template {template.id}: only the method round has a base.")
    for id in protection.base:
        template.measure(id)
    if protection.method == "round":
        for measure in template.measures:
            _check_base(template, measure)
    _check_noise(template)


def _check_base(template: Template, measure: Measure) -> None:
    about = f"Template {template.id}, protection of {measure.id}"
    base = template.protection.base.get(measure.id)
    if not measure.additive:
        counted_with(template, measure)
        if base is not None:
            raise TemplateError(f"{about}: a distinct count takes the base of the count it is a part of; leave it out.")
        return
    if base is None:
        raise TemplateError(f"{about}: the method round needs a base for every additive measure.")
    units = base * 10**measure.decimals
    if not (1 < units < 2**53 and abs(units - round(units)) < 1e-6):
        raise TemplateError(f"{about}: the base must be a whole multiple of the last decimal, and more than one.")
    least = template.protection.policy.min_contributors
    if measure.type == "count" and base < least:
        # Else a count below the minimum would be published as a count below the minimum.
        raise TemplateError(f"{about}: the base of a count must be at least min_contributors, which is {least}.")


def _check_noise(template: Template) -> None:
    protection = template.protection
    if (protection.noise is None) != (protection.method != "noise"):
        raise TemplateError(f"Template {template.id}: the method noise, and no other, has the member noise.")
    if protection.noise is None:
        return
    if set(protection.noise.bounds) != set(template.measure_ids):
        raise TemplateError(
            f"Template {template.id}: the method noise needs a bound for every measure, and for nothing else."
        )
    for measure in template.measures:
        units = protection.noise.bounds[measure.id] * 10**measure.decimals
        if not (1 <= units < 2**53 and abs(units - round(units)) < 1e-6):
            raise TemplateError(
                f"Template {template.id}: the bound of {measure.id} must be a whole multiple of its last decimal."
            )


def base_units(template: Template, measure: Measure) -> int:
    """The base of an additive measure in units of its last decimal."""
    return round(template.protection.base[measure.id] * 10.0**measure.decimals)


def bound_units(template: Template, measure: Measure) -> int:
    """What one borrower contributes to a measure at most, in units of its last decimal; for the method noise."""
    if template.protection.noise is None:
        raise TemplateError(f"Template {template.id} is not protected by noise.")
    return round(template.protection.noise.bounds[measure.id] * 10.0**measure.decimals)


def counted_with(template: Template, measure: Measure) -> Measure:
    """The additive count that a distinct count is at most: the one a check names, or else the first there is."""
    for check in template.checks:
        if check.kind == "less-or-equal" and check.options["left"] == measure.id:
            whole = template.measure(str(check.options["right"]))
            if whole.additive and whole.type == "count":
                return whole
    for whole in template.measures:
        if whole.additive and whole.type == "count":
            return whole
    raise TemplateError(
        f"Template {template.id}: {measure.id} cannot be rounded, because no additive count goes with it."
    )
