"""What people write beside what they do: a reason, a message. Neither empty nor endless, and text."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from consortium.errors import Refused

LONGEST_REASON = 500
LONGEST_MESSAGE = 2000


def check_is_text(text: str) -> None:
    """The database takes no NUL."""
    if "\x00" in text:
        raise Refused(_("This holds a character that is no text."), rule="not-text")


def check_has_words(reason: str) -> None:
    """A reason for the people of the own institution: neither empty nor endless."""
    check_is_text(reason)
    if not reason.strip():
        raise Refused(_("Say why, in a sentence that helps to put it right."), rule="reason-missing")
    if len(reason) > LONGEST_REASON:
        raise Refused(_("The reason is longer than 500 characters."), rule="reason-too-long")


def check_has_reason(reason: str) -> None:
    check_is_text(reason)
    if not reason.strip():
        raise Refused(_("Give a reason; it stays visible with the release."), rule="reason-missing")


def check_has_message(text: str) -> None:
    check_is_text(text)
    if not text.strip():
        raise Refused(_("Write a sentence."), rule="message-missing")
    if len(text) > LONGEST_MESSAGE:
        raise Refused(_("The message is longer than 2,000 characters."), rule="message-too-long")


def check_remark(remark: str) -> None:
    check_is_text(remark)
    if len(remark) > LONGEST_REASON:
        raise Refused(_("A remark has 500 characters at most."), rule="remark-too-long")
