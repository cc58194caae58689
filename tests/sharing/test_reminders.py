"""Reminders: to the silent, once a day, to those who can do something about it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from consortium.audit.models import Entry
from consortium.errors import Forbidden, Refused
from consortium.notifications import webhooks
from consortium.notifications.models import Delivery, Endpoint, Notice
from consortium.people.models import Person
from consortium.people.roles import Role
from sharing import board, tasks
from sharing.models import Extension, Reminder, Round
from sharing.services import collections, reminders
from tests.cast import person
from tests.sharing.test_board import many, sent
from tests.sharing.test_rounds import document

pytestmark = pytest.mark.django_db


def due_in(round, days, **fields):
    now = timezone.now()
    Round.objects.update(opens_at=now - timedelta(days=60), due_at=now + timedelta(days=days), **fields)
    round.refresh_from_db()
    return round


def told():
    return {notice.person.name: notice.kind for notice in Notice.objects.select_related("person")}


# by button


def test_those_who_send_are_reminded_with_the_sentence(open_round, carl, ada, bela, anna, dora, harbour):
    count = reminders.remind(open_round, [harbour.institution.pk], by=carl, remark=" The portal closes at noon. ")

    assert count == 1
    assert told() == {"Ada": "round.reminder"}
    assert Notice.objects.get().remark == "The portal closes at noon."
    assert Reminder.objects.get().by == carl
    entry = Entry.objects.get(event="round.reminded")
    assert entry.details == {"institutions": 1}


def test_an_institution_is_reminded_once_a_day(open_round, carl, ada, harbour):
    assert reminders.remind(open_round, [harbour.institution.pk], by=carl) == 1
    assert reminders.remind(open_round, [harbour.institution.pk], by=carl) == 0
    Reminder.objects.update(on=timezone.now().date() - timedelta(days=1))
    Notice.objects.all().delete()

    assert reminders.remind(open_round, [harbour.institution.pk], by=carl) == 1
    assert Notice.objects.count() == 1


@pytest.mark.parametrize("state", ["accepted", "awaiting_approval", "received"])
def test_whoever_has_acted_is_not_reminded(open_round, carl, ada, harbour, state):
    sent(open_round, harbour.institution, state)

    assert reminders.remind(open_round, [harbour.institution.pk], by=carl) == 0
    assert not Notice.objects.exists()


def test_only_collection_managers_remind_and_only_while_the_round_is_open(open_round, closed_round, carl, stella, ada):
    for somebody in (stella, ada):
        with pytest.raises(Forbidden):
            reminders.remind(open_round, [], by=somebody)
    with pytest.raises(Refused, match="Only contributors of an open round"):
        reminders.remind(closed_round, [], by=carl)


def test_a_remark_is_short(open_round, carl):
    with pytest.raises(Refused, match="500 characters"):
        reminders.remind(open_round, [], by=carl, remark="x" * 501)


def test_where_nobody_sends_the_administrator_is_reminded(open_round, carl, dora, anna, harbour):
    reminders.remind(open_round, [harbour.institution.pk], by=carl)

    assert told() == {"Dora": "round.reminder"}


def test_an_institution_that_does_not_contribute_is_not_reminded(open_round, carl, olga, outsiders_bank):
    assert reminders.remind(open_round, [outsiders_bank.institution.pk], by=carl) == 0


def test_the_preview_is_what_happens(client, open_round, carl, ada, harbour):
    client.force_login(carl)
    address = f"/rounds/{open_round.public_id}/remind/"

    page = client.get(f"{address}?who=unanswered")
    assert [standing.code for standing in page.context["preview"].institutions] == ["HARBOUR"]
    assert page.context["preview"].people == 1
    assert not Reminder.objects.exists()

    assert client.post(address, {"who": "unanswered", "remark": "Please."}).status_code == 302
    assert Reminder.objects.get().remark == "Please."
    again = client.get(f"{address}?who=unanswered").context["preview"]
    assert ([s.code for s in again.institutions], [s.code for s in again.already]) == ([], ["HARBOUR"])


@pytest.mark.parametrize("query", ["", "?who=nonsense", "?who=selected", "?who=selected&institution=ELSEWHERE"])
def test_nobody_is_meant_unless_it_is_said(client, open_round, carl, ada, query):
    client.force_login(carl)

    page = client.get(f"/rounds/{open_round.public_id}/remind/{query}")

    assert list(page.context["preview"].institutions) == []


# by rule


@pytest.mark.parametrize(
    ("days", "kind"), [(7, "round.due_soon"), (1, "round.due_soon"), (-1, "round.overdue"), (-5, "round.overdue")]
)
def test_the_rule_reminds_on_its_days(open_round, ada, days, kind):
    due_in(open_round, days)

    tasks.remind()

    assert told() == {"Ada": kind}
    assert Reminder.objects.get().by is None


@pytest.mark.parametrize("days", [30, 10, 4, -4])
def test_between_its_days_it_is_quiet(open_round, ada, days):
    due_in(open_round, days)

    tasks.remind()

    assert not Notice.objects.exists()


def test_the_rule_may_run_twice_and_late(open_round, ada):
    due_in(open_round, 6)  # the day before nothing ran

    assert [reminders.remind_due(), reminders.remind_due()] == [1, 0]
    Reminder.objects.update(on=timezone.now().date() - timedelta(days=1))
    due_in(open_round, 5)
    assert reminders.remind_due() == 0


def test_what_was_to_be_said_before_the_round_opened_is_not_said(open_round, ada):
    now = timezone.now()
    Round.objects.update(opens_at=now, due_at=now + timedelta(days=7))

    assert reminders.remind_due() == 0


def test_whoever_has_more_time_is_reminded_by_its_own_date(open_round, ada, carl, harbour):
    due_in(open_round, -1)
    until = timezone.now() + timedelta(days=1)
    Extension.objects.create(
        round=open_round, institution=harbour.institution, until=until, reason="r", granted_by=carl
    )

    reminders.remind_due()

    notice = Notice.objects.get()
    assert notice.kind == "round.due_soon"
    assert notice.facts["due"] == until.date().isoformat()


def test_what_is_overdue_for_long_reaches_further_up(open_round, ada, bela, dora, anna):
    due_in(open_round, -5)

    reminders.remind_due()

    assert set(told()) == {"Ada", "Bela", "Dora"}
    assert Reminder.objects.get().escalated


def test_a_rule_without_days_never_reminds(open_round, ada, carl):
    due_in(open_round, 1)
    reminders.change_rule(open_round.collection, [], 5, by=carl)

    assert reminders.remind_due() == 0


def test_closed_rounds_and_suspended_members_are_left_alone(open_round, closed_round, ada, sami):
    due_in(open_round, 1)

    assert reminders.remind_due() == 0
    Round.objects.update(state="open")
    assert reminders.remind_due() == 1
    assert set(told()) == {"Ada"}


def test_the_institutions_systems_are_told_too(open_round, dora, harbour, ada, settings):
    settings.CONCORD_WEBHOOKS_TO_LOCALHOST = True
    webhooks.add(harbour.institution, "http://127.0.0.1:1024/x", ["round.due"], by=dora)
    due_in(open_round, 1)

    reminders.remind_due()

    assert Delivery.objects.get().message.data["round"] == open_round.public_id
    assert Endpoint.objects.count() == 1


def test_four_thousand_are_reminded_in_bulk(open_round, carl, django_assert_max_num_queries):
    banks = many(open_round.collection, 4000)
    Person.objects.bulk_create(
        Person(email=f"{bank.code}@example.org", name=bank.code, institution=bank, roles=[Role.SUBMITTER])
        for bank in banks
    )

    with django_assert_max_num_queries(60):
        count = reminders.remind(open_round, {bank.pk for bank in banks}, by=carl)

    assert count == 4000
    assert Notice.objects.count() == 4000


# the rule itself


def test_the_rule_is_changed_by_collection_managers(open_round, carl, stella):
    reminders.change_rule(open_round.collection, [3, -2, 3], 9, by=carl)

    open_round.collection.refresh_from_db()
    assert (open_round.collection.reminder_days, open_round.collection.escalation_days) == ([-2, 3], 9)
    with pytest.raises(Forbidden):
        reminders.change_rule(open_round.collection, [], 9, by=stella)


@pytest.mark.parametrize("days", [list(range(11)), [61], [-61]])
def test_reminders_have_a_measure(open_round, carl, days):
    with pytest.raises(Refused, match="ten days of reminders at most"):
        reminders.change_rule(open_round.collection, days, 5, by=carl)


@pytest.mark.parametrize("days", ["x", "1;2", "1.5", "99"])
def test_a_rule_that_cannot_be_read_changes_nothing(client, open_round, carl, days):
    client.force_login(carl)

    client.post(f"/rounds/{open_round.public_id}/reminder-rule/", {"days": days, "escalation_days": "5"})

    open_round.collection.refresh_from_db()
    assert open_round.collection.reminder_days == [-7, -1, 1, 5]


def test_a_new_version_of_a_collection_keeps_its_rule(collection, carl):
    reminders.change_rule(collection, [-3], 8, by=carl)

    newer = collections.define(document("1.1.0"), by=carl)

    newer.refresh_from_db()
    assert (newer.reminder_days, newer.escalation_days) == ([-3], 8)


def test_a_late_answer_ends_the_reminders(open_round, ada, harbour):
    due_in(open_round, -1)
    reminders.remind_due()
    sent(open_round, harbour.institution, "accepted")
    due_in(open_round, -5)
    Notice.objects.all().delete()

    assert reminders.remind_due() == 0
    assert board.every_standing(open_round)[0].state == "accepted"


def test_a_closed_account_is_not_counted_as_somebody_who_sends(open_round, carl, ada, dora, harbour):
    ada.is_active = False
    ada.save()
    person("Ersatz", harbour.institution, Role.ANALYST)

    reminders.remind(open_round, [harbour.institution.pk], by=carl)

    assert told() == {"Dora": "round.reminder"}
