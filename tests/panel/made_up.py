"""A panel of made-up call reports, as a fixture for every test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

PRODUCTS = ("new_vehicle", "used_vehicle", "credit_card", "other_unsecured")


@pytest.fixture(scope="session")
def make_panel(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """A panel of so many institutions with made-up balances."""

    def make(institutions: int) -> Path:
        folder = tmp_path_factory.mktemp("panel")
        draw = np.random.default_rng(7)
        ids = np.arange(1, institutions + 1)
        at, products = np.repeat(ids, len(PRODUCTS)), list(PRODUCTS) * institutions
        loans = draw.integers(200, 5000, at.size)
        late = (loans * draw.uniform(0.005, 0.06, at.size)).astype(np.int64)
        _write(
            folder / "institutions.parquet",
            institution_id=ids,
            institution_name=[f"CU {id}" for id in ids],
            state=["TX"] * institutions,
            peer_group=1 + ids % 6,
        )
        _write(
            folder / "balances_by_product.parquet",
            institution_id=at,
            product=products,
            balance=loans * 9000,
            count=loans,
        )
        _write(
            folder / "delinquency_60plus.parquet",
            institution_id=at,
            product=products,
            delq_60plus_balance=late * 9000,
            delq_60plus_count=late,
        )
        return folder

    return make


def _write(path: Path, **columns: Any) -> None:
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    with duckdb.connect() as database:
        database.from_arrow(table).write_parquet(str(path))
