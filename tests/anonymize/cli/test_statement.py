"""`concord statement`: the own key, its request, and statements that only it opens."""

from __future__ import annotations

import csv
import stat
import time

import pytest

from anonymize.config import load_config
from anonymize.package import sealing_file
from anonymize.package.statement import STATEMENT_MEDIA_TYPE
from anonymize.package.statement_key import read_statement_key
from tests.anonymize.cli.conftest import PASSPHRASE, Bank
from tests.anonymize.platform import AUDIENCE, INSTITUTION, Platform
from tests.vectors.sealed import keys
from tests.vectors.statement.generate import DOCUMENT, sealed

FILE = "october.jose"
OF_US = {**DOCUMENT, "institution": INSTITUTION, "release": "r-2"}


@pytest.fixture
def pair(bank: Bank):
    """The bank's own key for statements."""
    bank.json("statement", "key")
    return sealing_file.from_file(bank.directory / "statement-key.json", PASSPHRASE)


@pytest.fixture
def deliver(platform: Platform):
    """A function: the platform has this statement of r-2."""

    def give(text: str) -> None:
        def answer(method: str, path: str):
            if path.endswith("/releases/r-2/statement"):
                return 200, {"Content-Type": STATEMENT_MEDIA_TYPE}, text.encode()
            return None

        platform.before = answer

    return give


def of_us(pair, **changes):
    given = {"pair": pair, "consortium": AUDIENCE, "release": "r-2", "institution": INSTITUTION, **changes}
    return sealed({**OF_US, "release": given["release"]}, **given)


def test_the_request_names_the_key_and_the_signing_key_vouches_for_it(bank: Bank) -> None:
    told = bank.json("statement", "key", "--suite", "X25519")
    signing = load_config(bank.directory / "concord.toml").need_signing_key()
    key, kid = read_statement_key(
        told["request"], {signing.kid: signing.public_jwk()}, INSTITUTION, AUDIENCE, time.time()
    )
    assert (key.rkid, key.suite, kid) == (told["kid"], "X25519", signing.kid)
    path = bank.directory / "statement-key.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert bank.json("statement", "key")["kid"] == told["kid"]


def test_a_replaced_key_still_opens_what_was_sealed_to_it(bank: Bank, pair, deliver) -> None:
    deliver(of_us(pair))
    bank.json("statement", "get", "r-2", "-o", FILE)
    new = bank.json("statement", "key", "--replace")
    assert new["kid"] != pair.rkid
    assert (bank.directory / f"statement-key.{pair.rkid}.json").exists()
    assert bank.json("statement", "open", FILE)["release"] == "r-2"


def test_a_statement_is_fetched_opened_and_shown_as_a_table_json_and_csv(bank: Bank, pair, deliver) -> None:
    deliver(of_us(pair))
    told = bank.json("statement", "get", "r-2", "-o", FILE)
    assert told["key"] == pair.rkid
    assert b"0.03" not in (bank.directory / FILE).read_bytes()
    shown = bank.run("statement", "open", FILE).output
    assert "3.00%" in shown
    assert "60-70" in shown
    assert "CAR" not in shown
    [car] = bank.json("statement", "open", FILE, "--where", "PRODUCT=CAR")["results"]
    assert (car["OWN"], car["BAND"]) == (0.05, None)
    bank.json("statement", "open", FILE, "-o", "october.csv")
    with (bank.directory / "october.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["PRODUCT"], row["OWN"], row["TO_MEDIAN"]) for row in rows] == [
        ("_T", "0.03", "0.005"),
        ("CAR", "0.05", ""),
    ]


def refused(bank: Bank, *arguments: str) -> str:
    result = bank.run(*arguments, "--json")
    assert result.exit_code in {1, 2}
    return str(result.stdout)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"signer": keys.STRANGER}, "unknown-key"),
        ({"signer": keys.CONSORTIUM}, "wrong-key-use"),
        ({"release": "r-1"}, "other-release"),
        ({"institution": "CN-OTHER"}, "wrong-institution"),
    ],
)
def test_a_statement_that_is_forged_or_of_something_else_is_not_written(
    bank: Bank, pair, deliver, changes, rule
) -> None:
    deliver(of_us(pair, **changes))
    assert f'"{rule}"' in refused(bank, "statement", "get", "r-2", "-o", FILE)
    assert not (bank.directory / FILE).exists()


def test_the_statement_of_another_release_is_not_opened_for_the_one_asked_for(bank: Bank, pair, deliver) -> None:
    deliver(of_us(pair))
    bank.json("statement", "get", "r-2", "-o", FILE)
    assert '"other-release"' in refused(bank, "statement", "open", FILE, "--release", "r-1")


def test_a_changed_file_and_one_that_is_none_are_refused(bank: Bank, pair, deliver) -> None:
    deliver(of_us(pair))
    bank.json("statement", "get", "r-2", "-o", FILE)
    path = bank.directory / FILE
    header, payload, signature = path.read_text().split(".")
    path.write_text(f"{header}.{payload[:-4]}AAAA.{signature}")
    assert '"bad-signature"' in refused(bank, "statement", "open", FILE)
    path.write_bytes(b"\xff\xfe")
    assert '"malformed"' in refused(bank, "statement", "open", FILE)


def test_without_the_key_the_sentence_says_where_it_was_looked_for(bank: Bank, pair, deliver) -> None:
    deliver(of_us(pair))
    bank.json("statement", "get", "r-2", "-o", FILE)
    (bank.directory / "statement-key.json").unlink()
    assert "restore its file" in refused(bank, "statement", "open", FILE)


def test_a_wrong_passphrase_opens_nothing(bank: Bank, pair, deliver, monkeypatch) -> None:
    deliver(of_us(pair))
    bank.json("statement", "get", "r-2", "-o", FILE)
    monkeypatch.setenv("CONCORD_PASSPHRASE", "another passphrase")
    assert "passphrase is wrong" in refused(bank, "statement", "open", FILE)
