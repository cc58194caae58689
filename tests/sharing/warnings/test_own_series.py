"""Warnings about an institution's own series: for its people alone, and sealed in the database."""

from __future__ import annotations

import math

import numpy as np
import pytest

from consortium.audit.models import Entry
from consortium.errors import Forbidden, Refused
from consortium.notifications.models import Message, Notice
from sharing.models import Alert, OwnWatch
from sharing.services import own_alerts, statements
from tests.sharing.conftest import bearer
from tests.sharing.warnings.conftest import TOTAL_KEY


@pytest.fixture
def rates(monkeypatch):
    """The own rates by release, as `statements.own_rates` gives them; opening statements has tests of its own."""
    found = {}

    def own_rates(person, releases, indicator, keys):
        wanted = set(keys)
        if person.institution_id is None or indicator != "DPD30_RATE":
            return {}
        return {
            (release.pk, key): rate
            for release in releases
            for key, rate in found.get(release.pk, {}).items()
            if key in wanted
        }

    monkeypatch.setattr(statements, "own_rates", own_rates)
    return found


@pytest.fixture
def history(publish, rates, harbour):
    """Publishes periods with own rates in total, in steady company of the peers."""
    from sharing.models import Statement

    def add(*own):
        for rate in own:
            release = publish()
            Statement.objects.create(release=release, institution=harbour.institution, sealed=None)
            rates[release.pk] = {TOTAL_KEY: rate}

    return add


def steady(length):
    return 0.025 * np.exp(np.random.default_rng(11).normal(0, 0.02, length))


def test_steady_own_figures_raise_nothing(history, anna):
    history(*steady(15))
    assert own_alerts.look(anna) == []


def test_an_own_leap_is_one_warning_for_its_people(history, anna):
    history(*steady(15), 0.04)
    (alert,) = own_alerts.look(anna)
    assert (alert.key, alert.since, alert.state) == (TOTAL_KEY, "2026-04", "alert_open")
    value = alert.facts["value"] if alert.kind == "level" else 0.02 * math.exp(alert.facts["value"])
    assert value == pytest.approx(0.04, rel=0.1)


def test_looking_again_finds_the_same_warning(history, anna, ada):
    history(*steady(15), 0.04)
    assert [each.id for each in own_alerts.look(anna)] == [each.id for each in own_alerts.look(ada)]


def test_it_goes_on_while_it_lasts_and_is_over_after_two_periods_within_limits(history, anna):
    history(*steady(15), 0.04)
    (first,) = own_alerts.look(anna)
    history(0.041)
    (second,) = own_alerts.look(anna)
    assert (second.id, second.since, second.period) == (first.id, "2026-04", "2026-05")
    history(*steady(2))
    (last,) = own_alerts.look(anna)
    assert last.is_over


def test_nothing_but_the_sealed_row_knows_of_it(history, anna, ada, stella):
    """Neither a warning's row nor a notice, a message or the audit log tells that there is one."""
    before = Notice.objects.count(), Message.objects.count(), Entry.objects.count()
    history(*steady(15), 0.04)
    (alert,) = own_alerts.look(anna)
    own_alerts.acknowledge(alert.id, by=ada, note="We bought a portfolio.")
    own_alerts.follow_up(alert.id, owner="Credit risk", due=None, by=ada)
    own_alerts.close(alert.id, outcome="explained", by=anna)
    assert (Notice.objects.count(), Message.objects.count(), Entry.objects.count()) == before
    assert not Alert.objects.exists()
    sealed = bytes(OwnWatch.objects.get().sealed)
    for word in (b"portfolio", b"DPD30", b"explained", alert.id.encode()):
        assert word not in sealed


def test_a_row_is_as_long_with_a_warning_as_without(history, anna, ada):
    history(*steady(15))
    own_alerts.look(anna)
    quiet = len(OwnWatch.objects.get().sealed)
    history(0.04)
    (alert,) = own_alerts.look(anna)
    own_alerts.acknowledge(alert.id, by=ada, note="n" * 400)
    assert len(OwnWatch.objects.get().sealed) == quiet


def test_a_row_opens_for_no_other_institution(history, anna, olga):
    history(*steady(15), 0.04)
    own_alerts.look(anna)
    OwnWatch.objects.update(institution=olga.institution)
    with pytest.raises(ValueError, match="does not open"):
        own_alerts.look(olga)


def test_the_association_cannot_look(history, stella):
    with pytest.raises(Forbidden):
        own_alerts.look(stella)


def test_every_step_is_kept_with_who_took_it(history, anna, ada):
    history(*steady(15), 0.04)
    (alert,) = own_alerts.look(anna)
    own_alerts.acknowledge(alert.id, by=anna, note="Seen.")
    own_alerts.close(alert.id, outcome="real", by=ada)
    (alert,) = own_alerts.look(anna)
    assert [(step.state, step.who, step.note) for step in alert.steps] == [
        ("acknowledged", "Anna", "Seen."),
        ("alert_closed", "Ada", ""),
    ]
    with pytest.raises(Refused, match="dealt with already"):
        own_alerts.follow_up(alert.id, owner="Ada", due=None, by=ada)


def test_another_institutions_warning_does_not_exist(history, anna, olga):
    history(*steady(15), 0.04)
    (alert,) = own_alerts.look(anna)
    with pytest.raises(Refused, match="no such warning"):
        own_alerts.acknowledge(alert.id, by=olga)


def test_home_asks_to_look_only_while_nobody_has(history, client, anna):
    history(*steady(15), 0.04)
    client.force_login(anna)
    assert "Look over our own series" in client.get("/").content.decode()
    page = client.get("/alerts/ours/").content.decode()
    assert "30+ days past due" in page
    assert "Look over our own series" not in client.get("/").content.decode()


def test_the_page_takes_a_step_and_its_address_names_no_warning(history, client, anna):
    history(*steady(15), 0.04)
    (alert,) = own_alerts.look(anna)
    client.force_login(anna)
    client.post("/alerts/ours/", {"alert": alert.id, "verb": "acknowledge", "note": "Seen."})
    assert own_alerts.look(anna)[0].state == "acknowledged"


def test_a_members_system_reads_its_own_warnings(history, client, harbour):
    history(*steady(15), 0.04)
    headers = {"authorization": bearer(client, harbour)}
    (found,) = client.get("/api/v1/alerts/own", headers=headers).json()["results"]
    assert found["period"] == "2026-04"
    answer = client.post(
        "/api/v1/alerts/own/actions",
        {"alert": found["id"], "action": "close", "outcome": "real"},
        content_type="application/json",
        headers=headers,
    )
    assert (answer.status_code, answer.json()["state"]) == (200, "alert_closed")
