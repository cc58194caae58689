"""The calendar: what a person may see, as days of a month and as a feed that other calendars read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone, translation
from icalendar import Calendar

from consortium.notifications import feeds
from consortium.people.roles import Role
from sharing import calendar
from sharing.models import Extension, NoData, Round
from sharing.services import deadlines, rounds
from sharing.states import RoundState
from tests.cast import person

pytestmark = pytest.mark.django_db


def events(client, owner):
    answer = client.get(f"/calendar/{feeds.token_of(owner) or feeds.renew(owner)}.ics")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    return {str(event["uid"]): event for event in Calendar.from_ical(answer.content).walk("VEVENT")}


def due_event(client, owner, round):
    return events(client, owner)[f"{round.public_id}-due@concord-test"]


@pytest.fixture(autouse=True)
def languages_stay():
    with translation.override("en"):
        yield


# the feed


def test_a_feed_is_read_without_signing_in_and_parses_back(client, ada, open_round):
    event = due_event(client, ada, open_round)

    assert event.decoded("dtstart") == open_round.due_at.replace(microsecond=0)
    assert event.decoded("dtstart").tzinfo is not None
    assert str(event["dtstart"].to_ical(), "ascii").endswith("Z")
    assert "Call report panel" in event["summary"]
    assert event["url"].startswith("https://concord.example/")
    assert [alarm.decoded("trigger") for alarm in event.walk("VALARM")] == [timedelta(days=-7), timedelta(days=-1)]
    assert {"dtstamp", "last-modified", "sequence"} <= {name.lower() for name in event}


def test_lines_are_folded_and_end_as_the_standard_says(client, ada, open_round):
    content = client.get(f"/calendar/{feeds.renew(ada)}.ics").content

    lines = content.split(b"\r\n")
    assert content.endswith(b"END:VCALENDAR\r\n")
    assert max(len(line) for line in lines) <= 75
    assert b"\n" not in content.replace(b"\r\n", b"")


def test_a_feed_speaks_its_owners_language(client, ada, open_round):
    ada.language = "zh-hans"
    ada.save()

    assert "截止" in due_event(client, ada, open_round)["summary"]


def test_a_moved_date_is_the_same_event_with_a_later_sequence(client, ada, open_round, carl):
    before = due_event(client, ada, open_round)
    open_round = deadlines.reschedule(open_round, due_at=open_round.due_at - timedelta(days=2), by=carl)

    after = due_event(client, ada, open_round)

    assert after["uid"] == before["uid"]
    assert after["sequence"] > before["sequence"]
    assert after.decoded("last-modified") > before.decoded("last-modified")
    assert after.decoded("dtstart") < before.decoded("dtstart")


def test_more_time_moves_the_own_date_and_nobody_elses(client, ada, open_round, carl, harbour, collection):
    other = person("Otto", outsider(collection), Role.SUBMITTER)
    until = open_round.due_at + timedelta(days=5)
    Extension.objects.create(
        round=open_round, institution=harbour.institution, until=until, reason="r", granted_by=carl
    )

    assert due_event(client, ada, open_round).decoded("dtstart") == until.replace(microsecond=0)
    assert due_event(client, other, open_round).decoded("dtstart") == open_round.due_at.replace(microsecond=0)


def outsider(collection):
    from tests.cast import found_bank

    bank = found_bank("SECOND")
    collection.contributors.add(bank.institution)
    return bank.institution


def test_what_is_answered_rings_no_more(client, ada, open_round, harbour):
    NoData.objects.create(
        round=open_round, institution=harbour.institution, reason="no-such-portfolio", decided_at=timezone.now()
    )

    event = due_event(client, ada, open_round)

    assert not event.walk("VALARM")
    assert event["description"] == "Nothing is left to do."


def test_a_feed_holds_what_its_owner_may_see_now(client, ada, olga, carl, planned_round):
    assert events(client, ada) == {}  # members do not see a planned round
    assert events(client, olga) == {}
    assert len(events(client, carl)) == 2

    rounds.open(planned_round, by=carl)
    assert len(events(client, ada)) == 2
    assert events(client, olga) == {}

    planned_round.collection.contributors.clear()
    assert events(client, ada) == {}


# the link


def test_a_renewed_link_ends_the_former_one(client, ada, open_round):
    former = feeds.renew(ada)
    newer = feeds.renew(ada)

    assert client.get(f"/calendar/{former}.ics").status_code == 404
    assert client.get(f"/calendar/{newer}.ics").status_code == 200


def test_a_stopped_link_ends(client, ada):
    token = feeds.renew(ada)
    feeds.revoke(ada)
    feeds.revoke(ada)

    assert client.get(f"/calendar/{token}.ics").status_code == 404
    assert feeds.token_of(ada) == ""


def test_a_closed_account_and_a_suspended_institution_end_the_link(client, ada, sami):
    token = feeds.renew(ada)
    ada.is_active = False
    ada.save()

    assert client.get(f"/calendar/{token}.ics").status_code == 404
    assert client.get(f"/calendar/{feeds.renew(sami)}.ics").status_code == 404


@pytest.mark.parametrize("forge", [
    lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
    lambda token: token.split(":")[0],
    lambda token: "x",
    lambda token: "WzEsIngiXQ:" + token.split(":")[1],
    lambda token: "é:é",
])  # fmt: skip
def test_a_forged_link_is_nobodys(client, ada, forge):
    assert client.get(f"/calendar/{forge(feeds.renew(ada))}.ics").status_code == 404


def test_a_link_with_a_nul_is_no_address(client, ada):
    assert client.get(f"/calendar/{feeds.renew(ada)}%00.ics").status_code == 400


def test_the_database_alone_gives_no_link(ada):
    token = feeds.renew(ada)

    ada.calendar_feed.refresh_from_db()
    assert ada.calendar_feed.number not in token
    assert token.split(":")[1] not in ada.calendar_feed.number


# the page


def page(client, somebody, query=""):
    client.force_login(somebody)
    answer = client.get(f"/calendar/{query}")
    assert answer.status_code == 200
    return answer


def test_a_month_lists_its_days_in_order(client, ada, carl, open_round):
    Round.objects.update(
        opens_at=datetime(2026, 3, 2, 9, tzinfo=UTC),
        due_at=datetime(2026, 3, 20, 23, 30, tzinfo=UTC),
        grace_until=datetime(2026, 3, 25, tzinfo=UTC),
    )

    days = page(client, ada, "?month=2026-03").context["days"]
    assert [(day.day, [entry.kind for entry in entries]) for day, entries in days] == [
        (2, ["opens"]),
        (20, ["due"]),
        (25, ["grace"]),
    ]
    assert [day.day for day, _entries in page(client, carl, "?month=2026-04").context["days"]] == [3]  # its release


def test_a_published_round_promises_no_release(client, carl, open_round):
    Round.objects.update(state=RoundState.PUBLISHED, due_at=datetime(2027, 3, 20, tzinfo=UTC))

    assert page(client, carl, "?month=2027-04").context["days"] == []


@pytest.mark.parametrize(
    "month",
    [
        "x",
        "2026-13",
        "2026-1",
        "0000-01",
        "99999-1",
        "2099-12",
        "2000-01",
        "１２３４-56",
        "9999-12",
        "0001-01",
        "0001-02",
    ],
)
def test_no_month_breaks_the_page(client, ada, month):
    page(client, ada, f"?month={month}")


def test_the_link_is_made_and_stopped_on_the_page(client, ada):
    client.force_login(ada)
    assert client.post("/calendar/link/").status_code == 302
    token = feeds.token_of(ada)
    assert f"https://concord.example/calendar/{token}.ics" in client.get("/calendar/").content.decode()

    client.post("/calendar/link/stop/")
    assert "https://concord.example/calendar/" not in client.get("/calendar/").content.decode()


def test_a_page_costs_a_handful_of_queries_however_many_rounds_there_are(
    client, ada, open_round, django_assert_max_num_queries
):
    now = timezone.now()
    Round.objects.bulk_create(
        Round(
            collection=open_round.collection,
            public_id=f"r{number}",
            period=f"{1900 + number}",
            state=RoundState.OPEN,
            opens_at=now,
            due_at=now + timedelta(hours=number + 1),
        )
        for number in range(200)
    )
    client.force_login(ada)

    with django_assert_max_num_queries(16):
        client.get("/calendar/")


def test_months_are_read_strictly():
    today = datetime(2026, 11, 23, tzinfo=UTC).date()

    assert calendar.month_of("2026-03", today).month == 3
    assert calendar.month_of("2026-W3", today).isoformat() == "2026-11-01"
