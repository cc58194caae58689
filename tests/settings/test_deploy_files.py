"""The files of `deploy/` hand each process its own keys and nobody else's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from consortium.settings.environment import HOLDERS

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
PROCESSES = ("web", "vault", "office", "beat")
KEYS = {name.removesuffix("_FILE") for name in HOLDERS}


def due_to(process: str) -> set[str]:
    return {name.removesuffix("_FILE") for name, holders in HOLDERS.items() if process in holders}


@pytest.mark.parametrize("process", PROCESSES)
def test_a_container_is_given_its_own_keys(process: str) -> None:
    compose: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    service = compose["services"][process]
    files = {
        name.removesuffix("_FILE"): Path(path).name
        for name, path in service["environment"].items()
        if name.removesuffix("_FILE") in KEYS
    }
    assert set(files) == due_to(process)
    assert set(service["secrets"]) == {"secret_key", "database_url", *files.values()}
    assert set(service["secrets"]) <= compose["secrets"].keys()


@pytest.mark.parametrize("process", PROCESSES)
def test_a_unit_is_given_its_own_keys(process: str) -> None:
    unit = (DEPLOY / "systemd" / f"concord-{process}.service").read_text()
    loaded = dict(re.findall(r"^LoadCredential=([\w-]+):/etc/concord/keys/(\S+)$", unit, re.MULTILINE))
    files = dict(re.findall(r"^Environment=(CONCORD_\w+)_FILE=%d/([\w-]+)$", unit, re.MULTILINE))
    assert files.keys() & KEYS == due_to(process)
    assert loaded.keys() == {"database-url", *files.values()}
