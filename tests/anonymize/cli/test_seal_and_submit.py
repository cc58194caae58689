from __future__ import annotations

import json
from pathlib import Path

import pytest

from anonymize.cube import write_cube
from anonymize.package import SigningKey, sign_jwk, verify_receipt
from anonymize.pipeline import prepare
from anonymize.simulate import mapping_for_simulated
from anonymize.template import load
from tests.anonymize.cli.conftest import Bank
from tests.anonymize.platform import INSTITUTION, PERIOD, ROUND, Platform, problem
from tests.vectors.sealed import keys

JWKS = keys.CONSORTIUM_JWKS


@pytest.fixture(scope="session")
def cube_bytes(tape: Path) -> bytes:
    return write_cube(prepare(tape, mapping_for_simulated(), load("delinquency"), PERIOD, INSTITUTION, effort=0).cube)


@pytest.fixture
def cube(bank: Bank, cube_bytes: bytes) -> Path:
    path = bank.directory / "cube.parquet"
    path.write_bytes(cube_bytes)
    return path


@pytest.fixture
def package(bank: Bank, cube: Path) -> Path:
    path = bank.directory / "cube.sealed"
    assert bank.run("seal", cube, "--round", ROUND, "-o", path).exit_code == 0
    return path


def test_what_is_sealed_and_submitted_is_what_the_vault_reads(
    bank: Bank, platform: Platform, package: Path, cube_bytes: bytes
) -> None:
    answer = bank.json("submit", package)
    assert platform.opened == [cube_bytes]
    assert (answer["state"], answer["version"], answer["findings"]) == ("accepted", 1, [])
    assert verify_receipt(Path(answer["receipt"]).read_text(), JWKS, package.read_bytes()).round_id == ROUND


def test_sealing_works_without_a_connection_once_the_round_is_saved(bank: Bank, platform: Platform, cube: Path) -> None:
    assert bank.json("template", "get", "delinquency")["rounds"] == [ROUND]
    platform.before = lambda *_: problem(500, "server-error", "Down.")
    platform.log.clear()
    sealed = bank.json("seal", cube, "--round", ROUND, "-o", "offline.sealed")
    assert (sealed["round"], platform.log) == (ROUND, [])
    assert bank.run("seal", cube, "--round", f"rounds/{ROUND}.json", "-o", "file.sealed").exit_code == 0


def test_a_cube_of_another_period_is_not_sealed(bank: Bank, platform: Platform, cube: Path) -> None:
    bank.json("template", "get", "delinquency")
    saved = bank.directory / "rounds" / f"{ROUND}.json"
    saved.write_text(json.dumps({**json.loads(saved.read_text()), "period": "2026-09"}))
    refused = bank.run("seal", cube, "--round", ROUND, "-o", "cube.sealed")
    assert (refused.exit_code, "period" in refused.stderr.lower()) == (1, True)
    assert not (bank.directory / "cube.sealed").exists()


def test_a_cube_of_another_institution_is_not_sealed(bank: Bank, cube: Path, monkeypatch) -> None:
    monkeypatch.setenv("CONCORD_INSTITUTION", "CN-TEST-002")
    assert bank.run("seal", cube, "--round", ROUND, "-o", "cube.sealed").exit_code == 1
    assert not (bank.directory / "cube.sealed").exists()


def test_a_file_that_is_no_cube_is_not_sealed(bank: Bank) -> None:
    for name, content in (("cube.parquet", b"PAR1 nothing"), ("cube.pdf", b"%PDF")):
        (bank.directory / name).write_bytes(content)
        assert bank.run("seal", name, "--round", ROUND, "-o", "cube.sealed").exit_code == 1
    assert not (bank.directory / "cube.sealed").exists()


@pytest.mark.parametrize(("signer", "rule"), [(keys.STRANGER, "unknown-key"), (keys.CONSORTIUM, "wrong-key-use")])
def test_a_round_key_that_the_vault_did_not_sign_is_never_sealed_to(
    bank: Bank, cube: Path, signer: SigningKey, rule: str
) -> None:
    bank.json("template", "get", "delinquency")
    saved = bank.directory / "rounds" / f"{ROUND}.json"
    other = keys.OTHER_ROUND.public_jwk()
    forged = {"jwk": other, "signature": sign_jwk(other, ROUND, signer)}
    saved.write_text(json.dumps({**json.loads(saved.read_text()), "sealing_keys": [forged]}))
    refused = bank.run("seal", cube, "--round", ROUND, "-o", "cube.sealed", "--json")
    assert (refused.exit_code, json.loads(refused.stdout)["error"]["rule"]) == (1, rule)
    assert not (bank.directory / "cube.sealed").exists()


def test_findings_are_printed_and_a_rejection_is_exit_code_1(bank: Bank, platform: Platform, package: Path) -> None:
    platform.decision = "rejected"
    sentence = "The parts of PRODUCT do not add up to the total."
    platform.findings = [{"rule": "sum", "severity": "error", "cell": {"PRODUCT": "_T"}, "sentence": sentence}]
    refused = bank.run("submit", package)
    assert refused.exit_code == 1
    assert "PRODUCT=_T" in refused.stdout
    assert sentence in refused.stdout


def test_a_damaged_package_is_refused_before_anything_is_sent(bank: Bank, platform: Platform, package: Path) -> None:
    package.write_bytes(package.read_bytes()[:500])
    platform.log.clear()
    refused = bank.run("submit", package)
    assert (refused.exit_code, "ends too early" in refused.stderr, platform.log) == (1, True, [])


def test_a_receipt_that_the_consortium_did_not_sign_is_refused(bank: Bank, platform: Platform, package: Path) -> None:
    forged = json.dumps({"id": "x", "state": "received", "receipt": "eyJh.eyJh.AAAA"}).encode()
    platform.before = lambda method, path: (
        (202, {"Content-Type": "application/json"}, forged) if path.endswith("/submissions") else None
    )
    assert bank.run("submit", package).exit_code == 1
    assert not list((bank.directory / "receipts").glob("*"))


def test_a_wrong_passphrase_is_exit_code_2(bank: Bank, cube: Path, monkeypatch) -> None:
    monkeypatch.setenv("CONCORD_PASSPHRASE", "another passphrase")
    refused = bank.run("seal", cube, "--round", ROUND, "-o", "cube.sealed")
    assert (refused.exit_code, "passphrase is wrong" in refused.stderr) == (2, True)


def test_a_server_that_fails_is_exit_code_3(bank: Bank, platform: Platform, package: Path) -> None:
    platform.before = lambda *_: problem(500, "server-error", "Something failed on our side.")
    refused = bank.run("submit", package)
    assert (refused.exit_code, "on our side" in refused.stderr) == (3, True)
