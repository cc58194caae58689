"""How long the audit of a release takes, by phase: `python -m tests.bench.audit [members] [codes of A] [codes of B]`.

A made-up release of three indicators (30+, 60+ and 90+ days) by two dimensions and two families of peer groups that overlap;
without a database. 60 members by 58 and 55 codes give some 12,000 cells.
"""

from __future__ import annotations

import os
import resource
import sys
from time import perf_counter

import django
import numpy as np

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "consortium.settings.testing")
DAYS = {"D90": 0.4, "D60": 0.3, "D30": 0.1}  # each lies within the next; the share of whom it leaves out


def template_of(sizes):
    from tests.disclosure_attack.test_pooled_tables import small_template

    document = dict(small_template(sizes).source)
    late = [{"id": name, "name": {"en": name}} for name in ("D30", "D60", "D90")]
    parents = {"D30": "_T", "D60": "D30", "D90": "D60"}
    document["dimensions"] = [
        *document["dimensions"][:-1],
        {
            "id": "DPD",
            "name": {"en": "DPD"},
            "codes": [{"id": "_T", "name": {"en": "All"}}, *({**each, "parent": parents[each["id"]]} for each in late)],
        },
    ]
    (indicator,) = document["indicators"]
    document["indicators"] = [
        {**indicator, "id": f"{name}_RATE", "numerator": {"measure": "BALANCE", "where": {"DPD": name}}}
        for name in ("D30", "D60", "D90")
    ]
    return document


def release_of(members, sizes, seed=1):
    """A panel, its peer groups, the policy."""
    from anonymize.template import parse
    from sharing.benchmarks.peer_groups import Family, Peers
    from sharing.benchmarks.pool import Returns, layout_of, panel_of
    from tests.disclosure_attack.test_pooled_tables import random_leaves, with_totals

    rng = np.random.default_rng(seed)
    layout = layout_of(parse(template_of(sizes)))
    names = tuple(f"M{number:03}" for number in range(members))
    balance, _late = random_leaves(rng, members, sizes)
    balance *= rng.random(balance.shape[1:]) < 0.97
    parts, left = {"_T": balance}, balance
    for name in ("D30", "D60", "D90"):
        left = np.round(left * rng.beta(2, 12 if name == "D30" else 3, left.shape), 2)
        parts[name] = left
    values = np.stack([with_totals(parts[part.where["DPD"]]) for part in layout.parts], axis=1)
    panel = panel_of(Returns(layout, names, values), {name: name for name in names})
    families = (
        Family("region", ("north", "south", "west"), rng.integers(0, 3, members)),
        Family("size", ("large", "medium", "small"), rng.integers(0, 3, members)),
    )
    return panel, Peers(names, families), layout.template.disclosure


def main() -> None:
    """Print the seconds of each phase and the memory."""
    django.setup()
    from sharing.benchmarks.disclosure import protect
    from sharing.benchmarks.pool import pooled_before_disclosure
    from sharing.benchmarks.published import publish
    from sharing.benchmarks.release_audit import audit_release

    members, first, second = (int(each) for each in (*sys.argv[1:], *("60", "58", "55")[len(sys.argv) - 1 :]))
    panel, peers, policy = release_of(members, (first, second))
    clock = perf_counter()
    protection = protect(panel, peers, policy, 2)
    figures = publish(panel, peers, pooled_before_disclosure(panel, peers), protection, policy)
    print(f"protect: {perf_counter() - clock:.1f} s, {sum(int(each.row.sum()) for each in figures)} cells, "
          f"{sum(int((each.row & each.withheld).sum()) for each in figures)} withheld", flush=True)  # fmt: skip
    clock = perf_counter()
    audit = audit_release(panel, peers, policy, figures)
    print(f"audit: {perf_counter() - clock:.1f} s, passed: {audit.ok}, {audit.statuses}")
    print(f"sizes: {audit.sizes}, programs: {audit.solver}")
    print(f"seconds: {audit.seconds}")
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2:.2f} GiB")


if __name__ == "__main__":
    main()
