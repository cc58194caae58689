"""Where people are signed in, ending it, and new devices."""

from __future__ import annotations

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone, translation

from consortium.audit.models import Entry
from consortium.errors import Forbidden, Refused
from consortium.institutions.services import institutions
from consortium.notifications.models import Notice
from consortium.people import services as people
from consortium.sign_on import sessions
from consortium.sign_on.devices import device_name
from tests.cast import PASSWORD
from tests.consortium.signing_in import is_signed_in, sign_in

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"


def signed_in_as(person, **headers) -> Client:
    client = Client()
    assert sign_in(client, person, **headers).status_code == 302
    return client


def test_the_list_names_device_and_address(ada):
    here = signed_in_as(ada, user_agent=FIREFOX)
    signed_in_as(ada)

    page = here.get("/accounts/sessions/")

    assert page.context["sessions"][0].device == "Firefox on Windows"
    assert len(page.context["sessions"]) == 2
    assert b"127.0.0.1" in page.content


def test_one_session_is_ended(ada):
    here, there, elsewhere = signed_in_as(ada), signed_in_as(ada), signed_in_as(ada)
    number = UserSession.objects.get(session_key=there.session.session_key).pk

    here.post("/accounts/sessions/", {"session": number})

    assert [is_signed_in(each) for each in (here, there, elsewhere)] == [True, False, True]


def test_all_others_are_ended(ada):
    here, there, elsewhere = signed_in_as(ada), signed_in_as(ada), signed_in_as(ada)

    here.post("/accounts/sessions/")

    assert [is_signed_in(each) for each in (here, there, elsewhere)] == [True, False, False]
    assert Entry.objects.get(event="person.sessions_ended").details == {"sessions": 2}


def test_nobody_ends_anothers_session_by_its_number(ada, olga):
    hers, mine = signed_in_as(olga), signed_in_as(ada)
    number = UserSession.objects.get(session_key=hers.session.session_key).pk

    mine.post("/accounts/sessions/", {"session": number})

    assert is_signed_in(hers)


@pytest.mark.parametrize("number", ["", "0", "-1", "x", "9" * 30, "²"])
def test_a_number_that_is_none_breaks_nothing(ada, number):
    assert signed_in_as(ada).post("/accounts/sessions/", {"session": number}).status_code == 302


def test_changing_the_password_ends_all_others(ada):
    here, there = signed_in_as(ada), signed_in_as(ada)

    answer = here.post(
        "/accounts/password/change/",
        {
            "oldpassword": PASSWORD,
            "password1": "another harbour in the east",
            "password2": "another harbour in the east",
        },
    )

    assert answer.status_code == 302
    assert [is_signed_in(each) for each in (here, there)] == [True, False]
    assert Notice.objects.filter(person=ada, kind="person.password_changed").count() == 1


def test_closing_an_account_ends_its_sessions(ada, dora):
    here = signed_in_as(ada)

    people.close_account(ada, by=dora)

    assert not UserSession.objects.filter(user=ada).exists()
    assert not is_signed_in(here)


def test_suspending_an_institution_ends_its_peoples_sessions(harbour, ada, mara, olga):
    here, outside = signed_in_as(ada), signed_in_as(olga)

    institutions.suspend(harbour.institution, by=mara, reason="unpaid")

    assert not is_signed_in(here)
    assert is_signed_in(outside)


def test_an_administrator_signs_somebody_out_everywhere(ada, dora):
    here = signed_in_as(ada)

    signed_in_as(dora).post(f"/people/{ada.pk}/security/end-sessions/")

    assert not is_signed_in(here)
    assert Entry.objects.get(event="person.sessions_ended").person == dora


def test_others_do_not(ada, bela, olga, mara, dora):
    for other in (bela, olga):
        with pytest.raises(Forbidden):
            sessions.end_of_another(ada, by=other)
    with pytest.raises(Refused, match="An administrator of the institution does this"):
        sessions.end_of_another(ada, by=mara)


def test_a_new_device_is_told_once(ada):
    first = signed_in_as(ada)
    assert not Notice.objects.exists()  # the very first sign-in is nobody else's

    second = signed_in_as(ada, user_agent=FIREFOX)
    sentence = "Somebody signed in to your account from a new device: Firefox on Windows."
    assert [notice.sentence for notice in Notice.objects.filter(person=ada)] == [sentence]

    for known in (first, second):
        known.post("/accounts/logout/")
        sign_in(known, ada)
    assert Notice.objects.count() == 1


def test_a_forged_cookie_is_no_known_device(ada):
    signed_in_as(ada)
    stranger = Client()
    stranger.cookies["known"] = "eyJkZXZpY2UiOiJ4IiwicGVvcGxlIjpbXX0:1:x"

    sign_in(stranger, ada)

    assert Notice.objects.filter(kind="person.new_device").count() == 1


def test_somebody_elses_known_browser_is_new_to_me(ada, olga):
    signed_in_as(ada)
    hers = signed_in_as(olga)
    hers.post("/accounts/logout/")

    sign_in(hers, ada)

    assert Notice.objects.filter(person=ada, kind="person.new_device").count() == 1


def test_when_a_session_was_seen_is_kept_to_five_minutes(ada):
    here = signed_in_as(ada)
    session = UserSession.objects.get()
    long_ago = timezone.now() - 2 * sessions.SEEN_EVERY
    UserSession.objects.update(last_seen_at=long_ago)

    sessions.was_seen(session.session_key, "192.0.2.7")

    session.refresh_from_db()
    assert session.last_seen_at > long_ago
    assert session.ip == "192.0.2.7"
    assert is_signed_in(here)


@pytest.mark.parametrize(
    ("says", "name"),
    [
        (FIREFOX, "Firefox on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0 Safari/537.36 Edg/140.0", "Edge on Linux"),
        ("curl/8.0", "curl/8.0"),
        ("<script>alert(1)</script>", "scriptalert1/script"),
        ("", "Unknown device"),
    ],
)
def test_what_a_browser_says_of_itself_in_words(says, name):
    with translation.override("en"):  # a test before may have left a person's language
        assert device_name(says) == name


def test_what_is_over_is_forgotten(ada):
    lasting, over = signed_in_as(ada), signed_in_as(ada)
    Session.objects.filter(session_key=over.session.session_key).update(expire_date=timezone.now())

    sessions.forget_over()

    assert is_signed_in(lasting)
    assert [row.session_key for row in UserSession.objects.all()] == [lasting.session.session_key]
    assert Session.objects.count() == 1
