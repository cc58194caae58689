"""From releases to warnings: raised once, kept up to date, ended, told to those who see the cell."""

from __future__ import annotations

import json

import pytest

from consortium.audit.models import Entry
from consortium.notifications.models import Message, Notice
from sharing.models import Alert, Ending, Release, ReleaseCell, Watch
from sharing.services import releases as release_services, watching
from sharing.states import ReleaseState
from tests.sharing.warnings.conftest import REGIONS, TOTAL_KEY, region

ZHEJIANG = region("CN-ZJ")


def test_steady_figures_raise_nothing(looked_over):
    looked_over()
    assert not Alert.objects.exists()
    assert Watch.objects.get().releases


def test_a_leap_of_one_region_is_one_warning_with_its_figures(looked_over):
    looked_over({ZHEJIANG: 0.035})
    alert = Alert.objects.get()
    assert (alert.key, alert.kind, alert.since, alert.period) == (ZHEJIANG, "level", "2026-04", "2026-04")
    assert alert.facts["value"] == 0.035
    assert 0.020 < alert.facts["expected"] < alert.facts["limit"] < 0.03
    assert alert.severity == "severe"


def test_looking_again_changes_nothing(looked_over):
    looked_over({ZHEJIANG: 0.035})
    before = list(Alert.objects.values("pk", "facts", "period")), Notice.objects.count(), Entry.objects.count()
    watching.look_over("delinquency")
    assert watching.look_over_changed() == 0
    assert (
        list(Alert.objects.values("pk", "facts", "period")),
        Notice.objects.count(),
        Entry.objects.count(),
    ) == before


def test_while_it_lasts_the_same_warning_follows_and_nobody_is_told_again(looked_over, publish, anna):
    looked_over({ZHEJIANG: 0.035})
    told = Notice.objects.filter(person=anna, kind="alert.raised").count()
    publish({ZHEJIANG: 0.036})
    assert watching.look_over_changed() == 1
    alert = Alert.objects.get()
    assert (alert.since, alert.period, alert.facts["value"]) == ("2026-04", "2026-05", 0.036)
    assert told == Notice.objects.filter(person=anna, kind="alert.raised").count() == 1


def test_it_ends_after_two_periods_within_limits(looked_over, publish):
    looked_over({ZHEJIANG: 0.035}, {})
    assert Alert.objects.lasting().count() == 1
    publish()
    watching.look_over("delinquency")
    assert Alert.objects.get().ending == Ending.BACK


def test_a_withheld_period_neither_raises_nor_ends(looked_over):
    looked_over({ZHEJIANG: 0.035}, {ZHEJIANG: None}, {ZHEJIANG: None}, {ZHEJIANG: None})
    alert = Alert.objects.get()
    assert alert.ended_at is None
    assert alert.period == "2026-04"
    assert [point[1] for point in alert.facts["course"]][-3:] == [None] * 3


def test_a_correction_that_takes_the_leap_away_ends_the_warning(looked_over):
    last = looked_over({ZHEJIANG: 0.035})[-1]
    ReleaseCell.objects.filter(release=last, key=ZHEJIANG).update(pooled=0.022, median=0.022)
    watching.look_over("delinquency")
    assert Alert.objects.get().ending == Ending.REVISED


def test_a_withdrawn_release_takes_its_warnings_along(looked_over, stella):
    last = looked_over({ZHEJIANG: 0.035})[-1]
    release_services.withdraw(last, reason="A bank sent yuan for thousands.", by=stella)
    assert last.round.releases.get().state == ReleaseState.WITHDRAWN
    watching.look_over("delinquency")
    assert Alert.objects.get().ending == Ending.REVISED


def test_a_crossing_is_told_by_the_warning_about_its_region(looked_over):
    looked_over({ZHEJIANG: 0.035, "SME.CN-ZJ._T": 0.08})
    assert Alert.objects.get().key == ZHEJIANG


def test_three_regions_in_three_months_are_a_wave(looked_over):
    first, second, third = (region(code) for code in REGIONS[:3])
    looked_over({first: 0.04}, {first: 0.04, second: 0.04}, {first: 0.04, second: 0.04, third: 0.04})
    wave = Alert.objects.get(kind="spread")
    assert wave.key == first
    assert [crossing[0] for crossing in wave.facts["crossings"]] == list(REGIONS[:3])
    assert wave.facts["months"][-1] == ["2026-06", 3, 5]
    front = next(each for each in Watch.objects.get().fronts if each["dimension"] == "REGION")
    assert front["crossings"][2] == ["CN-GD", "2026-06", 2]


def test_a_member_sees_a_warning_only_with_the_cell(looked_over, anna, olga, stella, mara):
    looked_over({ZHEJIANG: 0.035})
    assert Alert.objects.visible_to(anna).count() == 1
    assert Alert.objects.visible_to(stella).count() == 1
    assert not Alert.objects.visible_to(olga), "her bank answered nothing, so it sees headlines alone"
    assert not Alert.objects.visible_to(mara)


def test_everybody_who_contributes_sees_a_headline(looked_over, olga):
    looked_over({TOTAL_KEY: 0.04})
    assert Alert.objects.visible_to(olga).get().key == TOTAL_KEY


def test_only_those_who_see_the_cell_are_told(looked_over, anna, olga, stella, oskar):
    looked_over({ZHEJIANG: 0.035})
    told = set(Notice.objects.filter(kind="alert.raised").values_list("person", flat=True))
    assert {anna.pk, stella.pk} <= told
    assert olga.pk not in told
    assert oskar.pk not in told, "an observer deals with no warnings"


def test_a_notice_a_message_and_the_audit_log_hold_neither_cell_nor_figure(looked_over, harbour, anna):
    from consortium.notifications.models import Endpoint

    Endpoint.objects.create(
        institution=harbour.institution, url="https://example.org/hook", events=["alert.raised"], secret="x"
    )
    looked_over({ZHEJIANG: 0.035})
    notice = Notice.objects.get(person=anna, kind="alert.raised")
    message = Message.objects.get(type="alert.raised")
    details = [entry.details for entry in Entry.objects.filter(event="alert.raised")]
    for text in (json.dumps(notice.facts), notice.address, json.dumps(message.data), json.dumps(details)):
        assert "0.03" not in text
        assert "CN-ZJ" not in text


@pytest.mark.django_db(transaction=True)
def test_publishing_has_the_series_looked_over(looked_over, publish, at_once):
    from sharing.services import announcing

    looked_over()
    release = publish({ZHEJIANG: 0.035})
    announcing.announce("release.published", release)
    assert Alert.objects.get().release == Release.objects.get(pk=release.pk)
