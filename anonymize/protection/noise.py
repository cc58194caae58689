"""Noise: every cell there could be is published, with noise that hides each borrower in it (`disclosure.noise`).

Nothing is withheld and counts may be negative: cutting them off at zero would lift every small cell at every bank, and the
pool with them. Totals are the sums of their parts.

Fresh noise on the same figures could be averaged away. So the cube is drawn once and kept beside the ledger: the same
figures give the same cube again and cost nothing more.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anonymize.cube import BOUNDED, Cells, dense, places_of, read_cube, write_cube
from anonymize.disclosure.noise import cost_of
from anonymize.errors import ProtectionError
from anonymize.ledger import Claim, Ledger
from anonymize.protection.noise_error import noise_error, noise_of
from anonymize.protection.outcome import PUBLISHED, Protected, cube_without
from anonymize.template import Measure, Template

Whole = NDArray[np.int64]


def by_noise(cells: Cells, template: Template, institution: str, ledger: Ledger | None) -> Protected:
    """The cube with noise, paid for now or before.

    ProtectionError without a ledger; LedgerError when the year's budget does not allow it. Then nothing was drawn.
    """
    if ledger is None:
        raise ProtectionError(
            f"Collection {template.id} is protected by noise, whose cost is kept in a ledger; none was given. "
            "Nothing was written.",
            rule="no-ledger",
        )
    truth = _bounded(cells, template)

    def draw() -> bytes:
        noisy = {each: noise.draw(truth[each]) for each, noise in noise_of(template).items()}
        everything_open = np.zeros(template.shape, np.bool_)
        table = _every_cell(noisy, template)
        return write_cube(cube_without(cells, template, institution, everything_open, table=table))

    content = ledger.pay(_claim(truth, cells, template, institution), draw)
    cube = read_cube(content, template, period=cells.period, institution=institution)
    return Protected(cube, np.full(template.shape, PUBLISHED), {}, "noise", noise_error(template))


def cut_off(cells: Cells, template: Template) -> dict[str, float]:
    """The share of each additive measure's total that the bounds cut off: it is for the officer and never leaves."""
    kept = _bounded(cells, template)
    found = {}
    for measure in (each for each in template.measures if each.additive):
        total = dense(cells.table, template, measure.id).flat[0] * 10**measure.decimals
        found[measure.id] = float(1 - kept[measure.id].flat[0] / total) if total else 0.0
    return found


def _bounded(cells: Cells, template: Template) -> dict[str, Whole]:
    """What each measure's noise is added to, over the whole lattice."""
    if BOUNDED + template.measure_ids[0] not in cells.table.column_names:
        raise ProtectionError(
            "The cells were not aggregated for noise: what one borrower contributes is not bounded. Aggregate the tape "
            "with this template. Nothing was written."
        )
    places = places_of(cells.table, template)
    found = {}
    for measure in template.measure_ids:
        full = np.zeros(template.shape, np.int64)
        full.reshape(-1)[places] = cells.table.column(BOUNDED + measure).to_numpy()
        found[measure] = full
    return found


def _claim(truth: Mapping[str, Whole], cells: Cells, template: Template, institution: str) -> Claim:
    noise = template.protection.noise
    if noise is None:
        raise ProtectionError(f"Template {template.id} is not protected by noise.")
    return Claim(
        collection=template.id,
        period=cells.period,
        institution=institution,
        content=_digest(truth, cells, template, institution),
        mechanism=noise.mechanism,
        cost=cost_of(noise, list(noise_of(template).values())),
    )


def _digest(truth: Mapping[str, Whole], cells: Cells, template: Template, institution: str) -> str:
    """What the noise depends on: the same digest is the same noise."""
    about = [
        template.id,
        template.version,
        cells.period,
        institution,
        template.source["protection"],
        [[each.id, list(each.code_list.ids), list(each.code_list.parents)] for each in template.dimensions],
        [[each.id, each.decimals] for each in template.measures],
    ]
    found = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for measure in template.measure_ids:
        found.update(np.ascontiguousarray(truth[measure], "<i8").tobytes())
    return found.hexdigest()


def _every_cell(values: Mapping[str, Whole], template: Template) -> pa.Table:
    """A row for every place of the lattice: which cells are empty must not show."""
    places = np.unravel_index(np.arange(int(np.prod(template.shape))), template.shape)
    columns = {
        each.id: pa.array(each.code_list.ids).take(pa.array(index))
        for each, index in zip(template.dimensions, places, strict=True)
    }
    return pa.table(columns | {each.id: _shown(values[each.id].ravel(), each) for each in template.measures})


def _shown(values: Whole, measure: Measure) -> pa.Array:
    return pa.array(values if measure.type == "count" else values / float(10**measure.decimals))
