"""Counting requests: exact across processes, forgotten in time."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from consortium.limits import services
from consortium.limits.models import Window


@pytest.fixture(autouse=True)
def three_a_minute(settings):
    settings.CONCORD_RATE_LIMITS = {**settings.CONCORD_RATE_LIMITS, "client": (3, 60)}


def test_an_allowance_is_used_up_and_says_so(db):
    standings = [services.spend("client", 7) for _number in range(4)]

    assert [each.left for each in standings] == [2, 1, 0, 0]
    assert [each.is_exceeded for each in standings] == [False, False, False, True]
    assert standings[0].headers() == {"RateLimit-Policy": '"client";q=3;w=60', "RateLimit": '"client";r=2;t=60'}


def test_each_has_its_own_allowance(db):
    services.spend("client", 7)

    assert services.spend("client", 8).left == 2
    assert services.spend("person", 7).used == 1


def test_a_window_that_is_over_begins_anew(db):
    for _number in range(4):
        services.spend("client", 7)
    Window.objects.update(began=timezone.now() - timedelta(seconds=61))

    assert services.spend("client", 7).left == 2


def test_old_windows_are_forgotten(db):
    services.spend("client", 7)
    services.spend("client", 8)
    Window.objects.filter(key="client:7").update(began=timezone.now() - timedelta(hours=2))

    assert services.forget_unused() == 1
    assert Window.objects.get().key == "client:8"


def test_no_request_is_missed_when_many_come_at_once(transactional_db):
    def ask():
        try:
            for _number in range(20):
                services.spend("client", 7)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert services.spend("client", 7).used == 81


def test_counting_writes_nothing_to_the_log_of_the_database(db):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, relpersistence FROM pg_class WHERE relname IN ('limits_window', 'limits_cache')"
        )
        assert dict(cursor.fetchall()) == {"limits_window": "u", "limits_cache": "u"}


def test_the_cache_is_shared_through_the_database(db):
    cache.set("a", {"b": 1}, 60)

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM limits_cache")
        assert cursor.fetchone() == (1,)
    assert cache.get("a") == {"b": 1}
