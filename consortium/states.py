"""State tables: what may follow what, enforced where the state changes."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from consortium.errors import ImpossibleMove

Moves = Mapping[str, Set[str]]  # each state, and the states that may follow it


class HasState(models.Model):
    """A row whose `state` moves only along its table; subclasses name the table and save themselves."""

    MOVES: ClassVar[Moves]
    state: models.CharField[str, str]

    class Meta:
        abstract = True

    def may_move_to(self, state: str) -> bool:
        return state in self.MOVES[self.state]

    def move_to(self, state: str) -> None:
        """Change the state in memory; ImpossibleMove when the table has no such move."""
        if not self.may_move_to(state):
            raise ImpossibleMove(
                _("%(what)s cannot go from “%(from)s” to “%(to)s”.")
                % {"what": self._meta.verbose_name, "from": self.state, "to": state},
                rule="impossible-move",
            )
        self.state = state
