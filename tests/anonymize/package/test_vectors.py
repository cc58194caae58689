"""The published test vectors say what this code does: every rule has one, and every one is obeyed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from anonymize.errors import PackageError
from anonymize.package import RULES, SealingKeyPair, open_sealed, verify, verify_jwk, verify_receipt
from tests.vectors.sealed.generate import FILE, vectors

VECTORS: dict[str, Any] = json.loads(FILE.read_text(encoding="ascii"))
CONTEXT = VECTORS["context"]
JWKS = CONTEXT["consortium_jwks"]


def opened(package: str) -> bytes:
    pairs = {
        each["jwk"]["kid"]: SealingKeyPair.from_private_bytes(each["jwk"]["suite"], bytes.fromhex(each["private_hex"]))
        for each in CONTEXT["round_keys"]
    }
    envelope = verify(
        package.encode(),
        keys={jwk["kid"]: jwk for jwk in CONTEXT["keys_in_force"]},
        revoked=CONTEXT["revoked_kids"],
        audience=CONTEXT["audience"],
        round_id=CONTEXT["round"],
        institution=CONTEXT["institution"],
        rkids=pairs,
        max_bytes=CONTEXT["max_package_bytes"],
        now=CONTEXT["now"],
    )
    return open_sealed(envelope, pairs[envelope.rkid])


def by_name(cases: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(case, id=case.get("name") or case.get("rule") or str(i)) for i, case in enumerate(cases)]


@pytest.mark.parametrize("case", by_name(VECTORS["valid"]))
def test_a_valid_vector_opens_to_its_plaintext(case: dict[str, Any]) -> None:
    assert opened(case["package"]) == bytes.fromhex(case["plaintext_hex"])


@pytest.mark.parametrize("case", by_name(VECTORS["invalid"]))
def test_an_invalid_vector_is_refused_by_its_rule(case: dict[str, Any]) -> None:
    with pytest.raises(PackageError) as refused:
        opened(case["package"])
    assert refused.value.rule == case["rule"]


@pytest.mark.parametrize("case", by_name(VECTORS["round_key_signatures"]["valid"]))
def test_a_signed_round_key_is_taken_from_its_signature(case: dict[str, Any]) -> None:
    assert verify_jwk(case["signature"], round_id=CONTEXT["round"], jwks=JWKS).rkid == case["rkid"]


@pytest.mark.parametrize("case", by_name(VECTORS["round_key_signatures"]["invalid"]))
def test_a_round_key_is_refused_by_its_rule(case: dict[str, Any]) -> None:
    with pytest.raises(PackageError) as refused:
        verify_jwk(case["signature"], round_id=CONTEXT["round"], jwks=JWKS)
    assert refused.value.rule == case["rule"]


@pytest.mark.parametrize("case", by_name(VECTORS["receipts"]["valid"]))
def test_a_receipt_is_about_its_package(case: dict[str, Any]) -> None:
    receipt = verify_receipt(case["receipt"], JWKS, case["package"].encode())
    assert (receipt.institution, receipt.round_id) == (CONTEXT["institution"], CONTEXT["round"])


@pytest.mark.parametrize("case", by_name(VECTORS["receipts"]["invalid"]))
def test_a_receipt_is_refused_by_its_rule(case: dict[str, Any]) -> None:
    with pytest.raises(PackageError) as refused:
        verify_receipt(case["receipt"], JWKS, case["package"].encode())
    assert refused.value.rule == case["rule"]


def test_every_rule_has_a_vector() -> None:
    rules = {case["rule"] for part in ("round_key_signatures", "receipts") for case in VECTORS[part]["invalid"]}
    rules |= {case["rule"] for case in VECTORS["invalid"]}
    assert rules == set(RULES)


def test_the_generator_makes_the_cases_that_are_published() -> None:
    fresh = vectors()
    assert fresh["context"] == CONTEXT
    for part in ("valid", "invalid"):
        assert [(case["name"], case.get("rule")) for case in fresh[part]] == [
            (case["name"], case.get("rule")) for case in VECTORS[part]
        ]
