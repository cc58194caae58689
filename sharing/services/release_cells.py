"""The cells of a release, written by COPY: columns go into the table without a Python object a row."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from django.db import connection
from numpy.typing import NDArray
from pyarrow import csv

from sharing.benchmarks.published import FIGURES, Figures
from sharing.models import Release, ReleaseCell, ReleaseTotal

COLUMNS = ("release_id", "indicator", "peer_group", "key", *FIGURES, "contributors", "withheld", "reason")


def write(release: Release, figures: Sequence[Figures], keys: Sequence[str]) -> tuple[int, int]:
    """How many cells were written and how many of them are withheld; in the caller's transaction."""
    names = np.array(keys)
    table = pa.concat_tables([_table(release.pk, each, names) for each in figures])
    buffer = io.BytesIO()
    csv.write_csv(table, buffer, csv.WriteOptions(include_header=False))
    columns = ", ".join(f'"{name}"' for name in COLUMNS)
    # An unquoted empty field is NULL, a quoted one the empty text.
    statement = f'COPY "{ReleaseCell._meta.db_table}" ({columns}) FROM STDIN (FORMAT csv)'
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(buffer.getvalue())
    return table.num_rows, int(np.sum([(each.row & each.withheld).sum() for each in figures]))


def write_totals(release: Release, totals: Mapping[str, float]) -> None:
    """The numbers behind the headlines, in place of those of an earlier computation of the same draft."""
    release.totals.all().delete()
    ReleaseTotal.objects.bulk_create(
        ReleaseTotal(release=release, indicator=indicator, count=count) for indicator, count in totals.items()
    )


def _table(release_id: int, figures: Figures, names: NDArray[np.str_]) -> pa.Table:
    cells = np.flatnonzero(figures.row)
    withheld = figures.withheld.flat[cells]
    columns = [
        pa.repeat(release_id, len(cells)),
        pa.repeat(figures.indicator, len(cells)),
        pa.repeat(figures.peer_group, len(cells)),
        pa.array(names[cells]),
        *(pa.array(getattr(figures, name).flat[cells], from_pandas=True) for name in FIGURES),
        pa.array(figures.contributors.flat[cells], mask=withheld),
        pa.array(withheld),
        pa.array(figures.reason.flat[cells]),
    ]
    return pa.table(columns, names=COLUMNS)
