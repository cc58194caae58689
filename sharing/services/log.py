"""The log of accepted packages: it grows by one leaf in the transaction that accepts, and proves what is in it.

Heads are signed when somebody asks, in web, which has the key of receipts; the vault, which accepts, has none.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from anonymize import merkle
from anonymize.log import SALT_BYTES, leaf_data
from anonymize.package.jose import encode
from anonymize.package.tree_head import Counted, TreeHead, issue_counted, issue_tree_head
from consortium.errors import Refused
from consortium.signing import receipt_key
from sharing.models import Leaf

if TYPE_CHECKING:
    from sharing.models import Release, Submission

_LOCK: Final = 0x636F6E6C  # one writer at a time: a leaf has exactly one before it
MOST_ENTRIES: Final = 1000


@dataclass(frozen=True)
class Inclusion:
    """Where a submission is in the log, and what proves it."""

    leaf: Leaf
    size: int
    path: list[bytes]
    head: str


@transaction.atomic(savepoint=False)
def append(submission: Submission) -> Leaf:
    """The submission's leaf, written in the caller's transaction or not at all.

    Take row locks first: the log's lock is held until the transaction ends. Only the audit chain's comes after it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    index, salt = size(), secrets.token_bytes(SALT_BYTES)
    leaf = merkle.leaf_hash(leaf_data(str(submission.pk), submission.package_sha256, salt))
    subtrees = merkle.completed_by(index, leaf, _nodes(merkle.left_of(index)))
    return Leaf.objects.create(index=index, submission=submission, salt=salt, subtrees=b"".join(subtrees))


def size() -> int:
    """How many leaves the log has."""
    last = Leaf.objects.order_by("-index").values_list("index", flat=True).first()
    return 0 if last is None else last + 1


def signed_head() -> str:
    """The tree as it stands now, signed."""
    return _head(size())


def inclusion(submission: Submission) -> Inclusion:
    """The proof that a submission is in the log; Refused when it was never accepted."""
    leaf = Leaf.objects.filter(submission=submission).first()
    if leaf is None:
        raise Refused(_("This submission was not accepted, so it is not in the log."), rule="not-in-log")
    total = size()
    return Inclusion(leaf, total, _hashes(merkle.inclusion_spans(leaf.index, total)), _head(total))


def document(submission: Submission, proof: Inclusion) -> dict[str, Any]:
    """A submission's proof as the contract writes it."""
    return {
        "submission": str(submission.pk),
        "salt": encode(bytes(proof.leaf.salt)),
        "leaf_index": proof.leaf.index,
        "path": [each.hex() for each in proof.path],
        "head": proof.head,
    }


def counted_leaf(release: Release, institution_id: int) -> Leaf | None:
    """The leaf of the institution's submission that the release counts."""
    counted = Leaf.objects.filter(
        submission__in=release.audit.get("inputs", ()), submission__institution=institution_id
    )
    return counted.select_related("submission").first()


def consistency(first: int, second: int) -> list[bytes]:
    """The proof that the tree of the first size is the beginning of that of the second; Refused unless both were."""
    if not 0 < first <= second <= size():
        raise Refused(
            _("There is no such proof: first must be at least 1, second at least first and at most the log's size."),
            rule="no-such-tree",
        )
    return _hashes(merkle.consistency_spans(first, second))


def entries(start: int, end: int) -> list[bytes]:
    """The hashes of the leaves from `start` up to, not with, `end`; at most `MOST_ENTRIES`, fewer at the log's end."""
    if not 0 <= start < end:
        raise Refused(_("There are no such entries: start must be at least 0 and end above it."), rule="no-such-tree")
    return [leaf.hash for leaf in Leaf.objects.filter(index__gte=start, index__lt=end)[:MOST_ENTRIES]]


def signed_counted(release: Release) -> str:
    """The leaves of all submissions that a release follows from, signed; Refused unless it is computed."""
    inputs = release.audit.get("inputs")
    if inputs is None:
        raise Refused(_("This release is not computed, so it counts nothing yet."), rule="not-computed")
    leaves = frozenset(leaf.hash for leaf in Leaf.objects.filter(submission__in=inputs))
    if len(leaves) != len(inputs):
        raise Refused(_("A submission of this release is not in the log. Nothing was signed."), rule="not-in-log")
    counted = Counted(
        settings.CONCORD_AUDIENCE, release.public_id, release.round.public_id, release.inputs_digest, leaves
    )
    return issue_counted(counted, receipt_key())


def first_wrong() -> int | None:
    """The first leaf that is missing, or not what its submission and the leaves before it make it; None when all hold."""
    nodes: dict[merkle.Place, bytes] = {}
    for index, leaf in enumerate(Leaf.objects.select_related("submission").iterator(chunk_size=2000)):
        submission = leaf.submission
        own = merkle.leaf_hash(leaf_data(str(submission.pk), submission.package_sha256, bytes(leaf.salt)))
        subtrees = merkle.completed_by(index, own, lambda *place: nodes.pop(place))
        if leaf.index != index or bytes(leaf.subtrees) != b"".join(subtrees):
            return index
        # Only the largest that ends here will be asked for again.
        level = len(subtrees) - 1
        nodes[level, index >> level] = subtrees[-1]
    return None


def _head(size: int) -> str:
    (root,) = _hashes([(0, size)])
    now = timezone.now().isoformat(timespec="seconds").replace("+00:00", "Z")
    return issue_tree_head(TreeHead(settings.CONCORD_AUDIENCE, size, root, now), receipt_key())


def _hashes(spans: Sequence[merkle.Span]) -> list[bytes]:
    """The hash over each span of leaves, read in one query."""
    node = _nodes(place for span in spans for place in merkle.complete_in(span))
    return [merkle.root_of(span, node) for span in spans]


def _nodes(places: Iterable[merkle.Place]) -> Callable[[int, int], bytes]:
    """The complete subtrees at these places: each is kept in the row of its last leaf."""
    leaves = Leaf.objects.in_bulk({_last(*place) for place in places})
    return lambda level, index: leaves[_last(level, index)].subtree(level)


def _last(level: int, index: int) -> int:
    return (index + 1 << level) - 1
