"""What a party does about a warning: its own business, written down, step after step."""

from __future__ import annotations

import datetime

import pytest

from consortium.audit.models import Entry
from consortium.errors import Forbidden, Refused
from consortium.people.roles import Role
from sharing.models import Alert, AlertHandling
from sharing.services import alerts
from sharing.states import AlertState
from tests.cast import person
from tests.sharing.conftest import bearer
from tests.sharing.warnings.conftest import TOTAL_KEY, region

ZHEJIANG = region("CN-ZJ")


@pytest.fixture
def alert(looked_over):
    looked_over({ZHEJIANG: 0.035})
    return Alert.objects.get()


def test_a_warning_is_acknowledged_followed_up_and_closed_and_every_step_stays(alert, anna, ada):
    alerts.acknowledge(alert, by=anna, note="Seen at the morning round.")
    alerts.follow_up(alert, owner="Credit risk", due=datetime.date(2026, 12, 1), by=ada)
    alerts.follow_up(alert, owner="Collections", due=None, by=anna, note="Handed on.")
    handling = alerts.close(alert, outcome="real", by=anna, note="A wave of returned goods.")
    assert [(step.state, step.person.name) for step in handling.steps.all()] == [
        ("acknowledged", "Anna"),
        ("follow_up", "Ada"),
        ("follow_up", "Anna"),
        ("alert_closed", "Anna"),
    ]
    assert (handling.owner, handling.outcome) == ("Collections", "real")
    events = Entry.objects.filter(event__startswith="alert.", about_id=str(alert.pk)).values_list("event", flat=True)
    assert list(events.order_by("pk")) == [
        "alert.raised",
        "alert.acknowledged",
        "alert.followed_up",
        "alert.followed_up",
        "alert.closed",
    ]


def test_the_audit_log_does_not_tell_what_a_member_made_of_it(alert, anna):
    alerts.close(alert, outcome="explained", by=anna, note="We changed the product code.")
    details = str(list(Entry.objects.values_list("details", flat=True)))
    assert "explained" not in details
    assert "product code" not in details


def test_each_party_acknowledges_for_itself(alert, anna, stella):
    assert alerts.open_for(anna) == alerts.open_for(stella) == 1
    alerts.acknowledge(alert, by=anna)
    assert (alerts.open_for(anna), alerts.open_for(stella)) == (0, 1)
    assert alerts.handling_of(alert, stella).state == AlertState.OPEN
    assert not AlertHandling.objects.visible_to(stella)


def test_what_is_acknowledged_is_not_acknowledged_again(alert, anna, ada):
    alerts.acknowledge(alert, by=anna)
    with pytest.raises(Refused, match="acknowledged already"):
        alerts.acknowledge(alert, by=ada)


def test_a_follow_up_has_an_owner(alert, anna):
    with pytest.raises(Refused, match="Name who follows it up"):
        alerts.follow_up(alert, owner="  ", due=None, by=anna)


def test_closing_says_what_it_turned_out_to_be(alert, anna):
    with pytest.raises(Refused, match="turned out to be"):
        alerts.close(alert, outcome="", by=anna)


def test_what_is_dealt_with_stays_so(alert, anna):
    alerts.close(alert, outcome="false_alarm", by=anna)
    with pytest.raises(Refused, match="dealt with already"):
        alerts.follow_up(alert, owner="Ada", due=None, by=anna)


def test_an_observer_reads_and_does_nothing(alert, oskar):
    assert Alert.objects.visible_to(oskar)
    with pytest.raises(Forbidden):
        alerts.acknowledge(alert, by=oskar)
    assert not AlertHandling.objects.exists()


def test_the_list_shows_the_sentence_with_its_figures(alert, client, anna):
    client.force_login(anna)
    page = client.get("/alerts/").content.decode()
    assert "reached 3.50% in April 2026, above the" in page
    assert "99 in 100 values stay below" in page
    assert "Zhejiang" in page


def test_the_sentence_is_in_the_readers_language(alert, client, harbour):
    li = person("Li", harbour.institution, Role.ANALYST, language="zh-hans")
    client.force_login(li)
    assert "浙江" in client.get(f"/alerts/{alert.pk}/", headers={"accept-language": "zh-hans"}).content.decode()


def test_the_list_is_filtered_by_state_and_kind(alert, client, anna):
    client.force_login(anna)
    address = f"/alerts/{alert.pk}/"
    assert address in client.get("/alerts/?state=alert_open&kind=level").content.decode()
    assert address not in client.get("/alerts/?kind=trend").content.decode()
    alerts.acknowledge(alert, by=anna)
    assert address not in client.get("/alerts/?state=alert_open").content.decode()
    assert address in client.get("/alerts/?state=acknowledged").content.decode()
    assert address in client.get("/alerts/?state=nonsense").content.decode()


def test_the_page_leads_to_the_view_and_takes_every_step(alert, client, anna):
    client.force_login(anna)
    page = client.get(f"/alerts/{alert.pk}/")
    assert "/benchmarks/?collection=delinquency&amp;indicator=DPD30_RATE&amp;REGION=CN-ZJ" in page.content.decode()
    client.post(f"/alerts/{alert.pk}/acknowledge/", {"note": "Seen."})
    client.post(f"/alerts/{alert.pk}/follow-up/", {"owner": "Anna", "due": "2026-12-01"})
    client.post(f"/alerts/{alert.pk}/close/", {"outcome": "real"})
    handling = AlertHandling.objects.get()
    assert (handling.state, handling.due, handling.steps.count()) == ("alert_closed", datetime.date(2026, 12, 1), 3)
    page = client.get(f"/alerts/{alert.pk}/").content.decode()
    assert "Seen." in page
    assert 'name="owner"' not in page


def test_a_form_that_cannot_be_read_changes_nothing(alert, client, anna):
    client.force_login(anna)
    client.post(f"/alerts/{alert.pk}/follow-up/", {"owner": "Anna", "due": "soon"})
    assert not AlertHandling.objects.exists()


def test_a_member_is_shown_the_course_only_where_it_answered(publish, client, anna):
    from sharing.services import watching

    for month in range(16):
        publish({TOTAL_KEY: 0.04} if month == 15 else {}, answered=month > 12)
    last = publish({ZHEJIANG: 0.04, TOTAL_KEY: 0.04})
    watching.look_over("delinquency")
    alert = Alert.objects.get(key=ZHEJIANG, release=last)
    client.force_login(anna)
    shown = client.get(f"/alerts/{alert.pk}/").context["points"]
    assert sorted(point[0] for point in shown) == ["2026-02", "2026-03", "2026-04", "2026-05"]


def test_home_says_what_waits_for_somebody(alert, client, anna):
    client.force_login(anna)
    assert "Acknowledge 1 warning" in client.get("/").content.decode()
    alerts.acknowledge(alert, by=anna)
    assert "Acknowledge 1 warning" not in client.get("/").content.decode()


def test_a_members_system_reads_and_deals_with_warnings(alert, client, harbour):
    token = bearer(client, harbour)
    headers = {"authorization": token}
    listed = client.get("/api/v1/alerts?kind=level", headers=headers).json()["results"]
    assert [each["id"] for each in listed] == [str(alert.pk)]
    assert listed[0]["figures"]["value"] == 0.035
    assert listed[0]["sentence"].startswith("30+ days past due")
    assert listed[0]["handling"]["state"] == "alert_open"
    answer = client.post(
        f"/api/v1/alerts/{alert.pk}/follow-up",
        {"owner": "Desk 3", "due": "2026-12-01", "note": "On it."},
        content_type="application/json",
        headers=headers,
    )
    assert answer.status_code == 200, answer.content
    handling = client.get(f"/api/v1/alerts/{alert.pk}", headers=headers).json()["handling"]
    assert (handling["state"], handling["owner"], handling["steps"][0]["note"]) == ("follow_up", "Desk 3", "On it.")
    refused = client.post(
        f"/api/v1/alerts/{alert.pk}/acknowledge", {}, content_type="application/json", headers=headers
    )
    assert (refused.status_code, refused.json()["rule"]) == (409, "alert-acknowledged")
    closed = client.post(
        f"/api/v1/alerts/{alert.pk}/close", {"outcome": "real"}, content_type="application/json", headers=headers
    )
    assert closed.json()["handling"]["outcome"] == "real"
