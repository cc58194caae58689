"""Proofs that a submission is in the log and in a release, checked with files and keys alone."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from anonymize import merkle
from anonymize.cli import main
from anonymize.errors import LogError, PackageError
from anonymize.log import leaf_data, verify_consistency, verify_in_release
from anonymize.package import Receipt, issue_receipt
from anonymize.package.jose import encode
from anonymize.package.tree_head import (
    Counted,
    TreeHead,
    issue_counted,
    issue_tree_head,
    verify_counted,
    verify_tree_head,
)
from tests.vectors.sealed import keys

RELEASE, ROUND = "delinquency-2026-10-r1", "delinquency-2026-10"
AT = "2026-11-05T08:00:00Z"


def receipt_of(number: int, **changes: object) -> Receipt:
    receipt = Receipt(
        "concord-test", f"submission-{number}", f"CN-{number}", ROUND, 1, f"{number:064x}", 100, "2026-11-05T08:00:00Z"
    )
    return replace(receipt, **changes)


def salt_of(number: int) -> bytes:
    return bytes([number]) * 32


@dataclass
class Log:
    """A consortium's log as it tells of it: `receipts` became leaves in this order, signed with `key`."""

    receipts: list[Receipt] = field(default_factory=lambda: [receipt_of(number) for number in range(7)])
    key: object = keys.CONSORTIUM

    @property
    def leaves(self) -> list[bytes]:
        return [
            merkle.leaf_hash(leaf_data(each.submission, each.sha256, salt_of(number)))
            for number, each in enumerate(self.receipts)
        ]

    def hash(self, span: merkle.Span) -> bytes:
        return merkle.root_of(span, lambda level, index: self._subtree(level, index))

    def _subtree(self, level: int, index: int) -> bytes:
        if level == 0:
            return self.leaves[index]
        return merkle.node_hash(self._subtree(level - 1, 2 * index), self._subtree(level - 1, 2 * index + 1))

    def head(self, **changes: object) -> TreeHead:
        size = len(self.receipts)
        return replace(TreeHead("concord-test", size, self.hash((0, size)), AT), **changes)

    def submission_proof(self, number: int, **changes: object) -> dict[str, object]:
        size = len(self.receipts)
        document = {
            "submission": self.receipts[number].submission,
            "salt": encode(salt_of(number)),
            "leaf_index": number,
            "path": [self.hash(span).hex() for span in merkle.inclusion_spans(number, size)],
            "head": issue_tree_head(self.head(), self.key),
        }
        return {**document, **changes}

    def release_proof(self, **changes: object) -> dict[str, object]:
        counted = Counted("concord-test", RELEASE, ROUND, "0" * 64, frozenset(self.leaves))
        return {"release": RELEASE, "counted": issue_counted(replace(counted, **changes), self.key)}

    def consistency(self, first: int) -> dict[str, object]:
        size = len(self.receipts)
        path = [self.hash(span).hex() for span in merkle.consistency_spans(first, size)]
        return {"first": first, "second": size, "path": path}


@pytest.fixture
def log() -> Log:
    return Log()


def verify(log: Log, number: int = 3, *, receipt: Receipt | None = None, **documents: dict[str, object]):
    return verify_in_release(
        issue_receipt(receipt or log.receipts[number], keys.CONSORTIUM),
        RELEASE,
        documents.get("submission", log.submission_proof(number)),
        documents.get("release", log.release_proof()),
        keys.CONSORTIUM_JWKS,
    )


@pytest.mark.parametrize("number", range(7))
def test_a_submission_that_was_counted_is_proved(log, number) -> None:
    found = verify(log, number)

    assert (found.index, found.head.size, found.receipt.submission) == (number, 7, f"submission-{number}")
    assert found.counted.release == RELEASE


def refused(rule: str):
    return pytest.raises(LogError, check=lambda error: error.rule == rule)


def test_a_receipt_of_other_bytes_is_not_in_the_log(log) -> None:
    with refused("not-in-log"):
        verify(log, receipt=receipt_of(3, sha256="f" * 64))


def test_a_proof_of_another_member_proves_nothing_for_this_one(log) -> None:
    with refused("not-in-log"):
        verify(log, 3, submission=log.submission_proof(4))


def test_a_submission_that_was_left_out_of_the_release_is_told(log) -> None:
    with refused("not-counted"):
        verify(log, release=log.release_proof(leaves=frozenset(log.leaves[:3])))


def test_a_proof_about_another_release_round_or_consortium_is_refused(log) -> None:
    with refused("other-release"):
        verify(log, release=log.release_proof(release="delinquency-2026-09-r1"))
    with refused("other-round"):
        verify(log, release=log.release_proof(round_id="delinquency-2026-09"))
    with refused("other-consortium"):
        verify(log, release=log.release_proof(consortium="another"))
    with refused("other-consortium"):
        verify(log, receipt=receipt_of(3, consortium="another"))


@pytest.mark.parametrize("name", ["salt", "leaf_index", "path", "head"])
@pytest.mark.parametrize("value", [None, 7.5, "?", True, [7], {}])
def test_a_proof_of_another_form_is_refused(log, name, value) -> None:
    with pytest.raises((LogError, PackageError), check=lambda error: error.rule in {"malformed", "truncated"}):
        verify(log, submission=log.submission_proof(3, **{name: value}))


def test_a_head_signed_with_another_key_or_type_is_refused(log) -> None:
    head = log.head()
    for signed, rule in [
        (issue_tree_head(head, keys.STRANGER), "unknown-key"),
        (issue_tree_head(head, keys.VAULT), "wrong-key-use"),
        (log.release_proof()["counted"], "wrong-type"),
        (issue_receipt(log.receipts[0], keys.CONSORTIUM), "wrong-type"),
    ]:
        with pytest.raises(PackageError) as refusal:
            verify_tree_head(signed, keys.CONSORTIUM_JWKS)
        assert refusal.value.rule == rule


def test_the_order_in_which_members_came_is_not_told(log) -> None:
    signed = log.release_proof()["counted"]
    assert signed == Log(receipts=log.receipts).release_proof(leaves=frozenset(reversed(log.leaves)))["counted"]
    assert verify_counted(signed, keys.CONSORTIUM_JWKS).leaves == set(log.leaves)


def test_nobody_finds_a_member_without_the_salt(log) -> None:
    guesses = {merkle.leaf_hash(leaf_data(each.submission, each.sha256, bytes(32))) for each in log.receipts}
    assert len({leaf_data(each.submission, each.sha256, salt_of(1)) for each in log.receipts}) == 7
    assert guesses.isdisjoint(log.leaves[1:])


def test_a_log_that_only_grew_is_consistent_in_either_order(log) -> None:
    before = Log(log.receipts[:4]).head()
    path = log.consistency(4)["path"]

    verify_consistency(before, log.head(), path)
    verify_consistency(log.head(), before, path)


def test_a_log_that_was_rewritten_is_detected(log) -> None:
    rewritten = Log([receipt_of(9), *log.receipts[1:]])
    with refused("log-rewritten"):
        verify_consistency(Log(log.receipts[:4]).head(), rewritten.head(), rewritten.consistency(4)["path"])
    with refused("log-rewritten"):
        verify_consistency(log.head(), rewritten.head(), [])


# The command, without any server


@pytest.fixture
def concord(log, tmp_path, monkeypatch):
    """Runs `concord verify` on files only; gives exit code and document."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CONCORD_CONFIG", str(tmp_path / "concord.toml"))
    Path("concord.toml").write_text("")
    Path("jwks.json").write_text(json.dumps(keys.CONSORTIUM_JWKS))
    Path("own.receipt").write_text(issue_receipt(log.receipts[3], keys.CONSORTIUM))

    def run(log: Log, *more: str, release: str = RELEASE) -> tuple[int, dict]:
        Path("submission.json").write_text(json.dumps(log.submission_proof(3)))
        Path("release.json").write_text(json.dumps(log.release_proof()))
        files = ["--submission-proof", "submission.json", "--release-proof", "release.json", "--keys", "jwks.json"]
        command = ["verify", "own.receipt", release, *files, *more, "--json"]
        result = CliRunner().invoke(main, command, catch_exceptions=False)
        return result.exit_code, json.loads(result.stdout)

    return run


def test_the_command_proves_it_without_a_connection(concord, log) -> None:
    code, document = concord(log)
    assert (code, document["leaf_index"], document["tree_size"], document["counted"]) == (0, 3, 7, 7)


def test_the_command_ends_with_1_when_the_proof_fails(concord, log) -> None:
    code, document = concord(log, release="delinquency-2026-09-r1")
    assert (code, document["error"]["rule"]) == (1, "other-release")


def test_the_command_remembers_the_head_and_finds_a_rewritten_log(concord, log) -> None:
    assert concord(log)[0] == 0
    assert concord(log)[0] == 0

    code, document = concord(Log([receipt_of(9), *log.receipts[1:]]))

    assert (code, document["error"]["rule"]) == (1, "log-rewritten")


def test_the_command_asks_for_the_proof_between_two_heads(concord, log) -> None:
    assert concord(Log(log.receipts[:4]))[0] == 0
    code, document = concord(log)
    assert (code, document["error"]["rule"]) == (1, "consistency-needed")
    assert "first=4&second=7" in document["error"]["sentence"]

    Path("consistency.json").write_text(json.dumps(log.consistency(4)))
    assert concord(log, "--consistency", "consistency.json")[0] == 0
    # The larger one is remembered: a smaller one must be proved to be its beginning.
    assert concord(Log(log.receipts[:4]))[1]["error"]["rule"] == "consistency-needed"
    assert concord(Log(log.receipts[:4]), "--consistency", "consistency.json")[0] == 0
    assert concord(log)[0] == 0


def test_a_remembered_head_that_was_damaged_is_told_and_kept(concord, log) -> None:
    concord(log)
    kept = Path("state/log.head")
    kept.write_bytes(kept.read_bytes()[:-9])
    before = kept.read_bytes()

    code, document = concord(log)

    assert (code, document["error"]["rule"], kept.read_bytes()) == (1, "seen-head", before)


def test_no_proof_that_was_changed_anywhere_is_accepted(log) -> None:
    dice = random.Random(9162)
    right = json.dumps(log.submission_proof(3)), json.dumps(log.release_proof())
    for _each in range(400):
        wrong = [mutated(text, dice) for text in right]
        which = dice.randrange(2)
        changed = (wrong[0], right[1]) if which == 0 else (right[0], wrong[1])
        try:
            documents = [json.loads(each) for each in changed]
        except ValueError:
            continue
        if not all(isinstance(each, dict) for each in documents) or means_the_same(documents, right):
            continue
        with pytest.raises((LogError, PackageError)):
            verify(log, submission=documents[0], release=documents[1])


def mutated(text: str, dice: random.Random) -> str:
    place = dice.randrange(len(text))
    other = dice.choice('0123456789abcdefABCDEF"{}[]:,.-_ é')
    return dice.choice([text[:place] + other + text[place + 1 :], text[:place] + text[place + 1 :], text[:place]])


def means_the_same(documents, right) -> bool:
    """Whether nothing that is verified was touched: what is beside it may say anything."""
    verified = [("salt", "leaf_index", "path", "head"), ("counted",)]
    return all(
        all(document.get(name) == json.loads(text)[name] for name in names)
        for document, text, names in zip(documents, right, verified, strict=True)
    )


def test_one_proof_alone_is_wrong_use(concord, log) -> None:
    result = CliRunner().invoke(main, ["verify", "own.receipt", RELEASE, "--release-proof", "jwks.json"])
    assert result.exit_code == 2
