"""docs/contracts/log.md is enough: its verifier, run as it stands, accepts what is right and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from anonymize.package import issue_receipt
from tests.anonymize.test_log import RELEASE, Log, receipt_of
from tests.vectors.sealed import keys

PAGE = (Path(__file__).parents[2] / "docs" / "contracts" / "log.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def verify():
    (program,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(program, "log.md", "exec"), names)
    return names["verify"]


@pytest.mark.parametrize("size", range(1, 10))
def test_the_verifier_of_the_page_accepts_every_leaf(verify, size) -> None:
    log = Log([receipt_of(number) for number in range(size)])
    for number, receipt in enumerate(log.receipts):
        signed = issue_receipt(receipt, keys.CONSORTIUM)
        verify(signed, RELEASE, log.submission_proof(number), log.release_proof(), keys.CONSORTIUM_JWKS)


def test_the_verifier_of_the_page_refuses_what_is_not_proved(verify) -> None:
    log = Log()
    own = issue_receipt(log.receipts[3], keys.CONSORTIUM)
    wrong = [
        (own, RELEASE, log.submission_proof(4), log.release_proof()),
        (own, "another", log.submission_proof(3), log.release_proof()),
        (own, RELEASE, log.submission_proof(3), log.release_proof(leaves=frozenset(log.leaves[:3]))),
        (issue_receipt(receipt_of(8), keys.CONSORTIUM), RELEASE, log.submission_proof(3), log.release_proof()),
    ]
    for documents in wrong:
        with pytest.raises(AssertionError):
            verify(*documents, keys.CONSORTIUM_JWKS)


def test_the_types_of_the_page_are_those_of_the_code() -> None:
    from anonymize.package.tree_head import COUNTED_TYPE, TREE_HEAD_TYPE

    assert all(f"`{each}`" in PAGE for each in (COUNTED_TYPE, TREE_HEAD_TYPE))
