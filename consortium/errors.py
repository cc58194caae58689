"""The few errors the platform raises on purpose; each carries the sentence that a person reads."""

from __future__ import annotations

from django.utils.functional import Promise

Sentence = str | Promise  # plain or lazily translated


class Refused(Exception):
    """A rule forbids what was asked; nothing was changed."""

    def __init__(self, sentence: Sentence, *, rule: str = "refused") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.rule = rule

    def __str__(self) -> str:
        return str(self.sentence)


class Forbidden(Refused):
    """The person's roles do not include what was asked."""


class ImpossibleMove(Refused):
    """The state table has no such move."""
