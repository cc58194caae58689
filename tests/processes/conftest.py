"""A consortium of real processes under a directory of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


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
