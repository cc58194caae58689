"""Counting requests against an allowance: one statement, atomic across processes, without a write to disk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from consortium.limits.models import Window

# clock_timestamp, because now() is when the transaction began.
_SPEND = """
    INSERT INTO limits_window AS known (key, began, used) VALUES (%(key)s, clock_timestamp(), 1)
    ON CONFLICT (key) DO UPDATE SET
        used = CASE WHEN known.began + %(window)s < clock_timestamp() THEN 0 ELSE known.used END + 1,
        began = CASE WHEN known.began + %(window)s < clock_timestamp() THEN clock_timestamp() ELSE known.began END
    RETURNING used, extract(epoch FROM began + %(window)s - clock_timestamp())
"""


@dataclass(frozen=True)
class Allowance:
    """`quota` requests in each window of `seconds`; the window begins with the first request."""

    name: str
    quota: int
    seconds: int


@dataclass(frozen=True)
class Standing:
    """Where somebody stands with an allowance after a request."""

    allowance: Allowance
    used: int
    seconds_left: int

    @property
    def left(self) -> int:
        return max(0, self.allowance.quota - self.used)

    @property
    def is_exceeded(self) -> bool:
        return self.used > self.allowance.quota

    def headers(self) -> dict[str, str]:
        """As the HTTP API working group's draft writes them (`RateLimit-Policy`, `RateLimit`)."""
        name = self.allowance.name
        return {
            "RateLimit-Policy": f'"{name}";q={self.allowance.quota};w={self.allowance.seconds}',
            "RateLimit": f'"{name}";r={self.left};t={self.seconds_left}',
        }


def allowance(name: str) -> Allowance:
    """The allowance of that name in `CONCORD_RATE_LIMITS`."""
    return Allowance(name, *settings.CONCORD_RATE_LIMITS[name])


def spend(name: str, whose: str | int) -> Standing:
    """One request more of somebody's allowance; the caller refuses when it is exceeded."""
    of = allowance(name)
    told: dict[str, Any] = {"key": f"{name}:{whose}"[:120], "window": timedelta(seconds=of.seconds)}
    with connection.cursor() as cursor:
        cursor.execute(_SPEND, told)
        used, left = cursor.fetchone() or (0, of.seconds)
    return Standing(of, int(used), max(0, ceil(left)))


def forget_unused() -> int:
    """How many windows were removed because nobody asked within an hour, longer than any window."""
    gone, _each = Window.objects.filter(began__lt=timezone.now() - timedelta(hours=1)).delete()
    return gone
