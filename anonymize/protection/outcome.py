"""What protecting a cube results in, and the cube itself with its withheld cells emptied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anonymize.cube import (
    CONF_STATUS,
    CONFIDENTIAL,
    FREE,
    NORMAL,
    OBS_STATUS,
    SUPPRESSED,
    TIME_PERIOD,
    Cells,
    Cube,
    cube_of,
    places_of,
)
from anonymize.disclosure.audit import Audit
from anonymize.template import Method, Template

PUBLISHED = ""
SMALL_COUNT, DOMINANCE, SECONDARY = "A", "G", "D"  # why a cell is withheld; this never leaves the bank


@dataclass(frozen=True, eq=False)
class Protected:
    """`reasons` says for every place of the lattice why it is withheld ("" when it is not); it stays at the bank.

    `errors` holds for each measure the standard error that protection costs at every place, in the measure's unit:
    zero for methods that publish exact values; it may show which cells are empty, and stays too. `repeatable` says that the same cells give the same cube again; without
    an institution's own secret, methods that draw by lot do not.
    """

    cube: Cube
    reasons: NDArray[np.str_]
    audits: Mapping[str, Audit]
    method: Method
    errors: Mapping[str, NDArray[np.float64]] = field(repr=False)
    repeatable: bool = True

    def count(self, reason: str) -> int:
        return int((self.reasons == reason).sum())


def exact(template: Template) -> dict[str, NDArray[np.float64]]:
    """The errors of a method that publishes what it publishes as it is."""
    return {each: np.zeros(template.shape) for each in template.measure_ids}


def cube_without(
    cells: Cells, template: Template, institution: str, withheld: NDArray[np.bool_], *, table: pa.Table | None = None
) -> Cube:
    """The cube of these cells; those withheld lose all values and carry one mark, whatever the reason.

    `table` stands in for the table of the cells when a method publishes other values than theirs.
    """
    source = cells.table if table is None else table
    hidden = withheld.reshape(-1)[places_of(source, template)]
    columns = {each: source.column(each) for each in template.dimension_ids}
    columns[TIME_PERIOD] = pa.array([cells.period] * source.num_rows, pa.string())
    for measure in template.measure_ids:
        columns[measure] = pa.array(source.column(measure).to_numpy(), mask=hidden)
    columns[OBS_STATUS] = pa.array(np.where(hidden, SUPPRESSED, NORMAL))
    columns[CONF_STATUS] = pa.array(np.where(hidden, CONFIDENTIAL, FREE))
    return cube_of(pa.table(columns), template, institution=institution, period=cells.period)
