"""A member's commands against the platform itself, over HTTP: from a cube to an accepted submission."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from anonymize.cli import main
from anonymize.cube import write_cube
from anonymize.package import verify_receipt
from consortium.signing import key_set
from sharing.models import Submission
from sharing.states import SubmissionState
from tests.cast import call_report

pytestmark = pytest.mark.django_db(transaction=True)
PASSPHRASE = "correct horse battery"


@pytest.fixture
def concord(harbour, live_server, tmp_path, monkeypatch, at_once):
    """Runs a command on Harbour Bank's machine; gives exit code and the JSON document."""
    monkeypatch.chdir(tmp_path)
    settings = {
        "INSTITUTION": harbour.institution.code,
        "SERVER_URL": live_server.url,
        "CLIENT_ID": harbour.client.client_id,
        "CLIENT_SECRET": harbour.secret,
        "PASSPHRASE": PASSPHRASE,
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"CONCORD_{name}", value)
    harbour.key.to_file(tmp_path / "signing-key.pem", PASSPHRASE)

    def run(*arguments: str) -> tuple[int, dict]:
        result = CliRunner().invoke(main, [*arguments, "--json"], catch_exceptions=False)
        return result.exit_code, json.loads(result.stdout)

    assert run("init")[0] == 0
    return run


def cube_file(institution: str, **figures: float) -> str:
    Path("cube.parquet").write_bytes(write_cube(call_report(institution, **figures)))
    return "cube.parquet"


def test_a_cube_is_sealed_submitted_and_accepted(concord, harbour, open_round) -> None:
    assert concord("template", "get", "call-report") == (
        0,
        {"collection": "call-report", "version": open_round.collection.version, "rounds": [open_round.public_id]},
    )
    cube = cube_file(harbour.institution.code)
    assert concord("seal", cube, "--round", open_round.public_id, "-o", "cube.sealed")[0] == 0
    code, answer = concord("submit", "cube.sealed")
    submission = Submission.objects.get()
    assert (code, answer["state"], submission.state) == (0, "accepted", SubmissionState.ACCEPTED)
    receipt = verify_receipt(Path(answer["receipt"]).read_text(), key_set(), Path("cube.sealed").read_bytes())
    assert receipt.submission == str(submission.pk)


def test_the_same_file_twice_is_one_submission(concord, harbour, open_round) -> None:
    concord("seal", cube_file(harbour.institution.code), "--round", open_round.public_id, "-o", "cube.sealed")
    assert concord("submit", "cube.sealed") == concord("submit", "cube.sealed")
    assert Submission.objects.count() == 1


def test_what_was_sent_is_shown(concord, harbour, open_round) -> None:
    concord("seal", cube_file(harbour.institution.code), "--round", open_round.public_id, "-o", "cube.sealed")
    concord("submit", "cube.sealed")
    _, shown = concord("status")
    assert [each["id"] for each in shown["rounds"]] == [open_round.public_id]
    assert [(each["version"], each["state"]) for each in shown["submissions"]] == [(1, "accepted")]


def test_a_package_for_a_round_that_is_not_there_is_refused(concord, harbour, open_round) -> None:
    cube_file(harbour.institution.code)
    code, document = concord("seal", "cube.parquet", "--round", "call-report-1999-Q1", "-o", "cube.sealed")
    assert (code, document["error"]["rule"], Path("cube.sealed").exists()) == (1, "not-found", False)
