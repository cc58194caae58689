"""The hash tree of RFC 9162: the reference vectors of Certificate Transparency, and the definition run by brute force."""

from __future__ import annotations

import hashlib

import pytest

from anonymize import merkle

# The leaves, roots and proofs with which implementations of RFC 6962 and 9162 are tested (transparency-dev/merkle).
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
    (6, 7): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
}
MOST = 40


def tree_of(leaves):
    """The complete subtrees of a tree that grew by one leaf after another, as the log does."""
    nodes = {}
    for index, leaf in enumerate(leaves):
        for level, hash in enumerate(merkle.completed_by(index, leaf, lambda *place: nodes[place])):
            nodes[level, index >> level] = hash
    return lambda *place: nodes[place]


def root_by_definition(leaves):
    """MTH of RFC 9162, 2.1.1, written down as it stands there."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = max(2**power for power in range(20) if 2**power < len(leaves))
    return hashlib.sha256(b"\x01" + root_by_definition(leaves[:k]) + root_by_definition(leaves[k:])).digest()


VECTORS = [merkle.leaf_hash(bytes.fromhex(each)) for each in LEAVES]
MANY = [merkle.leaf_hash(bytes([each])) for each in range(MOST)]
NODE = tree_of(MANY)


def proof(spans, node=NODE):
    return [merkle.root_of(span, node) for span in spans]


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_the_reference(size) -> None:
    assert merkle.root_of((0, size), tree_of(VECTORS)).hex() == ROOTS[size]


@pytest.mark.parametrize("case", INCLUSION)
def test_inclusion_proofs_are_those_of_the_reference(case) -> None:
    index, size = case
    path = [bytes.fromhex(each) for each in INCLUSION[case]]
    assert proof(merkle.inclusion_spans(index, size), tree_of(VECTORS)) == path
    assert merkle.includes(bytes.fromhex(ROOTS[size]), size, index, VECTORS[index], path)


@pytest.mark.parametrize("case", CONSISTENCY)
def test_consistency_proofs_are_those_of_the_reference(case) -> None:
    first, second = case
    path = [bytes.fromhex(each) for each in CONSISTENCY[case]]
    assert proof(merkle.consistency_spans(first, second), tree_of(VECTORS)) == path
    assert merkle.extends(bytes.fromhex(ROOTS[first]), first, bytes.fromhex(ROOTS[second]), second, path)


def test_every_root_is_that_of_the_definition() -> None:
    for size in range(MOST + 1):
        assert merkle.root_of((0, size), NODE) == root_by_definition(MANY[:size])
        assert merkle.root_of_leaves(MANY[:size]) == root_by_definition(MANY[:size])


def test_every_leaf_is_proved_at_its_place_and_nowhere_else() -> None:
    for size in range(1, MOST + 1):
        root = root_by_definition(MANY[:size])
        for index in range(size):
            path = proof(merkle.inclusion_spans(index, size))
            places = [each for each in range(-1, size + 2) if merkle.includes(root, size, each, MANY[index], path)]
            assert places == [index]


def test_an_inclusion_proof_that_was_touched_proves_nothing() -> None:
    for size in range(1, MOST + 1):
        root = root_by_definition(MANY[:size])
        path = proof(merkle.inclusion_spans(size // 2, size))
        for wrong in touched(path):
            assert not merkle.includes(root, size, size // 2, MANY[size // 2], wrong)


def test_every_tree_is_proved_to_begin_with_every_smaller_one() -> None:
    roots = [root_by_definition(MANY[:size]) for size in range(MOST + 1)]
    for second in range(1, MOST + 1):
        for first in range(1, second + 1):
            path = proof(merkle.consistency_spans(first, second))
            assert merkle.extends(roots[first], first, roots[second], second, path)
            others = {roots[(first + 1) % MOST], roots[first - 1]} - {roots[first]}
            assert not any(merkle.extends(each, first, roots[second], second, path) for each in others)
            assert not any(merkle.extends(roots[first], first, each, second, path) for each in others - {roots[second]})


def test_a_consistency_proof_that_was_touched_proves_nothing() -> None:
    roots = [root_by_definition(MANY[:size]) for size in range(MOST + 1)]
    for second in range(1, MOST + 1):
        for first in range(1, second + 1):
            for wrong in touched(proof(merkle.consistency_spans(first, second))):
                assert not merkle.extends(roots[first], first, roots[second], second, wrong)


def test_a_tree_whose_leaf_was_exchanged_is_consistent_with_no_head_that_had_it() -> None:
    rewritten = tree_of([*MANY[:7], merkle.leaf_hash(b"another"), *MANY[8:]])
    root = merkle.root_of((0, MOST), rewritten)
    for first in range(8, MOST + 1):
        path = proof(merkle.consistency_spans(first, MOST), rewritten)
        assert not merkle.extends(root_by_definition(MANY[:first]), first, root, MOST, path)


def touched(path):
    """The proof with one hash changed, removed or added."""
    other = hashlib.sha256(b"other").digest()
    for place in range(len(path)):
        yield [*path[:place], other, *path[place + 1 :]]
        yield [*path[:place], *path[place + 1 :]]
    for place in range(len(path) + 1):
        yield [*path[:place], other, *path[place:]]
