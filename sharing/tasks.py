"""What workers do. A task takes an id, may run twice and calls one service; the row says whether work is left.

Which queue a task waits in is in the settings (`CELERY_TASK_ROUTES`).
"""

from __future__ import annotations

from celery import shared_task

from consortium.queue import send as send


@shared_task
def make_round_keys(round_id: int) -> None:
    from sharing.services import rounds

    rounds.make_keys(round_id)


@shared_task
def open_submission(submission_id: str) -> None:
    from sharing.services import checking

    checking.open_sealed(submission_id)


@shared_task
def compute_release(release_id: int) -> None:
    from sharing.services import computing

    computing.compute(release_id)


@shared_task
def sweep() -> None:
    """Queues again what a lost message forgot or a dead worker dropped."""
    from sharing.services import sweeper

    sweeper.sweep()


@shared_task
def destroy_expired_keys() -> None:
    """Destroys the keys of rounds whose retention is over."""
    from sharing.services import retention

    retention.destroy_expired()


@shared_task
def tidy() -> None:
    """Removes what nothing refers to: packages without a row, access tokens that are over."""
    from sharing.services import sweeper

    sweeper.tidy()


@shared_task
def publish_due() -> None:
    """Publishes what was approved and whose embargo is over."""
    from sharing.services import releases

    releases.publish_due()


@shared_task
def tell(announcement_id: int) -> None:
    from sharing.services import announcing

    announcing.tell(announcement_id)


@shared_task
def remind() -> None:
    """Reminds those who have not answered, on the days that their collection names."""
    from sharing.services import reminders

    reminders.remind_due()


@shared_task
def watch_collection(code: str) -> None:
    """Brings the warnings about a collection's published series up to date."""
    from sharing.services import watching

    watching.look_over(code)


@shared_task
def watch_changed() -> None:
    """Looks over collections whose look after a publication was lost."""
    from sharing.services import watching

    watching.look_over_changed()
