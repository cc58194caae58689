"""What was changed after signing is refused by its documented error: no crash, no acceptance. `make fuzz` does more."""

from __future__ import annotations

import json
from random import Random

import pytest
from hypothesis import given, settings, strategies as st

from anonymize.errors import PackageError
from anonymize.package import read_header, verify_receipt
from anonymize.package.jose import encode
from anonymize.package.registration import read_registration
from tests.fuzz.mutations import MUTATIONS, Genuine, Mutant, mutant
from tests.fuzz.run import batch
from tests.fuzz.targets import AUDIENCE, INSTITUTION, NOW, Target, targets
from tests.vectors.sealed import keys

READERS = targets()
BATCHES, EACH = 6, 500


@pytest.mark.parametrize("seed", range(BATCHES))
def test_no_mutant_is_taken_and_none_breaks_a_reader(seed: int) -> None:
    assert batch(1_000_000 + seed, EACH).finds == []


@pytest.mark.parametrize("reader", READERS)
def test_each_reader_takes_what_is_genuine(reader: str) -> None:
    """Readers that refuse everything would pass every test above."""
    for genuine in READERS[reader].genuine:
        assert READERS[reader].read(genuine.text.encode())


@pytest.mark.parametrize("name", MUTATIONS)
def test_each_mutation_changes_something(name: str) -> None:
    genuine, random = READERS["package"].genuine[0], Random(5)
    made = [MUTATIONS[name](genuine, random).content for _ in range(50)]
    assert sum(each != genuine.text.encode() for each in made) >= 45
    assert len(set(made)) > 1


def test_mutants_reach_every_step_of_the_checks() -> None:
    """Mutants that all fail at the first step would prove little about the others."""
    random, package, rules = Random(11), READERS["package"], set[str]()
    for _ in range(4_000):
        _, made = mutant(random.choice(package.genuine), random)
        try:
            package.read(made.content)
        except PackageError as refused:
            rules.add(refused.rule)
    assert {"malformed", "truncated", "wrong-type", "unknown-header", "unsupported-algorithm", "wrong-round"} <= rules
    assert {"unknown-key", "revoked-key", "bad-signature", "wrong-sealing-key", "cannot-open"} <= rules


def test_a_reader_that_takes_anything_is_found() -> None:
    genuine = Genuine("a.b.c", keys.INSTITUTION, ("d.e.f",))
    careless = Target(lambda content: content, (genuine,), insider_may=False)
    assert str(careless.crash_or_acceptance(genuine, Mutant(b"x"))).startswith("accepted")
    broken = Target(lambda content: 1 / 0, (genuine,), insider_may=False)
    assert str(broken.crash_or_acceptance(genuine, Mutant(b"x"))).startswith("crash: ZeroDivisionError")


ANYTHING = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=60),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(["alg", "typ", "kid", "iss", "aud", "sub", "iat", "cty", "hpke", "rkid", "jwk", "crit"])
HEADERS = st.dictionaries(NAMES | st.text(max_size=5), VALUES, max_size=12)


@settings(max_examples=300, deadline=None)
@given(ANYTHING)
def test_any_bytes_are_refused(content: bytes) -> None:
    for read in (READERS[name].read for name in READERS):
        with pytest.raises(PackageError):
            read(content)


@settings(max_examples=300, deadline=None)
@given(HEADERS, st.binary(min_size=1, max_size=80))
def test_any_header_is_refused_or_well_formed(header: dict[str, object], payload: bytes) -> None:
    text = f"{encode(json.dumps(header).encode())}.{encode(payload)}.{'A' * 86}"
    for read in (
        lambda: read_header(text.encode()),
        lambda: verify_receipt(text, keys.CONSORTIUM_JWKS),
        lambda: read_registration(text, INSTITUTION, AUDIENCE, NOW),
    ):
        with pytest.raises(PackageError):
            read()
