"""An offer to act: a button, and the sentence of the rule that refuses it, if one does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.functional import Promise

from consortium.errors import Forbidden, Refused, Sentence


@dataclass(frozen=True)
class Offer:
    """`why_not` is None when the action may be taken now."""

    label: str | Promise
    address: str
    why_not: Sentence | None = None


def refusal(check: Callable[..., None], *args: Any) -> Sentence | None:
    """The sentence with which a rule refuses, None when it does not."""
    try:
        check(*args)
    except Refused as refused:
        return refused.sentence
    return None


def carry_out(request: HttpRequest, address: str, done: str | Promise, act: Callable[[], object]) -> HttpResponse:
    """Call a service, then go to the address with a message: that it is done, or which rule refuses.

    What the person's roles do not include is no message: it becomes a page of its own (403).
    """
    try:
        act()
    except Forbidden:
        raise
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, str(done))
    return HttpResponseRedirect(address)
