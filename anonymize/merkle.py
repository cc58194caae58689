"""The hash tree of RFC 9162, section 2: roots, inclusion proofs and consistency proofs, over SHA-256.

A tree is known by its complete subtrees: `node(level, index)` is the hash over the leaves `index * 2**level` up to
`(index + 1) * 2**level`, without the last. Whoever makes proofs asks for those; whoever checks a proof needs none.
Hashes are 32 bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()

Place = tuple[int, int]  # level and index of a complete subtree
Node = Callable[[int, int], bytes]
Span = tuple[int, int]  # the leaves from the first up to, not with, the second


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def completed_by(index: int, leaf: bytes, node: Node) -> list[bytes]:
    """The hashes of the complete subtrees that end at a new leaf, itself first; `node` is asked for their left halves."""
    hashes = [leaf]
    for left in left_of(index):
        hashes.append(node_hash(node(*left), hashes[-1]))
    return hashes


def left_of(index: int) -> list[Place]:
    """The complete subtrees, from small to large, that a new leaf completes larger ones with."""
    places = []
    level = 0
    while index >> level & 1:
        places.append((level, (index >> level) - 1))
        level += 1
    return places


def complete_in(span: Span) -> Iterator[Place]:
    """The complete subtrees that a span is made of, from left to right; a span is one that a proof speaks of."""
    start, end = span
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def root_of(span: Span, node: Node) -> bytes:
    """The hash over a span of leaves; over all of them it is the tree's root."""
    return _folded([node(*place) for place in complete_in(span)])


def root_of_leaves(leaves: Iterable[bytes]) -> bytes:
    """The root over the hashes of all leaves, read once."""
    peaks: list[bytes] = []
    for index, leaf in enumerate(leaves):
        peak, place = leaf, index
        while place & 1:
            peak, place = node_hash(peaks.pop(), peak), place >> 1
        peaks.append(peak)
    return _folded(peaks)


def inclusion_spans(index: int, size: int) -> list[Span]:
    """The spans whose hashes are the inclusion proof of a leaf, in the proof's order (PATH)."""
    start, end, spans = 0, size, list[Span]()
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    return spans[::-1]


def consistency_spans(first: int, second: int) -> list[Span]:
    """The spans whose hashes prove that the tree of the first size is the beginning of the second (PROOF)."""
    start, end, spans = 0, second, list[Span]()
    while first != end:
        middle = start + _split(end - start)
        if first <= middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    # Whoever checks knows the first tree's root, but no other subtree.
    return ([(start, end)] if start else []) + spans[::-1]


def includes(root: bytes, size: int, index: int, leaf: bytes, path: Sequence[bytes]) -> bool:
    """Whether the proof shows that the leaf is at this index of the tree (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last, current = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            current = node_hash(sibling, current)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            current = node_hash(current, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and current == root


def extends(first_root: bytes, first: int, second_root: bytes, second: int, path: Sequence[bytes]) -> bool:
    """Whether the proof shows that the second tree begins with the first (RFC 9162, 2.1.4.2); `first` is above 0."""
    if not 0 < first <= second:
        return False
    if first == second:
        return not path and first_root == second_root
    hashes = list(path)
    if first & (first - 1) == 0:
        hashes.insert(0, first_root)
    return bool(hashes) and _grow(first, second, hashes) == (first_root, second_root)


def _grow(first: int, second: int, hashes: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """Both roots as the proof's hashes give them; None when there are too many or too few."""
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = hashes[0]
    for each in hashes[1:]:
        if last == 0:
            return None
        if place & 1 or place == last:
            old, new = node_hash(each, old), node_hash(each, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, each)
        place, last = place >> 1, last >> 1
    return (old, new) if last == 0 else None


def _folded(hashes: list[bytes]) -> bytes:
    """The root over complete subtrees, given from left to right."""
    if not hashes:
        return EMPTY_ROOT
    *rest, root = hashes
    for each in reversed(rest):
        root = node_hash(each, root)
    return root


def _split(size: int) -> int:
    """The largest power of two below a size above 1."""
    return 1 << (size - 1).bit_length() - 1
