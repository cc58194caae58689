"""The platform takes every template that ships, and pools what simulated banks make of it."""

from __future__ import annotations

import numpy as np
import pytest

from anonymize.aggregate import aggregate
from anonymize.cube import read_cube, write_cube
from anonymize.protect import protect
from anonymize.simulate import SCENARIOS, demo_institutions, mapping_for_simulated, simulated_tape
from anonymize.tape import open_tape
from anonymize.template import load, parse, shipped
from consortium.institutions.models import Institution
from sharing.benchmarks.peer_groups import ALL, peers_of
from sharing.benchmarks.pool import gather, layout_of, panel_of, pooled_before_disclosure
from sharing.services import collections

ONE_TAPE = {"risk-model": "2026-Q3", "vintage": "2026-Q3"}


@pytest.mark.parametrize("code", shipped())
def test_a_shipped_template_defines_a_collection(code, carl):
    collection = collections.define(load(code).source, by=carl)
    assert collection.template == load(code)
    assert layout_of(collection.template).parts


@pytest.mark.parametrize("code", ONE_TAPE)
def test_eight_simulated_banks_are_pooled(code):
    # Protected cubes have gaps by size of bank; what is tested here is that everything adds up.
    template = parse({**load(code).source, "protection": {"method": "none"}})
    profiles = demo_institutions()[-8:]
    cubes = [cube_of(code, template, profile) for profile in profiles]
    members = [Institution(code=profile.code, size_band="small", affiliate_group="") for profile in profiles]
    layout = layout_of(template)
    names = {each.code: each.contributor_id for each in members}
    panel = panel_of(gather(layout, list(names), cubes), names)
    for (indicator, group), pool in pooled_before_disclosure(panel, peers_of(members, [])).items():
        assert group == ALL
        assert pool.contributors.flat[0] == 8, indicator
        assert np.isfinite(pool.pooled.flat[0]), indicator


def cube_of(code, template, profile):
    period = ONE_TAPE[code]
    made = simulated_tape(code, profile, period, SCENARIOS["wave"], 7)
    with open_tape(made.tape) as tape:
        cells = aggregate(tape, mapping_for_simulated(code), template, period)
    return read_cube(write_cube(protect(cells, template, profile.code).cube), template=template)
