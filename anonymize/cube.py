"""The cube that leaves a bank, and the cells that it is made of.

A cube is a tidy table, one row a cell: the codes of every dimension, `TIME_PERIOD`, the measures, `OBS_STATUS` and
`CONF_STATUS`. All margins are rows (`_T` and the other parents). A row that is not there is zero; a withheld cell is
there, has no value and the statuses Q and C. `cube_of` and `read_cube` make cubes; both check structure first.

Dense arrays have the template's shape, one axis a dimension, codes in the order of their lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from anonymize.cube_formats import MEDIA_TYPES, PARQUET, SDMX_CSV, SUFFIXES, XLSX, parquet_bytes, parse
from anonymize.cube_structure import (
    CONF_STATUS,
    CONFIDENTIAL,
    CUBE_RULES,
    FREE,
    NORMAL,
    OBS_STATUS,
    SUPPRESSED,
    TIME_PERIOD,
    CubeError,
    cell_key,
    cube_columns,
    places_of,
    structured,
)
from anonymize.disclosure.lattice import Hierarchy, Lattice
from anonymize.errors import CheckError
from anonymize.template import Template

__all__ = [
    "BOUNDED",
    "CONFIDENTIAL",
    "CONF_STATUS",
    "CUBE_RULES",
    "FREE",
    "MEDIA_TYPES",
    "NORMAL",
    "OBS_STATUS",
    "PARQUET",
    "SDMX_CSV",
    "SUFFIXES",
    "SUPPRESSED",
    "TIME_PERIOD",
    "XLSX",
    "Cells",
    "Cube",
    "CubeError",
    "arrays",
    "cell_key",
    "cube_columns",
    "cube_of",
    "dense",
    "lattice",
    "places_of",
    "read_cube",
    "write_cube",
]

CONTRIBUTORS = "contributors"
BOUNDED = "bounded_"  # before the id of a measure: see `Cells`


@dataclass(frozen=True, eq=False)
class Cube:
    """`places` is the flat index of each row in the template's lattice, rising."""

    table: pa.Table = field(repr=False)  # figures stay out of logs and error reports
    collection: str
    version: str
    period: str
    institution: str
    places: NDArray[np.int64] = field(repr=False)

    @cached_property
    def withheld(self) -> NDArray[np.bool_]:
        """Which rows are withheld."""
        flags: NDArray[np.bool_] = pc.equal(self.table.column(OBS_STATUS), SUPPRESSED).to_numpy()
        return flags


@dataclass(frozen=True, eq=False)
class Cells:
    """What a bank aggregates before protection; it never leaves the bank.

    `table` has one row a cell, margins included: a text column for each dimension, the measures, `contributors`
    (distinct borrowers, affiliates once) and for each additive measure M `largest_M` and `second_M`, the two largest
    absolute contributions. Where the method is noise, `bounded_M` is what noise is added to (`anonymize.counting.bounded`).
    `rows` is how many rows of the tape were counted, 0 where there was no tape.
    """

    table: pa.Table = field(repr=False)
    collection: str
    version: str
    period: str
    rows: int = 0

    def __post_init__(self) -> None:
        if CONTRIBUTORS not in self.table.column_names:
            raise CheckError(f"The cells lack the column {CONTRIBUTORS}. Nothing was protected.")


def read_cube(
    source: bytes | Path,
    template: Template,
    media_type: str | None = None,
    *,
    period: str | None = None,
    institution: str | None = None,
) -> Cube:
    """The cube in a file or in its bytes; CubeError names the rule that it breaks.

    Bytes are Parquet unless `media_type` says otherwise, a file is what its ending says. `period` and `institution`,
    when given, are those the cube must be of.
    """
    if isinstance(source, Path):
        media_type = media_type or SUFFIXES.get(source.suffix.lower(), PARQUET)
        source = _file_bytes(source)
    parsed = parse(source, media_type or PARQUET, template)
    _check_statement(parsed.stated, template, institution)
    found = structured(parsed.table, template, period)
    if parsed.stated["period"] not in {"", found.period}:
        raise CubeError("TIME_PERIOD is not the period that the file states.", rule="wrong-period")
    return Cube(
        table=found.table,
        collection=template.id,
        version=template.version,
        period=found.period,
        institution=institution or parsed.stated["institution"],
        places=found.places,
    )


def cube_of(table: pa.Table, template: Template, *, institution: str, period: str | None = None) -> Cube:
    """A cube from a table with its columns, in any order; CubeError names the rule that it breaks."""
    found = structured(table, template, period)
    return Cube(found.table, template.id, template.version, found.period, institution, found.places)


def write_cube(cube: Cube) -> bytes:
    """The cube as Parquet; the same cube is the same bytes."""
    stated = {
        "collection": cube.collection,
        "version": cube.version,
        "period": cube.period,
        "institution": cube.institution,
    }
    return parquet_bytes(cube.table, stated)


def dense(table: pa.Table, template: Template, column: str) -> NDArray[np.float64]:
    """One column over the whole lattice: 0 where there is no row, NaN where there is no value."""
    return _scatter(table, places_of(table, template), template.shape, column)


def arrays(cube: Cube, template: Template) -> dict[str, NDArray[np.float64]]:
    """Every measure over the whole lattice: 0 where there is no row, NaN where the cell is withheld."""
    return {each: _scatter(cube.table, cube.places, template.shape, each) for each in template.measure_ids}


def lattice(template: Template) -> Lattice:
    """The lattice of the template's dimensions, as the disclosure engine takes it."""
    return Lattice(
        tuple(Hierarchy(each.code_list.ids, each.code_list.parents) for each in template.dimensions),
    )


def _scatter(table: pa.Table, places: NDArray[np.int64], shape: tuple[int, ...], column: str) -> NDArray[np.float64]:
    # A null becomes NaN on the way.
    values: NDArray[np.float64] = table.column(column).cast(pa.float64()).to_numpy()
    full = np.zeros(shape, np.float64)
    if len(places) == full.size and (places[1:] > places[:-1]).all():
        return values.reshape(shape)  # every cell is there, in lattice order
    full.reshape(-1)[places] = values
    return full


def _file_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as failed:
        raise CubeError(f"The file {path.name} cannot be read: {failed.strerror}.", rule="unreadable") from failed


def _check_statement(stated: Mapping[str, str], template: Template, institution: str | None) -> None:
    expected = {
        "collection": (template.id, "The cube says that it is of another collection than {}."),
        "version": (template.version, "The cube was made with another version of the template than {}."),
        "institution": (institution, "The cube says that it is of another institution than {}."),
    }
    for name, (wanted, sentence) in expected.items():
        if wanted is not None and stated[name] and stated[name] != wanted:
            raise CubeError(sentence.format(wanted), rule=f"wrong-{name}")
