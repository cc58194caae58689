"""The life of a round's private keys after they are made: wrapped anew, and destroyed when their time is over."""

from __future__ import annotations

from django.db import transaction

from consortium.audit.services import record
from sharing import vault
from sharing.models import RoundKey


def rewrap_all(*, everything: bool = False) -> int:
    """How many keys were wrapped anew by the current key-encryption key: those that another one wrapped, or all.

    Each is a transaction of its own: killed anywhere, it goes on where it stopped.
    """
    current = vault.require_kek().current.id
    waiting = RoundKey.objects.exclude(wrapped_private=None)
    if not everything:
        waiting = waiting.exclude(kek=current)
    done = sum(_rewrap(pk) for pk in waiting.order_by("pk").values_list("pk", flat=True))
    if done:
        record("round_keys.rewrapped", by="vault", keys=done, kek=current)
    return done


@transaction.atomic
def _rewrap(pk: int) -> bool:
    key = _locked(pk)
    if key is None:
        return False
    vault.rewrap(key)
    key.save(update_fields=["wrapped_private", "kek"])
    return True


def sign_all() -> int:
    """How many sealing keys were signed by the vault's key in use: those of every round that has private keys."""
    waiting = RoundKey.objects.exclude(wrapped_private=None).order_by("pk")
    done = sum(_sign(pk) for pk in waiting.values_list("pk", flat=True))
    if done:
        record("round_keys.signed", by="vault", keys=done)
    return done


@transaction.atomic
def _sign(pk: int) -> bool:
    key = _locked(pk)
    if key is None:
        return False
    vault.sign_again(key)
    key.save(update_fields=["public_jwk", "signature"])
    return True


def _locked(pk: int) -> RoundKey | None:
    """The row; None when it was destroyed meanwhile."""
    rows = RoundKey.objects.select_for_update(of=("self",), no_key=True).select_related("round")
    return rows.filter(pk=pk).exclude(wrapped_private=None).first()
