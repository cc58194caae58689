"""What will stop a member's pushes soon, told while there is time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from anonymize.client import Client
from anonymize.config import Config
from anonymize.errors import ConcordError

NOTICE: Final = timedelta(days=30)


def what_ends_soon(config: Config, client: Client, now: datetime | None = None) -> list[ConcordError]:
    """A warning when the signing key ends within 30 days; none where the platform does not say.

    A push that was accepted is not spoilt by a question that has no answer.
    """
    try:
        kid = config.need_signing_key().kid
        ends = [_moment(each.get("revoked_at")) for each in client.signing_keys() if each.get("kid") == kid]
    except ConcordError:
        return []
    soon = (now or datetime.now(UTC)) + NOTICE
    return [
        ConcordError(
            f"The signing key ends on {end.date().isoformat()}. Register the next one: concord key rotate.",
            rule="key-ends-soon",
        )
        for end in ends
        if end is not None and end <= soon
    ]


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
