"""Letters to people: written in the caller's transaction, sent by the office once it has committed.

A letter is three templates: `<template>.subject.txt`, `<template>.txt` and `<template>.html`; without the last, the text is
set in our look. It never holds a figure, and no secret but the link that it is for.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from smtplib import SMTPException, SMTPRecipientsRefused
from typing import Any, Final

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.template import Context
from django.template.exceptions import TemplateDoesNotExist
from django.template.loader import get_template, render_to_string
from django.utils import timezone, translation

from consortium.notifications.models.mail import Mail, MailState
from consortium.queue import send as queue

log = logging.getLogger(__name__)

AT_ONCE: Final = 100  # letters that share a connection
ATTEMPTS: Final = 12  # over about two days
_FIRST_WAIT: Final = timedelta(seconds=30)
_LONGEST_WAIT: Final = timedelta(hours=8)


def send(to: str, template: str, language: str, *, headers: Mapping[str, str] | None = None, **context: Any) -> None:
    """Write a letter in a language of the portal (`en`, `zh-hans`); it leaves when the transaction has committed."""
    from consortium.notifications import tasks

    letter = write(to, template, language, headers=headers, **context)
    letter.save(force_insert=True)
    transaction.on_commit(partial(queue, tasks.deliver_mail, letter.pk))


def send_all(letters: Sequence[Mail]) -> None:
    """Many letters from `write` at once, told to the office once."""
    from consortium.notifications import tasks

    Mail.objects.bulk_create(letters, batch_size=500)
    transaction.on_commit(partial(queue, tasks.deliver_waiting))


def write(to: str, template: str, language: str, *, headers: Mapping[str, str] | None = None, **context: Any) -> Mail:
    """The letter, not yet stored."""
    context = {"portal": settings.CONCORD_URL, **context}
    with translation.override(language if translation.check_for_language(language) else settings.LANGUAGE_CODE):
        subject = " ".join(_plain(f"{template}.subject.txt", context).split())
        text = _plain(f"{template}.txt", context).strip() + "\n"
        try:
            html = render_to_string(f"{template}.html", {**context, "subject": subject})
        except TemplateDoesNotExist:
            html = render_to_string("notifications/letter.html", {**context, "subject": subject, "text": text})
    return Mail(to=to, template=template, subject=subject[:300], text=text, html=html, headers=dict(headers or {}))


def _plain(template: str, context: Mapping[str, Any]) -> str:
    """Text as it is: what is an entity in HTML stays a character."""
    found = get_template(template)
    return str(found.template.render(Context(dict(context), autoescape=False)))  # type: ignore[attr-defined]


def deliver(mail_id: int) -> None:
    """Send one letter; does nothing when it is sent already, or another worker is at it."""
    with get_connection() as connection:
        _deliver(Mail.objects.filter(pk=mail_id, state=MailState.WAITING), connection)


def deliver_waiting() -> int:
    """How many letters were due and have left. Whatever fails waits for its next turn."""
    done = 0
    while due := list(Mail.objects.due().order_by("next_at").values_list("pk", flat=True)[:AT_ONCE]):
        sent = _over_one_connection(due)
        done += sent
        if sent < len(due):
            break  # the mail server has trouble, or another worker is at the same letters
    return done


def _over_one_connection(due: Iterable[int]) -> int:
    connection = get_connection()
    try:
        return sum(_deliver(Mail.objects.due().filter(pk=pk), connection) for pk in due)
    finally:
        connection.close()


def _deliver(letters: Any, connection: BaseEmailBackend) -> bool:
    """Whether the letter left. The row stays locked meanwhile; a worker killed in between sends it a second time."""
    with transaction.atomic():
        letter = letters.select_for_update(skip_locked=True).first()
        if letter is None:
            return False
        try:
            _message(letter, connection).send()
        except (OSError, SMTPException, ValueError) as wrong:  # ValueError: a header that cannot be written
            connection.close()
            _try_later(letter, wrong)
            return False
        _settle(letter, MailState.SENT)
        return True


def _message(letter: Mail, connection: BaseEmailBackend) -> EmailMultiAlternatives:
    headers = {"Auto-Submitted": "auto-generated", **letter.headers}
    message = EmailMultiAlternatives(letter.subject, letter.text, None, [letter.to], headers=headers)
    message.attach_alternative(letter.html, "text/html")
    message.connection = connection
    return message


def _try_later(letter: Mail, wrong: Exception) -> None:
    """Waits double with every attempt. An address that the mail server refuses for good is given up at once."""
    letter.attempts += 1
    # Neither the address nor what the server said about it belongs into a log.
    log.warning("letter %s not sent, attempt %s: %s", letter.pk, letter.attempts, type(wrong).__name__)
    if letter.attempts >= ATTEMPTS or _is_final(wrong):
        _settle(letter, MailState.FAILED)
        return
    letter.next_at = timezone.now() + min(_FIRST_WAIT * 2**letter.attempts, _LONGEST_WAIT)
    letter.save(update_fields=["attempts", "next_at"])


def _is_final(wrong: Exception) -> bool:
    if isinstance(wrong, ValueError):
        return True
    if not isinstance(wrong, SMTPRecipientsRefused):
        return False
    return all(500 <= code < 600 for code, _reply in wrong.recipients.values())


def _settle(letter: Mail, state: MailState) -> None:
    letter.state, letter.text, letter.html, letter.headers = state, "", "", {}
    letter.subject = ""
    letter.sent_at = timezone.now() if state == MailState.SENT else None
    letter.save(update_fields=["state", "text", "html", "headers", "subject", "sent_at", "attempts"])
