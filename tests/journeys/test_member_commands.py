"""A member's commands against the platform itself, over HTTP: from a cube to an accepted submission."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from anonymize.cli import main
from anonymize.cube import write_cube
from anonymize.package import verify_receipt
from anonymize.package.tree_head import TreeHead, issue_tree_head
from consortium.signing import key_set, receipt_key
from sharing.models import Release, Submission
from sharing.states import SubmissionState
from tests.cast import call_report, person
from tests.sharing.releasing import close, collect, computed, found_panel, open_round_of, published, submit

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


@pytest.fixture
def release(harbour, concord, stella, timo, ursula):
    """Published, with the figures of Harbour Bank and of sixteen others."""
    banks = found_panel()
    round = open_round_of(collect([harbour, *banks]))
    for bank in banks:
        submit(bank, round)
    submit(harbour, round, call_report(harbour.institution.code, scale=5, late=0.2))
    return published(computed(close(round), stella), [timo, ursula])


def test_a_published_release_is_listed_downloaded_and_compared_with(concord, release) -> None:
    name = release.public_id
    _, listed = concord("releases")
    assert [(each["id"], each["state"]) for each in listed["releases"]] == [(name, "published")]

    for ending in ("csv", "json", "parquet", "xlsx"):
        assert concord("get", name, "-o", f"out.{ending}")[0] == 0
    with Path("out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    table, book = pq.read_table("out.parquet").to_pylist(), openpyxl.load_workbook("out.xlsx").active
    assert json.loads(Path("out.json").read_text()) == {"results": table}
    assert len(rows) == len(table) == book.max_row - 1 == release.cells
    withheld = [row for row in rows if row["CONF_STATUS"] == "C"]
    assert len(withheld) == release.withheld > 0
    assert {(row["POOLED"], row["CONTRIBUTORS"], row["OBS_STATUS"]) for row in withheld} == {("", "", "Q")}

    concord("get", name, "-o", "part.parquet", "--where", "indicator=DPD60_RATE", "--where", "PEER_GROUP=ALL")
    part = pq.read_table("part.parquet").to_pylist()
    assert part == [row for row in table if (row["INDICATOR"], row["PEER_GROUP"]) == ("DPD60_RATE", "ALL")] != []
    two = {row["PRODUCT"] for row in part[:2]}
    concord("get", name, "-o", "two.parquet", *(word for code in two for word in ("--where", f"PRODUCT={code}")))
    assert {row["PRODUCT"] for row in pq.read_table("two.parquet").to_pylist()} == two

    _, compared = concord("compare", name)
    own = {(row["INDICATOR"], row["PEER_GROUP"]): row for row in compared["results"]}["DPD60_RATE", "ALL"]
    pooled = next(row["POOLED"] for row in part if row["PRODUCT"] == "_T")
    assert (own["OWN"], own["BAND"]) == (pytest.approx(0.2), "highest-quarter")
    assert own["TO_POOLED"] == pytest.approx(0.2 - pooled)


def test_a_mistyped_filter_gets_its_sentence_and_no_file(concord, release) -> None:
    code, document = concord("get", release.public_id, "-o", "out.csv", "--where", "REGOIN=CN-ZJ")
    assert (code, document["error"]["rule"]) == (1, "unknown-filter")
    assert document["error"]["sentence"] == "Cells cannot be chosen by REGOIN."
    assert not Path("out.csv").exists()


def test_a_member_proves_that_its_submission_is_in_the_release(concord, harbour, stella, timo, ursula) -> None:
    banks = found_panel()
    round = open_round_of(collect([harbour, *banks]))
    cube = cube_file(harbour.institution.code, scale=5)
    concord("seal", cube, "--round", round.public_id, "-o", "cube.sealed")
    _, sent = concord("submit", "cube.sealed")
    for bank in banks:
        submit(bank, round)
    name = published(computed(close(round), stella), [timo, ursula]).public_id

    code, found = concord("verify", sent["receipt"], name, "--save", "proofs")

    assert (code, found["leaf_index"], found["tree_size"], found["counted"]) == (0, 0, 17, 17)
    # Again by another machine, which has the files and the keys and nothing else.
    Path("jwks.json").write_text(json.dumps(key_set()))
    files = ["--submission-proof", "proofs/submission-proof.json", "--release-proof", "proofs/release-proof.json"]
    assert concord("verify", sent["receipt"], name, *files, "--keys", "jwks.json", "--config", "elsewhere.toml")[0] == 2
    Path("elsewhere").mkdir()
    Path("elsewhere/concord.toml").touch()
    offline = [*files, "--keys", "jwks.json", "--config", "elsewhere/concord.toml"]
    assert concord("verify", sent["receipt"], name, *offline) == (0, found)


def test_a_log_that_was_set_back_is_detected(concord, harbour, open_round) -> None:
    """As after a restored backup: what was signed before is not there any more."""
    round = open_round
    concord("seal", cube_file(harbour.institution.code), "--round", round.public_id, "-o", "cube.sealed")
    _, sent = concord("submit", "cube.sealed")
    Path("state").mkdir(exist_ok=True)
    later = TreeHead("concord-test", 5, bytes(32), "2026-11-05T08:00:00Z")
    Path("state/log.head").write_text(issue_tree_head(later, receipt_key()))
    release = Release.objects.create(
        round=round,
        public_id="a-release-r1",
        revision=1,
        state="published",
        audit_passed=True,
        prepared_by=person("Tina", None, "statistician"),
        audit={"inputs": [str(Submission.objects.get().pk)]},
    )

    code, document = concord("verify", sent["receipt"], release.public_id)

    assert (code, document["error"]["rule"]) == (1, "log-rewritten")
