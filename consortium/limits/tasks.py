"""What beat asks for; it may run twice."""

from __future__ import annotations

from celery import shared_task


@shared_task
def forget_unused() -> None:
    from consortium.limits import services

    services.forget_unused()
