"""What a member's unattended machine does, against the platform itself over HTTP: keys, sign-in with a key, trials."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from anonymize.cli import main
from anonymize.config import load_config
from anonymize.cube import write_cube
from consortium.institutions.models import SigningKey
from consortium.institutions.services import api_clients, signing_keys
from sharing.models import Submission
from sharing.states import SubmissionState
from tests.cast import call_report

pytestmark = pytest.mark.django_db(transaction=True)
PASSPHRASE = "correct horse battery"


@pytest.fixture
def concord(harbour, live_server, tmp_path, monkeypatch, at_once, settings):
    """Runs a command on Harbour Bank's machine; gives exit code and the JSON document."""
    settings.CONCORD_URL = live_server.url
    monkeypatch.chdir(tmp_path)
    told = {
        "INSTITUTION": harbour.institution.code,
        "SERVER_URL": live_server.url,
        "CLIENT_ID": harbour.client.client_id,
        "CLIENT_SECRET": harbour.secret,
        "PASSPHRASE": PASSPHRASE,
    }
    for name, value in told.items():
        monkeypatch.setenv(f"CONCORD_{name}", value)
    harbour.key.to_file(tmp_path / "signing-key.pem", PASSPHRASE)

    def run(*arguments: str) -> tuple[int, dict]:
        result = CliRunner().invoke(main, [*arguments, "--json"], catch_exceptions=False)
        return result.exit_code, json.loads(result.stdout)

    assert run("init")[0] == 0
    return run


def sealed_cube(concord, institution: str, round_id: str) -> None:
    Path("cube.parquet").write_bytes(write_cube(call_report(institution)))
    assert concord("seal", "cube.parquet", "--round", round_id, "-o", "cube.sealed")[0] == 0


def test_a_key_is_replaced_without_a_gap(concord, harbour, open_round, dora) -> None:
    before = harbour.key.kid
    code, first = concord("key", "rotate")
    assert (code, first["state"], first["replaces"]) == (0, "to-register", before)
    sealed_cube(concord, harbour.institution.code, open_round.public_id)
    assert concord("submit", "cube.sealed")[1]["state"] == "accepted"  # with the key before

    signing_keys.register(harbour.institution, first["request"], by=dora, replaces=first["replaces"])
    assert SigningKey.objects.get(kid=before).is_in_force

    assert concord("key", "rotate")[1]["state"] == "rotated"
    assert load_config(Path("concord.toml")).need_signing_key().kid == first["kid"]
    sealed_cube(concord, harbour.institution.code, open_round.public_id)
    assert concord("submit", "cube.sealed")[1]["state"] == "accepted"
    assert Submission.objects.get(state=SubmissionState.ACCEPTED).signing_kid == first["kid"]
    standing = {each["kid"]: each["state"] for each in concord("key", "status")[1]["keys"]}
    assert standing[first["kid"]] == "in force"
    assert standing[before].startswith("in force until")


def test_a_job_signs_in_with_a_key_in_the_place_of_a_secret(concord, harbour, open_round, dora, monkeypatch) -> None:
    _, made = concord("key", "api")
    api_clients.set_key(harbour.client, made["public_key"], by=dora)
    code, refused = concord("status")
    assert (code, refused["error"]["rule"]) == (1, "unauthorized")

    monkeypatch.delenv("CONCORD_CLIENT_SECRET")
    monkeypatch.setenv("CONCORD_AUTH", "private_key_jwt")
    monkeypatch.setenv("CONCORD_API_KEY_FILE", "api-key.pem")
    for _ in range(2):  # an assertion is taken once, so each run makes its own
        code, shown = concord("status")
        assert (code, [each["id"] for each in shown["rounds"]]) == (0, [open_round.public_id])


def test_a_trial_is_checked_and_the_same_file_counts_when_it_is_sent_in_earnest(concord, harbour, open_round) -> None:
    sealed_cube(concord, harbour.institution.code, open_round.public_id)
    code, tried = concord("submit", "cube.sealed", "--trial")
    assert (code, tried["state"], Path(tried["receipt"]).exists()) == (0, "checked", True)
    code, sent = concord("submit", "cube.sealed")
    assert (code, sent["state"], sent["version"]) == (0, "accepted", 1)
    assert tried["receipt"] != sent["receipt"]
