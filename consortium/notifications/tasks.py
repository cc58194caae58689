"""What the office does for notices, letters and webhooks. A task takes an id, may run twice and calls one service."""

from __future__ import annotations

from celery import shared_task


@shared_task
def deliver_mail(mail_id: int) -> None:
    from consortium.notifications import mail

    mail.deliver(mail_id)


@shared_task
def deliver_waiting() -> None:
    """Letters whose message was lost, and those whose next attempt is due."""
    from consortium.notifications import mail

    mail.deliver_waiting()


@shared_task
def mail_notices() -> None:
    """Notices that are mailed at once become letters; beat asks too, for those whose message was lost."""
    from consortium.notifications import services

    services.mail_notices()


@shared_task
def mail_digests() -> None:
    from consortium.notifications import services

    services.mail_digests()


@shared_task
def deliver_webhooks() -> None:
    """Some messages that are due; the next lot is queued behind whatever else the office has to do."""
    from consortium.notifications import delivering
    from consortium.queue import send

    if delivering.deliver_due() == delivering.AT_ONCE:
        send(deliver_webhooks)


@shared_task
def tidy() -> None:
    """Forgets letters, messages and notices whose time is over."""
    from consortium.notifications import keeping

    keeping.tidy()
