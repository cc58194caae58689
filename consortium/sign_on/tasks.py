"""What the office does about signing in."""

from __future__ import annotations

from celery import shared_task

from consortium.sign_on import sessions


@shared_task(acks_late=True)
def forget_sessions() -> None:
    sessions.forget_over()
