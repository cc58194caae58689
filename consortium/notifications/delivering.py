"""Bringing messages to webhooks: claimed, sent side by side, written down, tried again for three days."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from base64 import b64decode
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import httpx
from django.db import transaction
from django.db.models import F, Window
from django.db.models.functions import RowNumber
from django.urls import reverse
from django.utils import timezone
from standardwebhooks import Webhook

from consortium.audit.services import record
from consortium.institutions.states import InstitutionState
from consortium.notifications import outside, webhooks
from consortium.notifications.kinds import Kind
from consortium.notifications.models import Attempt, Delivery, DeliveryState, Endpoint, Message
from consortium.notifications.services import notify
from consortium.people.models import Person
from consortium.people.roles import Role

log = logging.getLogger(__name__)

AT_ONCE: Final = 50  # requests side by side
LEASE: Final = timedelta(seconds=90)  # far longer than a request may take; then a killed worker's are sent again
# Seconds after each failed attempt: ten attempts over 75 hours, as Standard Webhooks recommends.
WAITS: Final = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
DISABLED_AFTER: Final = timedelta(days=5)  # of nothing but failures
_LONGEST_WISH: Final = 86_400  # what an answer's Retry-After may ask for
_GONE: Final = 410  # the receiver says: never again
_AGENT: Final = "Concord-Webhooks/1"


@dataclass(frozen=True)
class Outcome:
    """What came of one request. `problem` is empty when an answer came."""

    at: datetime
    milliseconds: int
    status: int | None = None
    problem: str = ""
    body: str = ""
    retry_after: str = ""

    @property
    def is_done(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def deliver_due() -> int:
    """How many were sent or tried; the rest is the next call's."""
    claimed = _claim()
    if claimed:
        outcomes = asyncio.run(_send_all(claimed))
        for delivery, outcome in zip(claimed, outcomes, strict=True):
            _settle(delivery, outcome)
    return len(claimed)


def body_of(message: Message) -> str:
    """The same text at every attempt; its signature covers it byte by byte."""
    at = message.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return json.dumps({"type": message.type, "timestamp": at, "data": message.data}, separators=(",", ":"))


def headers_of(message: Message, body: str, secrets: Sequence[str], at: datetime) -> dict[str, str]:
    """Id, time and one signature for each secret in force."""
    signatures = [Webhook(_raw(secret)).sign(message.pk, at, body) for secret in secrets]
    return {
        "content-type": "application/json",
        "user-agent": _AGENT,
        "accept-encoding": "identity",
        "webhook-id": message.pk,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _raw(secret: str) -> bytes:
    return b64decode(secret.removeprefix("whsec_"))


@transaction.atomic
def _claim() -> list[Delivery]:
    """Due deliveries, each leased to this worker. What is due to somebody switched off has failed.

    Every institution's first goes before anybody's second: thousands to one slow receiver keep nobody else waiting.
    """
    turn = Window(RowNumber(), partition_by="endpoint__institution", order_by="next_at")
    first = (
        Delivery.objects.due().annotate(turn=turn).order_by("turn", "next_at").values_list("pk", flat=True)[:AT_ONCE]
    )
    chosen = Delivery.objects.due().filter(pk__in=list(first))  # PostgreSQL numbers rows or locks them, not both
    ids = list(chosen.select_for_update(skip_locked=True).values_list("pk", flat=True))
    claimed = Delivery.objects.filter(pk__in=ids)
    claimed.exclude(endpoint__disabled_at=None, endpoint__institution__state=InstitutionState.ACTIVE).update(
        state=DeliveryState.FAILED
    )
    claimed.filter(state=DeliveryState.WAITING).update(attempts=F("attempts") + 1, next_at=timezone.now() + LEASE)
    return list(claimed.filter(state=DeliveryState.WAITING).select_related("endpoint", "message"))


async def _send_all(deliveries: Sequence[Delivery]) -> list[Outcome]:
    # A name that resolves slowly keeps no other waiting.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(AT_ONCE))
    async with outside.new_client() as client:
        sending = [_send(client, delivery) for delivery in deliveries]
        # What nobody foresaw at one address is that address's problem, not everybody's.
        outcomes = await asyncio.gather(*sending, return_exceptions=True)
    return [_outcome_of(delivery, outcome) for delivery, outcome in zip(deliveries, outcomes, strict=True)]


def _outcome_of(delivery: Delivery, outcome: Outcome | BaseException) -> Outcome:
    if isinstance(outcome, Outcome):
        return outcome
    log.error("delivery %s failed", delivery.pk, exc_info=outcome)
    return Outcome(timezone.now(), 0, problem="failed")


async def _send(client: httpx.AsyncClient, delivery: Delivery) -> Outcome:
    now, began = timezone.now(), time.monotonic()
    body, secrets = body_of(delivery.message), webhooks.secrets_of(delivery.endpoint)
    problem, answer = "", None
    try:
        headers = headers_of(delivery.message, body, secrets, now)
        answer = await outside.post(client, delivery.endpoint.url, body.encode(), headers)
    except outside.NotOutside:
        problem = "private-address"
    except (TimeoutError, httpx.TimeoutException):
        problem = "timeout"
    except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as wrong:
        problem = "certificate" if "CERTIFICATE_VERIFY_FAILED" in str(wrong) else "no-connection"
    spent = int((time.monotonic() - began) * 1000)
    if answer is None:
        return Outcome(now, spent, problem=problem)
    return Outcome(now, spent, answer.status, body=answer.body, retry_after=answer.retry_after)


@transaction.atomic
def _settle(delivery: Delivery, outcome: Outcome) -> None:
    """Write the attempt down, and what follows from it for the delivery and its endpoint."""
    endpoint = Endpoint.objects.select_for_update().filter(pk=delivery.endpoint_id).first()
    if endpoint is None:
        return  # removed meanwhile, with everything that waited for it
    Attempt.objects.create(
        delivery=delivery,
        at=outcome.at,
        milliseconds=outcome.milliseconds,
        status=outcome.status,
        problem=outcome.problem,
        body=outcome.body,
    )
    wait = _wait_after(delivery.attempts, outcome)
    if outcome.is_done:
        delivery.state = DeliveryState.DELIVERED
    elif wait is None:
        delivery.state = DeliveryState.FAILED
    else:
        delivery.next_at = outcome.at + wait
    delivery.save(update_fields=["state", "next_at"])
    _judge(endpoint, outcome)


def _wait_after(attempts: int, outcome: Outcome) -> timedelta | None:
    """How long until the next attempt; None when there is none."""
    if outcome.is_done or outcome.status == _GONE or attempts > len(WAITS):
        return None
    digits = outcome.retry_after[:9]  # a receiver may write thousands, which Python refuses to read
    wished = int(digits) if digits.isascii() and digits.isdigit() else 0
    return timedelta(seconds=max(WAITS[attempts - 1], min(wished, _LONGEST_WISH)))


def _judge(endpoint: Endpoint, outcome: Outcome) -> None:
    """An endpoint that answers is forgiven; one that says it is gone, or fails for days, is switched off."""
    if outcome.is_done:
        if endpoint.failing_since is not None:
            endpoint.failing_since = None
            endpoint.save(update_fields=["failing_since"])
        return
    endpoint.failing_since = endpoint.failing_since or outcome.at
    if endpoint.is_active and (outcome.status == _GONE or outcome.at - endpoint.failing_since >= DISABLED_AFTER):
        _switch_off(endpoint)
    endpoint.save(update_fields=["failing_since", "disabled_at"])


def _switch_off(endpoint: Endpoint) -> None:
    endpoint.disabled_at = timezone.now()
    log.warning("webhook %s switched off", endpoint.pk)
    administrators = Person.objects.filter(institution=endpoint.institution_id, roles__contains=[Role.ADMINISTRATOR])
    address = reverse("webhook", args=[endpoint.pk])
    notify(administrators, Kind.WEBHOOK_DISABLED, address=address, host=endpoint.host)
    record("webhook.switched_off", by="office", about=endpoint)
