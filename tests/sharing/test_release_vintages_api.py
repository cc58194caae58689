"""What was in force at a moment, by the API."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from sharing.models import Release
from sharing.states import ReleaseState

NOW = timezone.now()


@pytest.fixture
def vintages(closed_round, stella):
    """Revision 1 held from three days ago to yesterday, revision 2 since."""
    first = Release.objects.create(
        round=closed_round,
        public_id="r1",
        revision=1,
        state=ReleaseState.WITHDRAWN,
        prepared_by=stella,
        published_at=NOW - timedelta(days=3),
        withdrawn_at=NOW - timedelta(days=1),
    )
    second = Release.objects.create(
        round=closed_round,
        public_id="r2",
        revision=2,
        state=ReleaseState.PUBLISHED,
        prepared_by=stella,
        published_at=NOW - timedelta(days=1),
        audit_passed=True,
        note="A portfolio was counted twice.",
    )
    return first, second


@pytest.fixture
def listed(client, token):
    def ask(**query):
        return client.get("/api/v1/releases", query, headers={"authorization": token})

    return ask


@pytest.mark.parametrize(
    ("ago", "expected"),
    [(timedelta(hours=1), ["r2"]), (timedelta(days=2), ["r1"]), (timedelta(days=4), [])],
)
def test_a_list_as_of_a_moment_holds_what_was_in_force_then(listed, vintages, ago, expected):
    answer = listed(as_of=(NOW - ago).isoformat())
    assert [release["id"] for release in answer.json()["results"]] == expected


def test_a_moment_that_is_none_is_refused(listed, vintages):
    answer = listed(as_of="yesterday")
    assert answer.status_code == 400
    assert "as_of" in str(answer.json())


def test_a_correction_says_what_was_wrong_and_a_withdrawal_when(listed, vintages):
    results = {release["id"]: release for release in listed().json()["results"]}
    assert results["r2"]["note"] == "A portfolio was counted twice."
    assert results["r2"]["withdrawn_at"] is None
    assert results["r1"]["withdrawn_at"] is not None
