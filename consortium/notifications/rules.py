"""Who may manage an institution's webhooks, and why not."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _

from consortium.errors import Forbidden, Refused
from consortium.notifications.models import DeliveryState, Endpoint, EventType
from consortium.notifications.models.webhook import TEST
from consortium.people.roles import Actor, Permission, require

if TYPE_CHECKING:
    from consortium.institutions.models import Institution
    from consortium.notifications.models import Delivery

MOST: Final = 10


def check_can_manage(actor: Actor, institution_id: int | None) -> None:
    """The own institution's administrator, and nobody for another one."""
    require(actor, Permission.INSTITUTION_MANAGE)
    if institution_id is None or actor.institution_id != institution_id:
        raise Forbidden(_("This is another institution's."), rule="not-yours")


def check_can_add(actor: Actor, institution: Institution, events: Collection[str]) -> None:
    check_can_manage(actor, institution.pk)
    check_events(events)
    if institution.webhooks.count() >= MOST:
        raise Refused(_("An institution has ten webhooks at most. Remove one first."), rule="too-many-webhooks")


def check_events(events: Collection[str]) -> None:
    if not events:
        raise Refused(_("Choose at least one event."), rule="no-event")
    if not set(events) <= set(EventType.values):
        raise Refused(_("There is no such event."), rule="unknown-event")


def check_can_rotate(actor: Actor, endpoint: Endpoint) -> None:
    check_can_manage(actor, endpoint.institution_id)


def check_can_send(actor: Actor, endpoint: Endpoint) -> None:
    """Anything at all by hand."""
    check_can_manage(actor, endpoint.institution_id)
    if not endpoint.is_active:
        raise Refused(_("This webhook is switched off. Switch it on first."), rule="webhook-disabled")


def check_can_test(actor: Actor, endpoint: Endpoint) -> None:
    """One at a time: the next once the last was tried."""
    check_can_send(actor, endpoint)
    if endpoint.deliveries.filter(message__type=TEST, state=DeliveryState.WAITING, attempts=0).exists():
        raise Refused(_("This delivery is still under way."), rule="still-waiting")


def check_can_redeliver(actor: Actor, delivery: Delivery) -> None:
    check_can_send(actor, delivery.endpoint)
    if delivery.state == DeliveryState.WAITING:
        raise Refused(_("This delivery is still under way."), rule="still-waiting")
