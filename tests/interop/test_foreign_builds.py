"""Packages that two programs make from the contract page alone, with other libraries, are accepted by the platform."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from anonymize.cube import PARQUET, SDMX_CSV, write_cube
from anonymize.package import SigningKey as MembersKey
from consortium.institutions.models import SigningKey
from consortium.signing import key_set
from sharing.models import Submission
from sharing.services import checking
from sharing.states import SubmissionState
from tests.cast import call_report

HERE = Path(__file__).parent
NO_NETWORK = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "ENETUNREACH", "ECONNRESET", "ENOTCACHED")
SUITES = ["X-Wing", "X25519"]
ALGORITHMS = ["Ed25519", "ES256"]

Program = Callable[[str, dict[str, Any]], str]


def ran(command: list[str], folder: Path) -> Program:
    """A foreign program: its mode and its task in, what it prints out; without a trace of this project on its path."""

    def run(mode: str, task: dict[str, Any]) -> str:
        done = subprocess.run(
            [*command, mode],
            cwd=folder,
            input=json.dumps(task),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def python_build(tmp_path_factory: pytest.TempPathFactory) -> Program:
    folder = tmp_path_factory.mktemp("python-build")
    shutil.copy(HERE / "build.py", folder)
    return ran([sys.executable, "-I", "build.py"], folder)


@pytest.fixture(scope="session")
def node_build(tmp_path_factory: pytest.TempPathFactory) -> Program:
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("there is no Node.js here")
    folder = tmp_path_factory.mktemp("node-build")
    for each in (HERE / "node").iterdir():
        if each.is_file():
            shutil.copy(each, folder)
    quick = ["--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"]
    installed = subprocess.run(
        ["npm", "ci", *quick], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    if installed.returncode and any(each in installed.stderr for each in NO_NETWORK):
        pytest.skip("the registry of npm cannot be reached")
    assert installed.returncode == 0, installed.stderr
    return ran(["node", "build.mjs"], folder)


@pytest.fixture(params=["python", "node"])
def build(request: pytest.FixtureRequest) -> Program:
    found: Program = request.getfixturevalue(f"{request.param}_build")
    return found


@pytest.fixture
def task(client, token, harbour, open_round) -> Callable[..., dict[str, Any]]:
    """What a member's program has in hand: the round as the API tells it, the pinned keys, its own key and its cube."""

    def about(
        alg: str = "Ed25519", suite: str = "X-Wing", cube: bytes | None = None, cty: str = PARQUET
    ) -> dict[str, Any]:
        key = MembersKey.generate(alg)
        SigningKey.objects.create(institution=harbour.institution, kid=key.kid, jwk=key.public_jwk())
        answer = client.get(f"/api/v1/rounds/{open_round.public_id}", headers={"authorization": token})
        return {
            "round": answer.json(),
            "jwks": client.get("/.well-known/jwks.json").json(),
            "suite": suite,
            "institution": harbour.institution.code,
            "signing_key": key._key.as_dict(private=True),
            "cube": base64.b64encode(cube or write_cube(call_report("HARBOUR"))).decode(),
            "cty": cty,
        }

    return about


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("alg", ALGORITHMS)
def test_its_package_is_accepted(build: Program, task, send, alg: str, suite: str) -> None:
    package = build("seal", task(alg, suite))
    assert package.count(".") == 2

    answer = send(package.encode("ascii"))

    assert answer.status_code == 202, answer.content
    checking.open_sealed(answer.json()["id"])
    submission = Submission.objects.get()
    assert submission.state == SubmissionState.ACCEPTED, list(submission.findings.values_list("rule", "sentence"))


@pytest.mark.parametrize("suite", SUITES)
def test_a_csv_cube_is_accepted_too(build: Program, task, send, suite: str) -> None:
    answer = send(build("seal", task(suite=suite, cube=as_csv(), cty=SDMX_CSV)).encode())
    checking.open_sealed(answer.json()["id"])
    assert Submission.objects.get().state == SubmissionState.ACCEPTED


def test_it_verifies_the_receipt(build: Program, task, send, harbour) -> None:
    package = build("seal", task())
    signed = send(package.encode()).json()["receipt"]
    claims = json.loads(build("receipt", {"receipt": signed, "package": package, "jwks": dict(key_set())}))
    assert (claims["institution"], claims["version"], claims["bytes"]) == ("HARBOUR", 1, len(package))


def test_what_it_seals_in_anothers_name_is_refused(build: Program, task, send) -> None:
    """The programs are no mirror of ours: what they say is checked as anybody's."""
    wrong = task()
    wrong["institution"] = "ELSEWHERE"
    answer = send(build("seal", wrong).encode())
    assert (answer.status_code, answer.json()["rule"]) == (422, "wrong-institution")


def test_the_lock_file_names_no_host() -> None:
    lock = json.loads((HERE / "node" / "package-lock.json").read_text(encoding="utf-8"))
    assert all("resolved" not in each for each in lock["packages"].values())
    assert all(each.get("integrity") for name, each in lock["packages"].items() if name)


def as_csv() -> bytes:
    table = call_report("HARBOUR").table
    lines = [",".join(table.column_names)]
    lines += [",".join("" if cell is None else str(cell) for cell in row.values()) for row in table.to_pylist()]
    return "\n".join(lines).encode()
