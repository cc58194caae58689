"""The published vectors of key registrations are accepted and refused as they say."""

from __future__ import annotations

import json

import pytest

from anonymize.errors import PackageError
from anonymize.package import REGISTRATION_RULES, read_registration
from tests.vectors.registration.generate import FILE, document

VECTORS = json.loads(FILE.read_text(encoding="utf-8"))
TOLD = (VECTORS["institution"], VECTORS["audience"], VECTORS["now"])


@pytest.mark.parametrize("vector", VECTORS["accepted"], ids=["Ed25519", "ES256"])
def test_an_accepted_request(vector):
    assert read_registration(vector["request"], *TOLD)["kid"] == vector["kid"]


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: vector["rule"])
def test_a_refused_request(vector):
    with pytest.raises(PackageError) as refusal:
        read_registration(vector["request"], *TOLD)

    assert refusal.value.rule == vector["rule"]


def test_there_is_a_vector_for_every_rule():
    assert {vector["rule"] for vector in VECTORS["refused"]} == set(REGISTRATION_RULES)


def test_the_vectors_are_what_the_generator_writes():
    """But for signatures of ES256, which are different each time."""
    made = document()

    assert made["refused"] == VECTORS["refused"]
    assert made["accepted"][0] == VECTORS["accepted"][0]
