"""The published vectors of statements for own keys, the requests for such keys, and the files that keep them."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import pytest

from anonymize.errors import KeyStoreError, PackageError
from anonymize.package import SealingKeyPair, sealing_file
from anonymize.package.jose import decode
from anonymize.package.statement import STATEMENT_RULES, open_statement, rows_of, verify_statement
from anonymize.package.statement_key import (
    STATEMENT_KEY_RULES,
    STATEMENT_KEY_TYPE,
    read_statement_key,
    request_statement_key,
)
from tests.vectors.sealed import keys
from tests.vectors.statement import generate

VECTORS = json.loads(generate.FILE.read_text(encoding="utf-8"))
PAGE = (Path(__file__).parents[3] / "docs/contracts/statement.md").read_text(encoding="utf-8")
TOLD = (VECTORS["institution"], VECTORS["consortium"], generate.AT)
SIGNING_KEYS = {keys.INSTITUTION.kid: keys.INSTITUTION.public_jwk()}
PASSPHRASE = "correct horse battery"


def opened(text, suite="X25519"):
    pair = SealingKeyPair.from_private_bytes(suite, decode(VECTORS["private_keys"][suite]))
    names = {name: VECTORS[name] for name in ("institution", "release", "consortium")}
    return open_statement(verify_statement(text, VECTORS["jwks"], **names), pair)


@pytest.mark.parametrize("vector", VECTORS["opened"], ids=lambda vector: vector["suite"])
def test_a_statement_opens_with_its_key(vector):
    assert opened(vector["statement"], vector["suite"]) == VECTORS["document"]


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: vector["rule"])
def test_a_statement_that_is_not_as_it_should_be_is_refused_with_a_sentence(vector):
    with pytest.raises(PackageError) as refused:
        opened(vector["statement"])
    assert refused.value.rule == vector["rule"]
    assert refused.value.sentence.startswith(STATEMENT_RULES[vector["rule"]])


def test_there_is_a_vector_for_every_rule_and_the_page_names_each():
    assert {vector["rule"] for vector in VECTORS["refused"]} == set(STATEMENT_RULES)
    opening = PAGE.split("## Refusals")[1].split("## ")[0]
    assert set(re.findall(r"^\| `([a-z-]+)`", opening, re.MULTILINE)) == set(STATEMENT_RULES)
    registering = PAGE.split("## Registering a key")[1].split("## ")[0]
    assert set(re.findall(r"^\| `([a-z-]+)`", registering, re.MULTILINE)) == set(STATEMENT_KEY_RULES)


def test_the_vectors_are_what_the_generator_writes_but_for_what_is_drawn():
    made = generate.document()
    drawn = ("opened", "refused")
    assert {name: made[name] for name in made if name not in drawn} == {
        name: VECTORS[name] for name in VECTORS if name not in drawn
    }
    for name in drawn:
        assert [_header(each) for each in made[name]] == [_header(each) for each in VECTORS[name]]


def _header(vector):
    return vector["statement"].split(".")[0]


def test_rows_have_a_line_for_each_cell_and_peer_group_with_null_beside_what_is_withheld():
    total, car = rows_of(VECTORS["document"])
    assert total["PRODUCT"] == "_T"
    assert (total["OWN"], total["BAND"], total["PERCENTILE_FROM"]) == (0.03, "above-median", 60)
    assert (car["PRODUCT"], car["OWN"], car["TO_MEDIAN"]) == ("CAR", 0.05, None)


def test_columns_of_different_lengths_are_refused():
    document = json.loads(json.dumps(VECTORS["document"]))
    document["indicators"]["DPD60_RATE"]["own"].pop()
    with pytest.raises(PackageError, match="no sealed statement"):
        rows_of(document)


def test_a_request_names_the_key_and_who_vouches_for_it():
    key, kid = read_statement_key(VECTORS["registration"], SIGNING_KEYS, *TOLD)
    assert (key.rkid, kid) == (generate.OWN["X25519"].rkid, keys.INSTITUTION.kid)


def _request(header=None, claims=None):
    public = generate.OWN["X25519"].public_jwk()
    body = {"iss": TOLD[0], "aud": TOLD[1], "iat": generate.AT, "jwk": public, **(claims or {})}
    return keys.INSTITUTION.sign_compact({"typ": STATEMENT_KEY_TYPE, **(header or {})}, json.dumps(body).encode())


REFUSED = {
    "malformed": _request().rpartition(".")[0],
    "wrong-type": _request({"typ": "JWT"}),
    "unknown-header": _request({"cty": "x"}),
    "unsupported-algorithm": keys.INSTITUTION.sign_compact({"typ": STATEMENT_KEY_TYPE}, b"{}").replace(
        "eyJhbGciOiJFZDI1NTE5Ii", "eyJhbGciOiJFZDQ0ODQ0Ii", 1
    ),
    "unknown-key": request_statement_key(generate.OWN["X25519"].public, keys.STRANGER, TOLD[0], TOLD[1], generate.AT),
    "private-key": _request(claims={"jwk": {**generate.OWN["X25519"].public_jwk(), "d": "A" * 43}}),
    "invalid-key": _request(claims={"jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}}),
    "bad-signature": ".".join([*_request().split(".")[:2], _request(claims={"iat": 1}).split(".")[2]]),
    "wrong-institution": _request(claims={"iss": "CN-002"}),
    "wrong-audience": _request(claims={"aud": "another"}),
    "issued-in-future": _request(claims={"iat": generate.AT + 301}),
    "too-old": _request(claims={"iat": generate.AT - 30 * 24 * 3600 - 1}),
}


@pytest.mark.parametrize("rule", STATEMENT_KEY_RULES)
def test_a_request_is_refused_by_its_rule(rule):
    with pytest.raises(PackageError) as refused:
        read_statement_key(REFUSED[rule], SIGNING_KEYS, *TOLD)
    assert refused.value.rule == rule


@pytest.mark.parametrize("suite", ["X-Wing", "X25519"])
def test_a_key_file_opens_with_its_passphrase_alone_and_only_its_owner_reads_it(suite, tmp_path):
    pair, path = SealingKeyPair.generate(suite), tmp_path / "statement-key.json"
    sealing_file.write(pair, path, PASSPHRASE)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sealing_file.public_of(path).rkid == pair.rkid
    assert sealing_file.from_file(path, PASSPHRASE).private_bytes() == pair.private_bytes()
    with pytest.raises(KeyStoreError, match="passphrase is wrong"):
        sealing_file.from_file(path, "another passphrase")
    with pytest.raises(KeyStoreError, match="there already"):
        sealing_file.write(pair, path, PASSPHRASE)


def test_the_private_half_of_a_key_file_is_bound_to_its_public_half(tmp_path):
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    for path in (first, second):
        sealing_file.write(SealingKeyPair.generate("X25519"), path, PASSPHRASE)
    mixed = {**json.loads(first.read_text()), "public": json.loads(second.read_text())["public"]}
    first.write_text(json.dumps(mixed))
    with pytest.raises(KeyStoreError, match="passphrase is wrong, or the file was changed"):
        sealing_file.from_file(first, PASSPHRASE)


@pytest.mark.parametrize("content", ["", "[]", '{"version": 2}', '{"version": 1}', '{"version": 1, "public": {}}'])
def test_what_is_no_key_file_is_refused_with_a_sentence(content, tmp_path):
    path = tmp_path / "statement-key.json"
    path.write_text(content)
    with pytest.raises(KeyStoreError):
        sealing_file.from_file(path, PASSPHRASE)


def test_a_short_passphrase_makes_no_file(tmp_path):
    with pytest.raises(KeyStoreError, match="at least 12"):
        sealing_file.write(SealingKeyPair.generate(), tmp_path / "key.json", "short")
    assert not (tmp_path / "key.json").exists()
