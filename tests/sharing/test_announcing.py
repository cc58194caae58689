"""Whom the cycle tells of what: once, after the commit, also when a worker dies."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from consortium.notifications import webhooks
from consortium.notifications.models import Announcement, Delivery, EventType, Message, Notice
from sharing.models import Release, Statement
from sharing.services import announcing, checking, releases, rounds, submissions, sweeper
from sharing.states import ReleaseState, RoundState
from tests.cast import call_report, sealed

pytestmark = pytest.mark.django_db


def told(kind):
    return {notice.person.name for notice in Notice.objects.filter(kind=kind).select_related("person")}


def tell_all():
    for id in Announcement.objects.filter(done_at=None).values_list("pk", flat=True):
        announcing.tell(id)


@pytest.fixture
def hooked(harbour, dora, settings):
    """A webhook of Harbour Bank that asks for everything."""
    settings.CONCORD_WEBHOOKS_TO_LOCALHOST = True
    return webhooks.add(harbour.institution, "http://127.0.0.1:1024/", EventType.values, by=dora).endpoint


@pytest.fixture
def draft(open_round, timo):
    open_round.state = RoundState.IN_REVIEW
    open_round.save()
    return Release.objects.create(
        round=open_round, public_id="cr-r1", revision=1, state=ReleaseState.IN_REVIEW, prepared_by=timo,
        audit_passed=True,
    )  # fmt: skip


def publish(release, *people):
    for person in people:
        releases.approve(release, by=person)
    releases.publish(release, by=people[-1])


def test_an_opened_round_is_told_to_those_who_send_and_approve(
    planned_round, carl, ada, bela, anna, dora, olga, sami, hooked
):
    rounds.open(planned_round, by=carl)
    assert not Notice.objects.exists()  # the office tells, not the page

    tell_all()

    assert told("round.opened") == {"Ada", "Bela"}
    assert Message.objects.get().data["round"] == planned_round.public_id


def test_telling_runs_twice_and_tells_once(planned_round, carl, ada, hooked):
    rounds.open(planned_round, by=carl)
    announcement = Announcement.objects.get()
    announcing.tell(announcement.pk)
    Announcement.objects.update(done_at=None)  # as if the worker had died before it wrote that down

    announcing.tell(announcement.pk)

    assert Notice.objects.count() == 1
    assert Delivery.objects.count() == 1


def test_a_reopened_round_is_told_each_time(planned_round, carl, ada):
    round = rounds.open(planned_round, by=carl)
    for _ in range(2):
        round = rounds.reopen(rounds.close(round, by=carl), by=carl)
        tell_all()

    assert Notice.objects.filter(kind="round.reopened").count() == 2


def test_a_round_that_closed_before_anybody_was_told_is_not_told(planned_round, carl, ada):
    rounds.close(rounds.open(planned_round, by=carl), by=carl)

    tell_all()

    assert not Notice.objects.exists()


def test_the_sweeper_finds_what_was_forgotten(planned_round, carl, monkeypatch):
    rounds.open(planned_round, by=carl)
    queued = []
    monkeypatch.setattr("sharing.tasks.send", lambda task, *ids: queued.append((task.name, ids)))
    sweeper.sweep()
    assert ("sharing.tasks.tell", (Announcement.objects.get().pk,)) not in queued
    Announcement.objects.update(at=timezone.now() - timedelta(hours=1))

    sweeper.sweep()

    assert ("sharing.tasks.tell", (Announcement.objects.get().pk,)) in queued


def test_a_published_release_is_told_to_its_readers_and_compared_ones_hear_of_their_statement(
    draft, stella, ursula, ada, anna, olga, sami, oskar, aldo, paula, hooked, harbour
):
    Statement.objects.create(release=draft, institution=harbour.institution, sealed=b"x")
    publish(draft, stella, ursula)

    tell_all()

    assert told("statement.ready") == {"Ada", "Anna", "Dora"}
    assert {"Oskar", "Paula", "Stella"} <= told("release.published")
    assert told("release.published").isdisjoint({"Ada", "Olga", "Sami", "Aldo"})
    assert set(Message.objects.values_list("type", flat=True)) == {"release.published", "statement.ready"}


def test_a_correction_is_called_one_and_a_withdrawal_names_its_page(draft, stella, ursula, ada):
    publish(draft, stella, ursula)
    tell_all()
    releases.withdraw(draft, reason="A wrong denominator.", by=stella)
    tell_all()
    assert "Ada" in told("release.withdrawn")
    draft.round.state = RoundState.IN_REVIEW
    draft.round.save()
    second = Release.objects.create(
        round=draft.round, public_id="cr-r2", revision=2, state=ReleaseState.IN_REVIEW, prepared_by=draft.prepared_by,
        audit_passed=True, note="A denominator was wrong.",
    )  # fmt: skip
    publish(second, stella, ursula)

    tell_all()

    assert "Ada" in told("release.corrected")
    notice = Notice.objects.get(kind="release.withdrawn", person=ada)
    assert notice.address == "/releases/cr-r1/"
    assert "denominator" not in str(notice.facts)


def test_the_systems_of_a_member_follow_its_submission(open_round, harbour, ada, hooked):
    submission = submissions.receive(open_round, sealed(harbour, open_round), by=ada).submission
    checking.open_sealed(submission.pk)
    checking.open_sealed(submission.pk)

    types = list(Message.objects.order_by("at").values_list("type", flat=True))
    assert sorted(types) == ["submission.accepted", "submission.received"]
    data = Message.objects.get(type="submission.accepted").data
    assert data["submission"] == str(submission.pk)
    assert data["api"] == f"https://concord.example/api/v1/submissions/{submission.pk}"


def test_a_rejected_submission_is_told_as_such(open_round, harbour, ada, hooked):
    wrong = sealed(harbour, open_round, call_report("HARBOUR", "2025-Q3"))
    submission = submissions.receive(open_round, wrong, by=ada).submission
    checking.open_sealed(submission.pk)

    assert Message.objects.filter(type="submission.rejected").exists()


def test_no_message_and_no_notice_holds_a_figure(open_round, harbour, ada, hooked):
    cube = call_report("HARBOUR", open_round.period, scale=1.23457)
    submission = submissions.receive(open_round, sealed(harbour, open_round, cube), by=ada).submission
    checking.open_sealed(submission.pk)

    words = str(list(Message.objects.values_list("data", flat=True))) + str(list(Notice.objects.values_list("facts")))
    for figure in cube.table.column("BALANCE").to_pylist():
        assert f"'{figure}'" not in words
        assert f" {figure}" not in words
