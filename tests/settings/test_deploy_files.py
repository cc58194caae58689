"""The files of `deploy/` hand each process its own keys and nobody else's, and name every setting that there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from consortium.settings.environment import HOLDERS

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
PROCESSES = ("web", "vault", "office", "beat")
KEYS = {name.removesuffix("_FILE") for name in HOLDERS}
# Asked for while a key-encryption key is exchanged, or by a device that keeps it: offered in a comment.
WHERE_NEEDED = {"CONCORD_FORMER_KEKS", "CONCORD_KEK_PIN", "CONCORD_KEK_TOKEN"}
CREDENTIAL = r"LoadCredential=([\w-]+):/etc/concord/keys/(\S+)$"
VARIABLE = r"Environment=([A-Z_]+)_FILE=%d/([\w-]+)$"


def due_to(process: str) -> set[str]:
    return {name.removesuffix("_FILE") for name, holders in HOLDERS.items() if process in holders}


def with_offers(compose: str) -> str:
    """The compose file with what its comments offer."""
    offer = r"^( *)# ([A-Z_]+|[a-z_]+): (/run/secrets/\w+|\{file: \S+\})$"
    return re.sub(offer, r"\1\2: \3", compose, flags=re.MULTILINE)


@pytest.mark.parametrize("process", PROCESSES)
def test_a_container_is_given_its_own_keys(process: str) -> None:
    compose: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    service = compose["services"][process]
    files = {
        name.removesuffix("_FILE"): Path(path).name
        for name, path in service["environment"].items()
        if name.removesuffix("_FILE") in KEYS
    }
    assert set(files) == due_to(process) - WHERE_NEEDED
    assert set(service["secrets"]) == {"secret_key", "database_url", *files.values()}
    assert set(service["secrets"]) <= compose["secrets"].keys()


@pytest.mark.parametrize("process", PROCESSES)
def test_a_container_is_offered_the_keys_that_it_may_need(process: str) -> None:
    compose: dict[str, Any] = yaml.safe_load(with_offers((DEPLOY / "compose.yaml").read_text()))
    environment = compose["services"][process]["environment"]
    files = {name.removesuffix("_FILE"): path for name, path in environment.items() if path.startswith("/run/secrets/")}
    assert files.keys() & KEYS == due_to(process)
    assert {Path(path).name for path in files.values()} <= compose["secrets"].keys()


@pytest.mark.parametrize("process", PROCESSES)
def test_a_unit_is_given_its_own_keys(process: str) -> None:
    unit = (DEPLOY / "systemd" / f"concord-{process}.service").read_text()
    loaded = dict(re.findall("^" + CREDENTIAL, unit, re.MULTILINE))
    files = dict(re.findall("^" + VARIABLE, unit, re.MULTILINE))
    assert files.keys() & KEYS == due_to(process) - WHERE_NEEDED
    assert loaded.keys() == set(files.values())


@pytest.mark.parametrize("process", PROCESSES)
def test_a_unit_is_offered_the_keys_that_it_may_need(process: str) -> None:
    unit = (DEPLOY / "systemd" / f"concord-{process}.service").read_text()
    loaded = dict(re.findall("^#?" + CREDENTIAL, unit, re.MULTILINE))
    files = dict(re.findall("^#?" + VARIABLE, unit, re.MULTILINE))
    assert files.keys() & KEYS == due_to(process)
    assert loaded.keys() == set(files.values())


@pytest.mark.parametrize("way", ["containers", "systemd"])
def test_every_setting_of_production_is_named_where_it_is_given(way: str) -> None:
    image = DEPLOY / "Dockerfile"
    containers = [DEPLOY / "compose.yaml", DEPLOY / "env" / "common.env.example", image]
    units = [DEPLOY / "env" / "systemd.env.example", *(DEPLOY / "systemd").glob("*.service")]
    given = "\n".join(path.read_text() for path in (containers if way == "containers" else units))
    read = set(
        re.findall(r'_env\.\w+\(\s*"([A-Z_]+)"', (ROOT / "consortium" / "settings" / "production.py").read_text())
    )
    assert len(read) > 20
    assert {name for name in read if not re.search(rf"\b{name}(_FILE)?\b *[=:]", given)} == set()
