"""What the calendar does for memberships. A task may run twice and calls one service."""

from __future__ import annotations

from celery import shared_task


@shared_task
def complete_departures() -> None:
    """Institutions whose day of leaving has come leave."""
    from consortium.institutions.services import departures

    departures.complete_due()


@shared_task
def forget_applications() -> None:
    """Applications that nobody confirmed are removed."""
    from consortium.institutions.services import applications

    applications.forget_unconfirmed()


@shared_task
def remind_of_agreement() -> None:
    """Whoever may accept the agreement is told a week and a day before the last day."""
    from django.utils import timezone

    from consortium.institutions.services import agreements

    agreements.remind(timezone.localdate())
