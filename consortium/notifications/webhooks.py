"""An institution's webhooks: adding, changing, new secrets, sending once more; and telling all that asked for an event."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Final

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from consortium import at_rest
from consortium.audit.services import record
from consortium.errors import Refused
from consortium.institutions.models import ApiClient, Institution
from consortium.institutions.rules import check_unchanged
from consortium.institutions.states import InstitutionState
from consortium.notifications import outside, rules, tasks
from consortium.notifications.models import Delivery, DeliveryState, Endpoint, EventType, Message
from consortium.notifications.models.webhook import TEST
from consortium.people.models import Person
from consortium.queue import send as queue

OVERLAP: Final = timedelta(hours=24)
PURPOSE: Final = "webhook secret"


@dataclass(frozen=True)
class NewSecret:
    """`secret` is shown once."""

    endpoint: Endpoint
    secret: str = field(repr=False)


def emit(type: EventType, institutions: Iterable[int], data: Mapping[str, str], *, once: str = "") -> None:
    """Queue one message to every webhook of these institutions that asked for the event, in the caller's transaction.

    `data` names things and holds addresses, never a figure. The same `once` is one message, whoever tells it again.
    """
    asked = Endpoint.objects.active().filter(
        institution__in=list(institutions), institution__state=InstitutionState.ACTIVE, events__contains=[type]
    )
    endpoints = list(asked.only("pk"))
    if not endpoints:
        return
    message = _message(type, data, once)
    deliveries = [Delivery(endpoint=endpoint, message=message) for endpoint in endpoints]
    Delivery.objects.bulk_create(deliveries, batch_size=1000, ignore_conflicts=True)
    transaction.on_commit(partial(queue, tasks.deliver_webhooks))


def add(
    institution: Institution, url: str, events: Collection[str], *, by: Person | ApiClient, description: str = ""
) -> NewSecret:
    """From now on the address is told of these events."""
    rules.check_can_add(by, institution, events)
    outside.check_resolves(outside.check_address(url))  # before anything is locked: a name server may take its time
    endpoint = Endpoint(url=url, events=sorted(set(events)), description=description)
    return _add(institution, endpoint, by)


@transaction.atomic
def _add(institution: Institution, endpoint: Endpoint, by: Person | ApiClient) -> NewSecret:
    endpoint.institution = Institution.objects.select_for_update(no_key=True).get(pk=institution.pk)
    rules.check_can_add(by, endpoint.institution, endpoint.events)
    secret = _new_secret()
    endpoint.secret = at_rest.seal(secret, PURPOSE)
    _save(endpoint)
    record("webhook.added", by=by, about=endpoint, events=endpoint.events)
    return NewSecret(endpoint, secret)


def change(
    endpoint: Endpoint,
    *,
    by: Person | ApiClient,
    url: str | None = None,
    events: Collection[str] | None = None,
    description: str | None = None,
    active: bool | None = None,
    version: str = "",
) -> Endpoint:
    """Whatever is given is changed. Switching on forgives what failed before.

    Refused when `version` is given and somebody has changed the webhook since it was that.
    """
    rules.check_can_manage(by, endpoint.institution_id)
    if url is not None and url != endpoint.url:
        outside.check_resolves(outside.check_address(url))  # before anything is locked
    with transaction.atomic():
        endpoint = _locked(endpoint)
        rules.check_can_manage(by, endpoint.institution_id)
        check_unchanged(endpoint, version)
        _apply(endpoint, url, events, description, active)
        _save(endpoint)
        record("webhook.changed", by=by, about=endpoint, active=endpoint.is_active, events=endpoint.events)
    return endpoint


def _apply(
    endpoint: Endpoint, url: str | None, events: Collection[str] | None, description: str | None, active: bool | None
) -> None:
    if url is not None:
        endpoint.url = url
    if events is not None:
        rules.check_events(events)
        endpoint.events = sorted(set(events))
    if description is not None:
        endpoint.description = description
    if active is not None and active != endpoint.is_active:
        endpoint.disabled_at = None if active else timezone.now()
        endpoint.failing_since = None


def _save(endpoint: Endpoint) -> None:
    try:
        with transaction.atomic():
            endpoint.save()
    except IntegrityError as taken:
        raise Refused(_("There is a webhook with this address."), rule="webhook-exists") from taken


@transaction.atomic
def rotate(endpoint: Endpoint, *, by: Person | ApiClient) -> NewSecret:
    """A new secret; for a day every message is signed with both."""
    endpoint = _locked(endpoint)
    rules.check_can_rotate(by, endpoint)
    secret = _new_secret()
    endpoint.former_secret, endpoint.former_until = endpoint.secret, timezone.now() + OVERLAP
    endpoint.secret = at_rest.seal(secret, PURPOSE)
    endpoint.save(update_fields=["secret", "former_secret", "former_until"])
    record("webhook.secret_changed", by=by, about=endpoint)
    return NewSecret(endpoint, secret)


@transaction.atomic
def remove(endpoint: Endpoint, *, by: Person | ApiClient) -> None:
    """The address is told nothing more; what waited for it is gone."""
    endpoint = _locked(endpoint)
    rules.check_can_manage(by, endpoint.institution_id)
    record("webhook.removed", by=by, about=endpoint)
    endpoint.delete()


@transaction.atomic
def test(endpoint: Endpoint, *, by: Person | ApiClient) -> Delivery:
    """A message of the type `webhook.test`, whatever events were chosen."""
    endpoint = _locked(endpoint)
    rules.check_can_test(by, endpoint)
    message = Message.objects.create(type=TEST, data={"webhook": str(endpoint.pk)})
    delivery = Delivery.objects.create(endpoint=endpoint, message=message)
    transaction.on_commit(partial(queue, tasks.deliver_webhooks))
    return delivery


@transaction.atomic
def redeliver(delivery: Delivery, *, by: Person | ApiClient) -> Delivery:
    """The same message with the same id once more, from the first attempt on."""
    found = Delivery.objects.select_for_update(of=("self",)).select_related("endpoint")
    delivery = found.get(pk=delivery.pk)
    rules.check_can_redeliver(by, delivery)
    delivery.state, delivery.attempts, delivery.next_at = DeliveryState.WAITING, 0, timezone.now()
    delivery.save(update_fields=["state", "attempts", "next_at"])
    transaction.on_commit(partial(queue, tasks.deliver_webhooks))
    return delivery


def secrets_of(endpoint: Endpoint) -> list[str]:
    """What its messages are signed with now: the secret, and for a day the one before it."""
    sealed = [endpoint.secret]
    if endpoint.former_secret and endpoint.former_until and endpoint.former_until > timezone.now():
        sealed.append(endpoint.former_secret)
    return [at_rest.unseal(each, PURPOSE) for each in sealed]


def _message(type: str, data: Mapping[str, str], once: str) -> Message:
    message = Message(type=type, data=dict(data), once=once)
    if not once:
        message.save(force_insert=True)
        return message
    Message.objects.bulk_create([message], ignore_conflicts=True)
    return Message.objects.get(once=once)


def _new_secret() -> str:
    """192 random bits, as Standard Webhooks writes them."""
    return "whsec_" + b64encode(secrets.token_bytes(24)).decode()


def _locked(endpoint: Endpoint) -> Endpoint:
    return Endpoint.objects.select_for_update(of=("self",)).select_related("institution").get(pk=endpoint.pk)
