"""Statements: sealed by the vault in blocks to the portal's delivery key, opened for the own institution only."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Q
from django.utils import timezone

from anonymize.package import SealingKeyPair
from anonymize.package.statement import DOCUMENT_VERSION
from anonymize.template import Template
from consortium.institutions.models import Institution
from consortium.people.roles import Actor
from sharing import vault
from sharing.benchmarks import comparison
from sharing.benchmarks.comparison import Comparison, OwnRates, Positions
from sharing.benchmarks.pool import Values, cell_keys, layout_of
from sharing.models import Collection, Release, ReleaseCell, Statement, StatementBlock, StatementKey
from sharing.rules import check_can_fetch_sealed, check_can_open_statement, check_is_own_statement

_AT_ONCE: Final = 100  # statements in memory before they are written
_ROW: Final = ("pk", "release", "release__public_id", "institution__code", "release__round__collection", "first")


class _Row(NamedTuple):
    """What is needed of a statement to open its blocks."""

    pk: int
    release: int
    public_id: str
    institution: str
    collection: int
    first: bool  # of version 1


def seal_all(
    release: Release,
    institutions: Mapping[str, Institution],
    own_rates: Iterable[tuple[str, OwnRates]],
    own_keys: Mapping[str, StatementKey | None] | None = None,
) -> int:
    """How many statements were written, in the caller's transaction, after the cells; `institutions` is by code.

    `own_keys` are those of `statement_keys.recipients`: what goes to an own key gets no block for the portal, and who
    has chosen an own key but has none in force gets no statement.
    """
    own_keys = own_keys or {}
    written = 0
    documents = _Documents(release)
    waiting = ((code, own) for code, own in own_rates if code not in own_keys or own_keys[code] is not None)
    while batch := list(islice(waiting, _AT_ONCE)):
        rows = Statement.objects.bulk_create(
            Statement(
                release=release,
                institution=institutions[code],
                peer_groups=list(own.peer_groups),
                **documents.of(code, own, own_keys.get(code)),
            )
            for code, own in batch
        )
        StatementBlock.objects.bulk_create(
            StatementBlock(
                statement=row,
                indicator=indicator,
                part=part,
                sealed=vault.seal_for_portal(content, _about(release.public_id, code, indicator, part)),
            )
            for row, (code, own) in zip(rows, batch, strict=True)
            if not row.is_for_own_key
            for indicator, (cells, rates) in own.columns.items()
            for part, content in comparison.blocks_of(cells, rates)
        )
        written += len(batch)
    return written


class _Documents:
    """Statements for own keys; what is published beside a peer group is read once for all of them."""

    def __init__(self, release: Release) -> None:
        self.release = release
        self.published: dict[str, dict[tuple[str, str], ReleaseCell]] = {}
        self.keys: Sequence[str] = ()

    def of(self, code: str, own: OwnRates, key: StatementKey | None) -> dict[str, Any]:
        """The columns of the statement's row; none where the portal is to open it."""
        if key is None:
            return {}
        template = self.release.round.collection.template
        self.keys = self.keys or cell_keys(layout_of(template))
        for group in own.peer_groups:
            if group not in self.published:
                self.published[group] = self._of_group(group)
        recipient = vault.statement_recipient(key)
        at = timezone.now().replace(microsecond=0)
        document = {
            "version": DOCUMENT_VERSION,
            "release": self.release.public_id,
            "institution": code,
            "collection": self.release.round.collection.code,
            "period": self.release.round.period,
            "computed_at": at.isoformat(),
            "indicators": comparison.document_columns(own, template, self.keys, self.published),
        }
        sealed = vault.seal_to_own_key(
            document, release_id=self.release.public_id, institution=code, at=int(at.timestamp()), key=recipient
        )
        return {"key": key, "document": sealed.encode("ascii")}

    def _of_group(self, group: str) -> dict[tuple[str, str], ReleaseCell]:
        cells = ReleaseCell.objects.filter(release=self.release, peer_group=group)
        return {(cell.indicator, cell.key): cell for cell in cells.iterator(chunk_size=5000)}


def sealed_document(statement: Statement, *, by: Actor) -> bytes:
    """What only the institution's own key opens, for the institution; Refused where the portal opens it."""
    check_is_own_statement(by, statement)
    check_can_fetch_sealed(statement)
    return bytes(statement.document or b"")


def sealed_to_own_key(person: Actor, releases: Iterable[Release]) -> set[int]:
    """Of these releases those, by their pks, whose statement only the person's institution itself can open."""
    pks = [release.pk for release in releases]
    mine = Statement.objects.visible_to(person).filter(release__in=pks, key__isnull=False)
    return set(mine.values_list("release", flat=True))


def own_rates(
    person: Actor, releases: Iterable[Release], indicator: str, keys: Iterable[str]
) -> dict[tuple[int, str], float]:
    """The person's institution's own rates by release and key; empty for the association.

    It opens the blocks that the keys lie in and no other: a series over ten years opens a hundred and twenty small ones.
    """
    pks = [release.pk for release in releases]
    visible = Statement.objects.visible_to(person).filter(release__in=pks).annotate(first=Q(sealed__isnull=False))
    statement_of = {row.pk: row for row in map(_Row._make, visible.values_list(*_ROW))}
    templates = _templates({row.collection for row in statement_of.values()})
    keys = list(keys)
    places = {collection: _by_part(template, indicator, keys) for collection, template in templates.items()}
    found = _first_rates([pk for pk, row in statement_of.items() if row.first], indicator, keys)
    parts = {part for by_part in places.values() for part in by_part}
    blocks = StatementBlock.objects.filter(statement__in=statement_of, indicator=indicator, part__in=parts)
    for statement, part, sealed in blocks.values_list("statement", "part", "sealed"):
        row = statement_of[statement]
        if wanted := places[row.collection].get(part):
            content = _open_block(bytes(sealed), row.public_id, row.institution, indicator, part)
            found.update({(row.release, key): rate for key, rate in comparison.rates_at(content, wanted)})
    return found


def open_statement(statement: Statement, *, by: Actor) -> Comparison:
    """All own figures beside what the reader sees of the release; only for the institution whose they are.

    `statement` has its release and institution at hand. ValueError when a block was sealed to another key or moved here
    from another row.
    """
    check_can_open_statement(by, statement)
    groups, rates = _first(statement) if statement.sealed else (tuple(statement.peer_groups), _all_rates(statement))
    cells = ReleaseCell.objects.visible_to(by).filter(release=statement.release, peer_group__in=groups)
    published = {(cell.indicator, cell.peer_group, cell.key): cell for cell in cells.iterator(chunk_size=5000)}
    return Comparison(groups, rates, published)


def _first(statement: Statement) -> tuple[tuple[str, ...], dict[str, dict[str, float]]]:
    """Peer groups and rates of a statement of version 1, which is one document for all indicators."""
    return comparison.first_document(_open(bytes(statement.sealed or b""), _about(*_place(statement))))


def _all_rates(statement: Statement) -> dict[str, dict[str, float]]:
    keys = cell_keys(layout_of(statement.release.round.collection.template))
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for block in statement.blocks.order_by("indicator", "part"):
        cells, rates = _open_block(bytes(block.sealed), *_place(statement), block.indicator, block.part)
        found[block.indicator].update({keys[cell]: float(rate) for cell, rate in zip(cells, rates, strict=True)})
    return dict(found)


def _first_rates(statements: Sequence[int], indicator: str, keys: Iterable[str]) -> dict[tuple[int, str], float]:
    """From statements of version 1, which are one document for all indicators."""
    found = {}
    rows = Statement.objects.select_related("release", "institution").filter(pk__in=statements) if statements else ()
    for statement in rows:
        rates = _first(statement)[1].get(indicator, {})
        found.update({(statement.release_id, key): rates[key] for key in keys if key in rates})
    return found


def _templates(collections: Iterable[int]) -> dict[int, Template]:
    return {pk: collection.template for pk, collection in Collection.objects.in_bulk(collections).items()}


def _by_part(template: Template, indicator_id: str, keys: Iterable[str]) -> dict[int, list[tuple[str, int]]]:
    """The keys with their positions, by the block that they lie in."""
    indicator = next((each for each in template.indicators if each.id == indicator_id), None)
    found: dict[int, list[tuple[str, int]]] = defaultdict(list)
    if indicator is None:
        return found
    for key in keys:
        position = comparison.position_of(template, indicator, key)
        if position is not None:
            found[position // comparison.PART].append((key, position))
    return found


def _place(statement: Statement) -> tuple[str, str]:
    return statement.release.public_id, statement.institution.code


def _open_block(
    sealed: bytes, release_id: str, institution: str, indicator: str, part: int
) -> tuple[Positions, Values]:
    return comparison.open_block(part, _open(sealed, _about(release_id, institution, indicator, part)))


def _open(sealed: bytes, about: str) -> bytes:
    return _delivery_key(settings.CONCORD_DELIVERY_KEY).decrypt(sealed, about.encode())


def _about(*place: str | int) -> str:
    """What a statement, or a block of one, is bound to, so that it opens in no other row."""
    return "/".join(["statement", *map(str, place)])


@lru_cache(maxsize=2)
def _delivery_key(text: str) -> SealingKeyPair:
    if not text:
        raise ImproperlyConfigured("CONCORD_DELIVERY_KEY is not set, so this process cannot open statements.")
    return SealingKeyPair.from_private_bytes("X25519", urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def sealed_to_portal(content: bytes, about: str) -> bytes:
    """Sealed to the portal's delivery key, bound to what it is about."""
    return vault.seal_for_portal(content, about)


def opened_by_portal(sealed: bytes, about: str) -> bytes:
    """What `sealed_to_portal` sealed; only the process that holds the delivery key can. ValueError in another row."""
    return _delivery_key(settings.CONCORD_DELIVERY_KEY).decrypt(sealed, about.encode())
