"""A consortium of real processes under a directory of its own, and a panel of made-up reports for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

ROOT = Path(__file__).resolve().parents[2]
PRODUCTS = ("new_vehicle", "used_vehicle", "credit_card", "other_unsecured")


class Consortium:
    """The running driver. `ask` sends a command and gives its answer."""

    def __init__(self, home: Path, panel: Path, environment: Mapping[str, str] | None = None) -> None:
        self.home = home
        with (home.parent / "driver.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.processes.driver", str(panel)],
                cwd=ROOT,
                env=dict(environment or embedded(home)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.first = self._answer()

    def ask(self, command: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self._answer()

    def pid(self, name: str) -> int:
        return int(self.ask("state")["pids"][name])

    def stop(self) -> None:
        self.process.communicate(timeout=60)

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError((self.home.parent / "driver.log").read_text()[-4000:])
        answer: dict[str, Any] = json.loads(line)
        return answer


def embedded(home: Path) -> dict[str, str]:
    """An environment in which everything is under `home`, and lost work is noticed soon."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("CONCORD_", "DJANGO_"))}
    for name in ("DATABASE_URL", "CELERY_BROKER_URL"):
        outside.pop(name, None)
    own = {
        "CONCORD_HOME": str(home),
        "DJANGO_SETTINGS_MODULE": "consortium.settings.embedded",
        "CONCORD_PATIENCE": "3",
    }
    return {**outside, **own}


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


@pytest.fixture
def start(tmp_path: Path, make_panel: Callable[[int], Path]) -> Iterator[Callable[..., Consortium]]:
    """Starts a consortium of so many institutions; stops it after the test."""
    started: list[Consortium] = []

    def run(institutions: int) -> Consortium:
        started.append(Consortium(tmp_path / "home", make_panel(institutions)))
        return started[-1]

    yield run
    for consortium in started:
        consortium.stop()


def _write(path: Path, **columns: Any) -> None:
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    with duckdb.connect() as database:
        database.from_arrow(table).write_parquet(str(path))
