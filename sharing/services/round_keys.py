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
    locked = RoundKey.objects.select_for_update(of=("self",), no_key=True).select_related("round")
    key = locked.filter(pk=pk).exclude(wrapped_private=None).first()
    if key is None:
        return False  # destroyed meanwhile
    vault.rewrap(key)
    key.save(update_fields=["wrapped_private", "kek"])
    return True
