"""The processes of `deploy/`, with production settings, against PostgreSQL and RabbitMQ on their standard ports."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import kombu
import psycopg
import pytest

from consortium.embedded import keys
from tests.processes.conftest import ROOT, Consortium

pytestmark = [
    pytest.mark.server,
    pytest.mark.processes,
    pytest.mark.xdist_group("processes"),
    pytest.mark.timeout(240),
]

SERVER = "postgres://postgres@127.0.0.1:5432"
BROKER = "amqp://guest:guest@127.0.0.1:5672"
INSTITUTIONS = 12


@dataclass
class Servers:
    """A database and, where it may be made, a virtual host of its own."""

    database: str = field(default_factory=lambda: f"concord_{secrets.token_hex(4)}")
    vhost: str = ""

    @property
    def database_url(self) -> str:
        return f"{SERVER}/{self.database}"

    @property
    def broker_url(self) -> str:
        return f"{BROKER}/{self.vhost or '/'}"


@pytest.fixture
def servers() -> Iterator[Servers]:
    made = Servers()
    try:
        with psycopg.connect(f"{SERVER}/postgres", connect_timeout=3, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{made.database}" TEMPLATE template0 ENCODING "UTF8"')
    except psycopg.OperationalError:
        pytest.skip("no PostgreSQL answers at 127.0.0.1:5432 without a password")
    try:
        with kombu.Connection(f"{BROKER}//") as connection:
            connection.ensure_connection(max_retries=1, timeout=3)
    except (OSError, kombu.exceptions.OperationalError):
        pytest.skip("no RabbitMQ answers at 127.0.0.1:5672")
    made.vhost = _vhost(made.database)
    yield made
    with psycopg.connect(f"{SERVER}/postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{made.database}" WITH (FORCE)')
    if made.vhost:
        subprocess.run(["rabbitmqctl", "-q", "delete_vhost", made.vhost], check=True, capture_output=True)


def _vhost(name: str) -> str:
    """A virtual host of this test's own; empty (the common one) where it may not be made."""
    if os.geteuid() != 0 or shutil.which("rabbitmqctl") is None:
        return ""
    for command in (["add_vhost", name], ["set_permissions", "-p", name, "guest", ".*", ".*", ".*"]):
        if subprocess.run(["rabbitmqctl", "-q", *command], check=False, capture_output=True).returncode != 0:
            return ""
    return name


@pytest.fixture
def environments(tmp_path: Path, servers: Servers) -> dict[str, dict[str, str]]:
    """The environment of each process, each with its own secrets and no other's."""
    delivery = keys.delivery_key(tmp_path / "keys")
    (tmp_path / "blobs").mkdir()
    (tmp_path / "static").mkdir()
    outside = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    common = {
        **outside,
        "DJANGO_SETTINGS_MODULE": "consortium.settings.production",
        "DATABASE_URL": servers.database_url,
        "CELERY_BROKER_URL": servers.broker_url,
        "CONCORD_SECRET_KEY": keys.django_secret(tmp_path / "keys"),
        "CONCORD_HOSTS": "127.0.0.1",
        "CONCORD_AUDIENCE": "concord-deploy-test",
        "CONCORD_BLOBS": str(tmp_path / "blobs"),
        "CONCORD_STATIC": str(tmp_path / "static"),
        "CONCORD_TLS": "off",
    }
    own = {
        "web": {
            "CONCORD_SIGNING_KEY_FILE": str(keys.signing_key(tmp_path / "keys")),
            "CONCORD_DELIVERY_KEY": delivery,
            "CONCORD_VAULT_PUBLIC_KEY": keys.vault_public_key(tmp_path / "keys"),
        },
        "vault": {
            "CONCORD_VAULT_SIGNING_KEY": keys.vault_signing_key(tmp_path / "keys"),
            "CONCORD_KEK": keys.key_encryption_key(tmp_path / "keys"),
            "CONCORD_DELIVERY_PUBLIC_KEY": keys.delivery_public_key(delivery),
        },
        "office": {},
        "beat": {},
        "manage": {},
    }
    return {process: {**common, **secret, "CONCORD_PROCESS": process} for process, secret in own.items()}


@pytest.fixture
def url(environments: Mapping[str, Mapping[str, str]], tmp_path: Path) -> Iterator[str]:
    """The address of the portal, with all four processes running behind it."""
    for command in (["migrate", "--no-input"], ["collectstatic", "--no-input"]):
        subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=environments["manage"],
            check=True,
            capture_output=True,
        )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    running = [
        _started(process, environments[process], tmp_path / f"{process}.log", ["--bind", address, "--workers", "2"])
        for process in ("web", "vault", "office", "beat")
    ]
    _await_ready(f"http://{address}", tmp_path)
    yield f"http://{address}"
    for each in running:
        each.terminate()
    assert [each.wait(timeout=40) for each in running] == [0, 0, 0, 0]


def _started(process: str, environment: Mapping[str, str], log: Path, options: list[str]) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "consortium.processes", process, *options],
            cwd=ROOT,
            env=dict(environment),
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def _await_ready(url: str, logs: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urlopen(Request(f"{url}/readyz")) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.2)
    raise AssertionError((logs / "web.log").read_text()[-4000:])


def test_one_round_runs_through_the_processes_of_production(
    url: str,
    environments: Mapping[str, Mapping[str, str]],
    make_panel: Callable[[int], Path],
    tmp_path: Path,
) -> None:
    consortium = Consortium(
        tmp_path / "home", make_panel(INSTITUTIONS), environment={**environments["manage"], "TEST_URL": url}
    )
    consortium.ask("send")
    settled = consortium.ask(f"wait_accepted {INSTITUTIONS}")
    consortium.ask("compute")
    published = consortium.ask("publish")
    consortium.stop()
    assert settled["submissions"] == {"accepted": INSTITUTIONS}
    assert (published["round"], published["contributors"]) == ("published", INSTITUTIONS)
    outside_the_vault = json.dumps([environments[each] for each in ("web", "office", "beat", "manage")])
    assert "CONCORD_KEK" not in outside_the_vault
    assert "CONCORD_VAULT_SIGNING_KEY" not in outside_the_vault
