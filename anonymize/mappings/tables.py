"""A table of a mapping file that knows where it stands, and the faults found so far: all are told, not the first."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from anonymize.errors import MappingError
from anonymize.mappings.expressions import refusal
from anonymize.mappings.rules import Source

MOST_FAULTS = 20


@dataclass
class Faults:
    """What is wrong with a mapping. `name` is the file's, "" for a mapping that is no file."""

    name: str = ""
    lines: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    found: list[MappingError] = field(default_factory=list)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keeps a fault for the end, so that the rest is read as well."""
        try:
            yield
        except MappingError as fault:
            self.found.append(fault)

    def at(self, path: tuple[str, ...]) -> str:
        """ "map.toml, line 12: " for the nearest table or key that the file has on the way to `path`."""
        if not self.name:
            return ""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.name}, line {self.lines[path]}: " if path else f"{self.name}: "

    def raise_found(self) -> None:
        if not self.found:
            return
        sentences = list(dict.fromkeys(fault.sentence for fault in self.found))
        if len(sentences) > MOST_FAULTS:
            sentences[MOST_FAULTS:] = [f"There are {len(sentences) - MOST_FAULTS} more faults of this kind."]
        raise MappingError("\n".join(sentences), rule=self.found[0].rule)


@dataclass(frozen=True)
class Table:
    """One table of the document, under its path: ("dimensions", "PRODUCT")."""

    path: tuple[str, ...]
    values: Mapping[str, Any]
    faults: Faults

    @property
    def place(self) -> str:
        return f"[{'.'.join(self.path)}]"

    def fault(self, sentence: str, *key: str, rule: str | None = None) -> MappingError:
        return MappingError(f"{self.faults.at((*self.path, *key))}{self.place}{sentence}", rule=rule)

    def check_keys(self, known: Collection[str]) -> None:
        for key in self.values:
            if key not in known:
                with self.faults.kept():
                    raise self.fault(f": {key!r} is not a known key.{suggestion(key, known)}", key)

    def table(self, name: str, known: Collection[str] | None = None, *, required: bool = False) -> Table:
        """The table under a name, empty when absent; its keys are checked when they are known."""
        found = Table((*self.path, name), self.values.get(name, {}), self.faults)
        if required and name not in self.values:
            raise found.missing("")
        if not isinstance(found.values, dict):
            raise found.fault(" must be a table.")
        if known is not None:
            found.check_keys(known)
        return found

    def missing(self, why: str) -> MappingError:
        where = f"{self.faults.name}: " if self.faults.name else ""
        return MappingError(f"{where}{self.place} is missing{why}.", rule="unmapped-column")

    def text(self, key: str) -> str | None:
        value = self.values.get(key)
        if value == "":
            raise self.fault(f": {_CHOICES.get(key, key + ' is empty')}.", key, rule="unmapped-column")
        if value is not None and not isinstance(value, str):
            raise self.fault(f": {key} is a text in quotes.", key)
        return value

    def column(self, key: str, place: str = "") -> Source | None:
        column = self.text(key)
        at = self.faults.at((*self.path, key))
        return None if column is None else Source(place or self.place, column=column, at=at)

    def expression(self, key: str, place: str = "") -> Source | None:
        """An SQL expression that reads nothing but its row."""
        sql = self.text(key)
        if sql is None:
            return None
        if reason := refusal(sql):
            raise self.fault(f": {key} {reason}.", key, rule="expression")
        return Source(place or self.place, sql=sql, at=self.faults.at((*self.path, key)))

    def source(self) -> Source | None:
        """The column or the expression of a table that has at most one of them."""
        return self.column("column") or self.expression("sql")

    def given(self, *keys: str) -> list[str]:
        return [key for key in keys if key in self.values]


_CHOICES = {
    "column": "choose a column of the tape",
    "id": 'choose the column with the borrower\'s key, id = "customer_no"',
    "default": "choose with default where all other values go",
}


def suggestion(wrong: str, known: Collection[str]) -> str:
    """A sentence with the nearest known word, or the known words when there are few, or nothing."""
    near = difflib.get_close_matches(wrong.casefold(), [name.casefold() for name in known], n=1, cutoff=0.6)
    if near:
        name = next(name for name in known if name.casefold() == near[0])
        return f" Did you mean {name!r}?"
    return f" There are: {', '.join(known)}." if 0 < len(known) <= 20 else ""
