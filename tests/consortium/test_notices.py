"""Notices: told once, to whom they concern, mailed as each person chose."""

from __future__ import annotations

import re

import pytest
from django.core import mail as outbox
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from consortium.institutions.states import InstitutionState
from consortium.notifications import services, tasks
from consortium.notifications.kinds import Kind, Topic, topic_of
from consortium.notifications.models import Channel, Notice
from consortium.people.models import Person
from consortium.people.roles import Role

pytestmark = pytest.mark.django_db
FACTS = {"collection": {"en": "Delinquency", "zh-Hans": "逾期"}, "period": "2026-10", "due": "2026-11-15"}


@pytest.fixture
def tell(django_capture_on_commit_callbacks, at_once):
    """Notify, and let the office work."""

    def told(people, kind=Kind.ROUND_OPENED, *, address="/rounds/x/", **facts):
        with django_capture_on_commit_callbacks(execute=True):
            services.notify(people, kind, address=address, **{**FACTS, **facts})
        with django_capture_on_commit_callbacks(execute=True):
            tasks.mail_notices()

    return told


def test_a_notice_speaks_the_language_of_the_page(ada):
    services.notify([ada], Kind.ROUND_OPENED, address="/", **FACTS)
    notice = Notice.objects.get()

    with translation.override("en"):
        assert notice.sentence == "Delinquency 2026-10 is open; it is due on 15 Nov 2026."
    with translation.override("zh-hans"):
        assert "逾期" in notice.sentence
        assert "2026年11月15日" in notice.sentence


def test_a_kind_belongs_to_the_topic_of_its_first_word():
    assert [topic_of(kind) for kind in (Kind.ROUND_OPENED, Kind.STATEMENT_READY, Kind.KEY_REGISTERED)] == [
        Topic.ROUNDS,
        Topic.RELEASES,
        Topic.SECURITY,
    ]


def test_the_same_event_is_told_once_whatever_runs_twice(ada, bela):
    for _ in range(2):
        services.notify([ada, bela], Kind.ROUND_OPENED, address="/", once="opened:1", **FACTS)
    services.notify([ada], Kind.ROUND_OPENED, address="/", once="opened:2", **FACTS)

    assert Notice.objects.filter(person=ada).count() == 2
    assert Notice.objects.filter(person=bela).count() == 1


def test_closed_accounts_are_told_nothing(ada):
    ada.is_active = False

    services.notify([ada], Kind.ROUND_OPENED, address="/", **FACTS)

    assert not Notice.objects.exists()


def test_a_notice_is_mailed_at_once_and_once(tell, ada):
    tell([ada])
    tasks.mail_notices()

    (letter,) = outbox.outbox
    assert letter.subject == "Delinquency 2026-10 is open; it is due on 15 Nov 2026."
    assert f"https://concord.example/notices/{Notice.objects.get().pk}/" in letter.body
    assert letter.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_letter_is_written_in_its_readers_language(tell, ada):
    ada.language = "zh-hans"
    ada.save()

    tell([ada])

    assert "逾期" in outbox.outbox[0].subject


def test_whoever_is_suspended_before_the_letter_leaves_gets_none(django_capture_on_commit_callbacks, ada, harbour):
    services.notify([ada], Kind.ROUND_OPENED, address="/", **FACTS)
    harbour.institution.state = InstitutionState.SUSPENDED
    harbour.institution.save()

    with django_capture_on_commit_callbacks(execute=True):
        assert services.mail_notices() == 1

    assert outbox.outbox == []


def test_that_an_institution_is_suspended_is_mailed_although_it_is(tell, sami):
    tell([sami], Kind.INSTITUTION_SUSPENDED)

    assert len(outbox.outbox) == 1


def test_a_preference_decides_about_mail_and_not_about_the_portal(tell, ada, bela):
    services.prefer(ada, {Topic.ROUNDS: Channel.OFF})
    services.prefer(bela, {Topic.ROUNDS: Channel.DIGEST})

    tell([ada, bela])

    assert outbox.outbox == []
    assert Notice.objects.count() == 2


def test_what_is_always_mailed_cannot_be_switched_off(tell, ada):
    services.prefer(ada, dict.fromkeys(Topic, Channel.OFF))

    tell([ada], Kind.KEY_REGISTERED, kid="abc")
    tell([ada], Kind.ROUND_REMINDER)

    assert len(outbox.outbox) == 2
    assert all("List-Unsubscribe" not in letter.extra_headers for letter in outbox.outbox)
    assert services.preferences(ada)[Topic.SECURITY] == Channel.AT_ONCE


def test_a_digest_names_what_is_unread_once(tell, ada, django_capture_on_commit_callbacks, at_once):
    services.prefer(ada, {Topic.ROUNDS: Channel.DIGEST})
    tell([ada])
    tell([ada], Kind.ROUND_OVERDUE)
    tell([ada], Kind.ROUND_DUE_SOON)
    services.read([Notice.objects.earliest("pk")], by=ada)

    for _ in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            tasks.mail_digests()

    (letter,) = outbox.outbox
    assert letter.subject == "2 notices from Concord"
    assert "was due on" in letter.body
    assert "is open" not in letter.body


def test_a_digest_of_what_was_read_meanwhile_is_not_sent(tell, ada):
    services.prefer(ada, {Topic.ROUNDS: Channel.DIGEST})
    tell([ada])
    services.read(None, by=ada)

    assert services.mail_digests() == 0
    assert Notice.objects.get().mailed_at is not None


def test_twenty_thousand_people_are_told_with_few_statements(harbour):
    people = Person.objects.bulk_create(
        Person(email=f"p{n}@example.org", name=f"P{n}", institution=harbour.institution, roles=[Role.ANALYST])
        for n in range(20_000)
    )

    with CaptureQueriesContext(
        connection,
    ) as asked:
        services.notify(people, Kind.ROUND_OPENED, address="/", once="opened:1", **FACTS)

    assert Notice.objects.count() == 20_000
    assert len(asked) <= 20 * 4


def link_in(letter):
    return re.search(r"https://concord\.example(/notices/no-more-mail/\S+)", letter.body)[1]


def test_one_click_stops_the_mail(tell, ada, client):
    tell([ada])
    link = link_in(outbox.outbox[0])

    assert client.get(link).status_code == 200
    assert services.preferences(ada)[Topic.ROUNDS] == Channel.AT_ONCE  # asking changes nothing

    answer = client.post(link, "List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded")

    assert answer.status_code == 200
    assert services.preferences(ada)[Topic.ROUNDS] == Channel.OFF
    assert services.preferences(ada)[Topic.SECURITY] == Channel.AT_ONCE


def test_a_forged_link_stops_nobodys_mail(client, ada):
    assert client.post(f"/notices/no-more-mail/{ada.pk}/").status_code == 404
    assert client.post("/notices/no-more-mail/WzFd:1abcde:xyz/").status_code == 404


def test_opening_a_notice_reads_it_and_goes_where_it_points(client, ada):
    notice = Notice.objects.create(person=ada, kind=Kind.ROUND_OPENED, address="/submissions/", facts=FACTS)
    client.force_login(ada)
    assert b"1 unread notice" in client.get("/notices/").content

    answer = client.get(f"/notices/{notice.pk}/")

    assert (answer.status_code, answer["Location"]) == (302, "/submissions/")
    assert b"unread notice" not in client.get("/notices/").content


def test_a_notice_leads_nowhere_but_into_the_portal(client, ada):
    notice = Notice.objects.create(person=ada, kind=Kind.ROUND_OPENED, address="//evil.example/", facts=FACTS)
    client.force_login(ada)

    assert client.get(f"/notices/{notice.pk}/")["Location"] == "/notices/"


def test_nobody_opens_or_reads_the_notices_of_others(client, ada, bela):
    notice = Notice.objects.create(person=bela, kind=Kind.ROUND_OPENED, address="/", facts=FACTS)
    client.force_login(ada)

    assert client.get(f"/notices/{notice.pk}/").status_code == 404
    client.post("/notices/read/")

    notice.refresh_from_db()
    assert notice.read_at is None


def test_notices_are_filtered_and_marked(client, ada):
    for kind in (Kind.ROUND_OPENED, Kind.RELEASE_PUBLISHED):
        Notice.objects.create(person=ada, kind=kind, address="/", facts=FACTS)
    Notice.objects.filter(kind=Kind.RELEASE_PUBLISHED).update(read_at=timezone.now())
    client.force_login(ada)

    assert b"is published" not in client.get("/notices/?topic=rounds").content
    assert b"is published" not in client.get("/notices/?unread=yes").content
    assert b"is published" in client.get("/notices/?topic=nonsense&page=9").content
    client.post("/notices/read/")
    assert not Notice.objects.unread().exists()


def test_a_kind_that_is_no_more_does_not_break_the_page(client, ada):
    Notice.objects.create(person=ada, kind="round.forgotten", address="/")
    client.force_login(ada)

    assert client.get("/notices/").status_code == 200


def test_the_bell_asks_one_question(client, ada):
    client.force_login(ada)
    client.get("/notices/mail/")

    with CaptureQueriesContext(connection) as asked:
        client.get("/notices/mail/")

    assert sum("notifications_notice" in query["sql"] for query in asked) == 1


def test_preferences_are_chosen_on_their_page(client, ada):
    client.force_login(ada)

    chosen = {"rounds": "digest", "submissions": "off", "releases": "at_once", "security": "off"}
    assert client.post("/notices/mail/", chosen).status_code == 302

    assert services.preferences(ada) == {
        Topic.ROUNDS: Channel.DIGEST,
        Topic.SUBMISSIONS: Channel.OFF,
        Topic.RELEASES: Channel.AT_ONCE,
        Topic.SECURITY: Channel.AT_ONCE,
    }
    assert client.post("/notices/mail/", {"rounds": "hourly"}).status_code == 422


@pytest.mark.parametrize(
    "name", ["2026-99-99", "0000-01-01", "２０２６-１１-２３", "2026-11-23\n", "%(kid)s", "%s %d", "\u202e"]
)
def test_no_name_that_somebody_chose_stops_the_mail_of_others(tell, ada, bela, client, name):
    """The notices page of the one and the letters of all: a name is never more than text."""
    services.notify([bela], Kind.APPLICATION_RECEIVED, address="/", name=name)

    tell([ada])

    assert {letter.to[0] for letter in outbox.outbox} == {ada.email, bela.email}
    client.force_login(bela)
    assert client.get("/notices/").status_code == 200
