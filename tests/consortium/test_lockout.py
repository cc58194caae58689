"""Guessing stops; nobody is told who has an account; a stranger cannot lock somebody out."""

from __future__ import annotations

import statistics
import time

import pytest
from django.core.cache import cache
from django.test import Client

from consortium.notifications.models.mail import Mail
from tests.cast import PASSWORD
from tests.consortium.signing_in import is_signed_in, sign_in

TOO_MANY = "Too many failed login attempts"


@pytest.fixture(autouse=True)
def fresh(db):
    cache.clear()


def guess(client, email, times, **headers):
    answers = [
        client.post("/accounts/login/", {"login": email, "password": f"guess {n}"}, headers=headers)
        for n in range(times)
    ]
    return answers[-1].content.decode()


def test_five_guesses_end_it_for_a_while(ada):
    stranger = Client()
    guess(stranger, ada.email, 5)

    sign_in(stranger, ada)

    assert not is_signed_in(stranger)
    assert TOO_MANY in guess(stranger, ada.email, 1)


def test_the_owners_own_browser_stays_open(ada):
    mine = Client()
    sign_in(mine, ada)
    mine.post("/accounts/logout/")
    guess(Client(), ada.email, 10)

    sign_in(mine, ada)

    assert is_signed_in(mine)


def test_a_stranger_who_guesses_all_day_does_not_keep_the_owner_out(ada):
    guess(Client(), ada.email, 20)
    mine = Client()
    sign_in(mine, ada)
    assert not is_signed_in(mine)  # a browser that nobody knows

    mine.post("/accounts/password/reset/", {"email": ada.email})
    letter = Mail.objects.get()
    address = next(word for word in letter.text.split() if "/accounts/password/reset/key/" in word)
    form = mine.get(address.partition("testserver")[2], follow=True)
    new = "another harbour in the east"
    mine.post(form.redirect_chain[-1][0], {"password1": new, "password2": new})
    sign_in(mine, ada, new)

    assert is_signed_in(mine)


def test_the_owners_browser_guesses_no_longer_than_others(ada):
    mine = Client()
    sign_in(mine, ada)
    mine.post("/accounts/logout/")
    guess(mine, ada.email, 5)

    sign_in(mine, ada)

    assert not is_signed_in(mine)


def test_a_known_browser_of_one_person_guesses_anothers_as_a_stranger(ada, olga):
    mine = Client()
    sign_in(mine, ada)
    mine.post("/accounts/logout/")
    guess(mine, olga.email, 5)

    sign_in(Client(), olga)
    stranger = Client()
    sign_in(stranger, olga)

    assert not is_signed_in(stranger)


def test_it_opens_again_after_the_wait(ada, monkeypatch):
    stranger = Client()
    guess(stranger, ada.email, 5)
    now = time.time()
    monkeypatch.setattr("allauth.core.internal.ratelimit.time.time", lambda: now + 301)

    sign_in(stranger, ada)

    assert is_signed_in(stranger)


def test_waits_grow_with_the_guesses(ada, monkeypatch):
    now = time.time()
    for _round in range(3):
        guess(Client(), ada.email, 5)
        now += 301
        monkeypatch.setattr("allauth.core.internal.ratelimit.time.time", lambda now=now: now)

    stranger = Client()
    sign_in(stranger, ada)

    assert not is_signed_in(stranger)  # fifteen within the hour


def test_an_address_of_the_net_guesses_at_many_accounts_no_longer(ada):
    stranger = Client()
    for number in range(20):
        guess(stranger, f"person{number}@example.org", 1)

    sign_in(stranger, ada)

    assert not is_signed_in(stranger)


def test_a_false_forwarded_address_is_not_believed(ada):
    for number in range(20):
        guess(Client(), f"person{number}@example.org", 1, x_forwarded_for=f"192.0.2.{number}")

    stranger = Client()
    sign_in(stranger, ada, x_forwarded_for="192.0.2.99")

    assert not is_signed_in(stranger)


def test_behind_a_trusted_proxy_each_caller_counts(ada, settings):
    settings.CONCORD_TRUSTED_PROXIES = ["127.0.0.1/32"]
    for number in range(20):
        guess(Client(), f"person{number}@example.org", 1, x_forwarded_for=f"192.0.2.{number}")

    other = Client()
    sign_in(other, ada, x_forwarded_for="192.0.2.99")

    assert is_signed_in(other)


def test_a_wrong_password_and_an_unknown_address_read_the_same(ada):
    known = Client().post("/accounts/login/", {"login": ada.email, "password": "wrong"})
    unknown = Client().post("/accounts/login/", {"login": "eda@example.org", "password": "wrong"})

    def told(answer):
        return answer.context["form"].errors

    assert known.status_code == unknown.status_code
    assert told(known) == told(unknown)


def test_locked_reads_the_same_for_an_unknown_address(ada):
    assert TOO_MANY in guess(Client(), ada.email, 6)
    assert TOO_MANY in guess(Client(), "nobody@example.org", 6)


def test_the_time_tells_no_more(ada, settings):
    """A quarter of the time of one password check apart at most, in the median of seven each."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    settings.ACCOUNT_RATE_LIMITS = False
    ada.set_password(PASSWORD)
    ada.save()
    times = {ada.email: [], "nobody@example.org": []}

    for _ in range(7):
        for email, taken in times.items():
            began = time.thread_time()  # what this thread works, so that a busy machine tells nothing either
            Client().post("/accounts/login/", {"login": email, "password": "wrong"})
            taken.append(time.thread_time() - began)
    known, unknown = map(statistics.median, times.values())

    assert known > 0.02, "the check of a password takes time"
    assert abs(known - unknown) < 0.25 * min(known, unknown) + 0.02


def test_a_forgotten_password_tells_nobody_who_has_an_account(ada):
    known = Client().post("/accounts/password/reset/", {"email": ada.email})
    unknown = Client().post("/accounts/password/reset/", {"email": "nobody@example.org"})

    assert known["Location"] == unknown["Location"] == "/accounts/password/reset/done/"
    assert [letter.to for letter in Mail.objects.all()] == [ada.email]


def test_it_is_asked_for_three_times_an_hour(ada):
    for _ in range(5):
        Client().post("/accounts/password/reset/", {"email": ada.email})

    assert Mail.objects.count() == 3


def test_it_works_in_chinese_too(ada):
    ada.language = "zh-hans"
    ada.save()
    here = Client(headers={"accept-language": "zh-hans"})  # the letter is in the person's own language

    here.post("/accounts/password/reset/", {"email": ada.email})
    letter = Mail.objects.get()
    address = next(word for word in letter.text.split() if "/accounts/password/reset/key/" in word)
    path = address.partition("testserver")[2]
    form = here.get(path, follow=True)
    new = "another harbour in the east"
    here.post(form.redirect_chain[-1][0], {"password1": new, "password2": new})

    assert "密码" in letter.subject
    assert letter.text.startswith("Ada，您好")
    assert "密码" in form.content.decode()
    sign_in(here, ada, new)
    assert is_signed_in(here)
