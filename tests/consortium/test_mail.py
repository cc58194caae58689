"""Letters: written with the transaction, sent once, tried again, forgotten when sent."""

from __future__ import annotations

from datetime import timedelta
from smtplib import SMTPRecipientsRefused, SMTPServerDisconnected

import pytest
from django.core import mail as outbox
from django.db import IntegrityError, transaction
from django.utils import timezone

from consortium.notifications import mail, tasks
from consortium.notifications.models import Mail

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def templates(tmp_path, settings):
    """A letter whose subject breaks lines and whose text names what HTML would spoil."""
    (tmp_path / "hello.subject.txt").write_text("Hello\n  {{ name }}\n")
    (tmp_path / "hello.txt").write_text("{% load i18n %}{% translate 'Sign out' %}: {{ name }} {{ portal }}/x/\n")
    (tmp_path / "dressed.subject.txt").write_text("Dressed")
    (tmp_path / "dressed.txt").write_text("text")
    (tmp_path / "dressed.html").write_text(
        "{% extends 'notifications/letter.html' %}{% block letter %}<p>{{ name }}</p>{% endblock %}"
    )
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [str(tmp_path)]}]


@pytest.fixture
def refusing(monkeypatch):
    """A mail server that answers every letter with this error."""

    def answer_with(error):
        def send(self, messages):
            raise error

        monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", send)

    return answer_with


def waiting(**fields):
    letter = mail.write("ada@example.org", "hello", "en", name="Ada")
    letter.save()
    Mail.objects.filter(pk=letter.pk).update(**fields)
    letter.refresh_from_db()
    return letter


def test_a_letter_leaves_when_its_transaction_commits(django_capture_on_commit_callbacks, at_once):
    with django_capture_on_commit_callbacks(execute=True):
        mail.send("ada@example.org", "hello", "en", name="Ada & Co")
        assert outbox.outbox == []

    (sent,) = outbox.outbox
    assert (sent.to, sent.subject) == (["ada@example.org"], "Hello Ada & Co")
    assert sent.body == "Sign out: Ada & Co https://concord.example/x/\n"
    assert sent.extra_headers["Auto-Submitted"] == "auto-generated"
    html, kind = sent.alternatives[0]
    assert kind == "text/html"
    assert "Ada &amp; Co" in html
    assert '<a href="https://concord.example/x/"' in html


def test_a_letter_of_a_transaction_that_fails_is_never_sent(django_capture_on_commit_callbacks):
    def fail():
        with transaction.atomic():
            mail.send("ada@example.org", "hello", "en", name="Ada")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert not Mail.objects.exists()


def test_a_letter_speaks_the_language_of_its_reader():
    assert mail.write("a@example.org", "hello", "zh-hans", name="x").text.startswith("退出")
    assert mail.write("a@example.org", "hello", "tlh", name="x").text.startswith("Sign out")


def test_a_template_may_dress_its_letter():
    html = mail.write("a@example.org", "dressed", "en", name="<b>").html

    assert "<p>&lt;b&gt;</p>" in html
    assert 'class="sheet"' in html


def test_a_sent_letter_is_not_kept():
    letter = waiting()

    mail.deliver(letter.pk)

    letter.refresh_from_db()
    assert (letter.state, letter.text, letter.html, letter.subject) == ("sent", "", "", "")
    with pytest.raises(IntegrityError), transaction.atomic():
        Mail.objects.update(text="kept")


def test_a_task_that_runs_twice_sends_once():
    letter = waiting()

    tasks.deliver_mail(letter.pk)
    tasks.deliver_mail(letter.pk)
    tasks.deliver_waiting()

    assert len(outbox.outbox) == 1


def test_a_mail_server_that_is_away_is_asked_again_later(refusing):
    letter = waiting()
    refusing(SMTPServerDisconnected("away"))

    mail.deliver(letter.pk)

    letter.refresh_from_db()
    assert (letter.state, letter.attempts) == ("waiting", 1)
    assert letter.next_at > timezone.now() + timedelta(seconds=50)
    assert letter.text


def test_waits_grow_and_end():
    waits = [min(mail._FIRST_WAIT * 2**attempt, mail._LONGEST_WAIT) for attempt in range(1, mail.ATTEMPTS)]

    assert waits == sorted(waits)
    assert timedelta(days=1) < sum(waits, timedelta()) < timedelta(days=3)


def test_a_letter_is_given_up_after_the_last_attempt(refusing):
    letter = waiting(attempts=mail.ATTEMPTS - 1)
    refusing(ConnectionRefusedError())

    mail.deliver(letter.pk)

    letter.refresh_from_db()
    assert (letter.state, letter.text) == ("failed", "")


@pytest.mark.parametrize(("code", "state"), [(550, "failed"), (451, "waiting")])
def test_only_a_final_no_gives_an_address_up(refusing, code, state):
    letter = waiting()
    refusing(SMTPRecipientsRefused({"ada@example.org": (code, b"no")}))

    mail.deliver(letter.pk)

    letter.refresh_from_db()
    assert letter.state == state


def test_the_log_names_neither_address_nor_contents(refusing, caplog):
    refusing(SMTPRecipientsRefused({"ada@example.org": (550, b"no such Ada")}))

    mail.deliver(waiting().pk)

    assert "SMTPRecipientsRefused" in caplog.text
    assert "Ada" not in caplog.text
    assert "ada@" not in caplog.text


def test_the_sweeper_sends_what_is_due_and_leaves_the_rest():
    for _ in range(3):
        waiting()
    later = waiting(next_at=timezone.now() + timedelta(hours=1))

    assert mail.deliver_waiting() == 3
    later.refresh_from_db()
    assert later.state == "waiting"


def test_no_line_can_be_smuggled_into_the_headers():
    letter = mail.write("a@example.org", "hello", "en", name="x\r\nBcc: everybody@example.org")

    assert letter.subject == "Hello x Bcc: everybody@example.org"


@pytest.mark.parametrize("broken", ["ada@exam\nple.org", "a\r\nBcc: all@example.org", "ada@" + "ü" * 70 + ".org"])
def test_an_address_that_cannot_be_written_stops_no_other_letter(broken):
    waiting(to=broken, next_at=timezone.now() - timedelta(hours=1))
    sound = waiting()

    assert mail.deliver_waiting() + mail.deliver_waiting() == 1

    assert [letter.to for letter in outbox.outbox] == [["ada@example.org"]]
    assert Mail.objects.get(to=broken).state == "failed"
    sound.refresh_from_db()
    assert sound.state == "sent"
