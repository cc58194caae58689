"""What each process of the supervisor is given to know."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from consortium.embedded import keys
from consortium.processes.platform import Platform
from consortium.processes.supervisor import Child, Supervisor
from tests.processes.conftest import ROOT

TELL = """
import json
from django.conf import settings
print(json.dumps({name: str(getattr(settings, name)) for name in dir(settings) if name.startswith("CONCORD_")}))
"""
SECRET = "c2VjcmV0" * 5 + "c2U"  # 32 bytes in base64url


@pytest.fixture
def children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Child]:
    """The processes that a platform would start, from a shell in which somebody had set the vault's keys."""
    for name in ("CONCORD_VAULT_SIGNING_KEY", "CONCORD_KEK", "CONCORD_KEK_FILE"):
        monkeypatch.setenv(name, SECRET)
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "consortium.settings.embedded")
    started: dict[str, Child] = {}
    monkeypatch.setattr(Supervisor, "start", lambda _, child: started.update({child.name: child}))
    monkeypatch.setattr(Platform, "_wait_until_ready", lambda _: None)
    Platform(tmp_path).start()
    return started


def settings_of(child: Child) -> dict[str, str]:
    """The settings as the process itself reads them."""
    environment = {**child.environment, "DATABASE_URL": "postgres://nowhere/none", "CELERY_BROKER_URL": "memory://"}
    told = subprocess.run([sys.executable, "-c", TELL], cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE)
    read: dict[str, str] = json.loads(told.stdout)
    return read


@pytest.mark.parametrize("process", ["web", "office"])
def test_only_the_vault_inherits_the_vaults_keys(children: Mapping[str, Child], process: str) -> None:
    assert SECRET not in children[process].environment.values()
    assert children["vault"].environment["CONCORD_VAULT_SIGNING_KEY"] == SECRET


def test_only_the_vault_reads_the_key_that_signs_round_keys(children: Mapping[str, Child], tmp_path: Path) -> None:
    private = keys.vault_signing_key(tmp_path / "keys")
    read = {name: settings_of(child) for name, child in children.items()}
    assert {name for name, settings in read.items() if private in settings.values()} == {"vault"}
    assert read["web"]["CONCORD_VAULT_PUBLIC_KEY"] == keys.vault_public_key(tmp_path / "keys")


def test_only_web_reads_the_key_that_signs_receipts(children: Mapping[str, Child]) -> None:
    named = {name: settings_of(child)["CONCORD_SIGNING_KEY"] for name, child in children.items()}
    assert {name for name, file in named.items() if file != "None"} == {"web"}
