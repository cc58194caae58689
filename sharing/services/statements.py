"""Statements: sealed by the vault to the portal's delivery key, opened for the own institution only."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from anonymize.package import SealingKeyPair
from consortium.institutions.models import Institution
from consortium.people.roles import Actor
from sharing import vault
from sharing.benchmarks.comparison import Comparison
from sharing.models import Release, Statement
from sharing.rules import check_can_open_statement

_AT_ONCE: Final = 200  # statements in memory before they are written


def seal_all(
    release: Release, institutions: Mapping[str, Institution], comparisons: Iterable[tuple[str, Comparison]]
) -> int:
    """How many statements were written, in the caller's transaction; `institutions` is by code."""
    written = 0
    waiting = iter(comparisons)
    while block := list(islice(waiting, _AT_ONCE)):
        Statement.objects.bulk_create(
            Statement(
                release=release,
                institution=institutions[code],
                sealed=vault.seal_for_portal(comparison.to_bytes(), _about(release.public_id, code)),
            )
            for code, comparison in block
        )
        written += len(block)
    return written


def open_statement(statement: Statement, *, by: Actor) -> Comparison:
    """The own figures beside the release; only for the institution whose they are.

    `statement` has its release and institution at hand. ValueError when it was sealed to another key or moved here
    from another row.
    """
    check_can_open_statement(by, statement)
    about = _about(statement.release.public_id, statement.institution.code)
    return Comparison.from_bytes(_delivery_key().decrypt(bytes(statement.sealed), about.encode()))


def _about(release_id: str, institution: str) -> str:
    """What a statement is bound to, so that it opens in no other row."""
    return f"statement/{release_id}/{institution}"


def _delivery_key() -> SealingKeyPair:
    text = settings.CONCORD_DELIVERY_KEY
    if not text:
        raise ImproperlyConfigured("CONCORD_DELIVERY_KEY is not set, so this process cannot open statements.")
    return SealingKeyPair.from_private_bytes("X25519", urlsafe_b64decode(text + "=" * (-len(text) % 4)))
