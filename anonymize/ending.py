"""What will stop a member's pushes soon, told while there is time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from anonymize.client import Client
from anonymize.config import Config
from anonymize.errors import ConcordError
from anonymize.own_keys import ends_of, registered

NOTICE: Final = timedelta(days=30)


def what_ends_soon(config: Config, client: Client, now: datetime | None = None) -> list[ConcordError]:
    """A warning when the signing key ends within 30 days; none where the platform does not say.

    A push that was accepted is not spoilt by a question that has no answer.
    """
    try:
        document = registered(client.hurried(), config.need_signing_key().kid)
    except ConcordError:
        return []
    ends = min(ends_of(document or {}), default=None)
    if ends is None or ends - (now or datetime.now(UTC)) > NOTICE:
        return []
    sentence = f"The signing key ends on {ends.date().isoformat()}. Register the next one: concord key rotate."
    return [ConcordError(sentence, rule="key-ends-soon")]
