"""In which line of a TOML file each table, key and list entry stands; the standard library's reader does not say.

Reads only what `tomllib` has already accepted, so that it need not judge.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

Path = tuple[str, ...]  # ("dimensions", "DPD_BUCKET", "bins", "0", "code")

_TOKEN = re.compile(
    r"""(?P<skip>[ \t\r]+|\#[^\n]*)|(?P<line>\n)|(?P<mark>[\[\]{}=,.])"""
    r'''|(?P<text>"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?'{3,5}|"(?:\\.|[^"\\])*"|'[^']*')'''
    r"""|(?P<bare>[^\s\[\]{}=,.\#"']+)""",
    re.DOTALL,
)


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    line: int

    @property
    def key(self) -> str:
        return str(tomllib.loads(f"key = {self.text}")["key"]) if self.kind == "text" else self.text


def lines_of(text: str) -> Mapping[Path, int]:
    """The line of every table, key and list entry, counted from 1."""
    reader = _Reader(list(_tokens(text)))
    reader.document()
    return reader.lines


def _tokens(text: str) -> Iterator[_Token]:
    line = 1
    for match in _TOKEN.finditer(text):
        if match.lastgroup != "skip":
            yield _Token(str(match.lastgroup), match[0], line)
        line += match[0].count("\n")


@dataclass
class _Reader:
    tokens: list[_Token]
    at: int = 0
    lines: dict[Path, int] = field(default_factory=dict)

    def document(self) -> None:
        table: Path = ()
        while self._skip_lines():
            if self._is("["):
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Path:
        line, path = self.tokens[self.at].line, []
        while self.at < len(self.tokens) and self.tokens[self.at].kind != "line":
            if self.tokens[self.at].kind != "mark":
                path.append(self.tokens[self.at].key)
            self.at += 1
        self.lines.setdefault(tuple(path), line)
        return tuple(path)

    def _pair(self, table: Path) -> None:
        line, path = self.tokens[self.at].line, list(table)
        while not self._is("="):
            if self.tokens[self.at].kind != "mark":
                path.append(self.tokens[self.at].key)
            self.at += 1
        self.at += 1
        self.lines[tuple(path)] = line
        self._value(tuple(path))

    def _value(self, path: Path) -> None:
        if self._is("["):
            self._list(path)
        elif self._is("{"):
            self._inline(path)
        else:
            while self.at < len(self.tokens) and not (self._is(",", "]", "}") or self.tokens[self.at].kind == "line"):
                self.at += 1

    def _list(self, path: Path) -> None:
        self.at += 1
        place = 0
        while self._skip_lines() and not self._is("]"):
            if self._is(","):
                place += 1
                self.at += 1
                continue
            self.lines[(*path, str(place))] = self.tokens[self.at].line
            self._value((*path, str(place)))
        self.at += 1

    def _inline(self, path: Path) -> None:
        self.at += 1
        while self._skip_lines() and not self._is("}"):
            if self._is(","):
                self.at += 1
            else:
                self._pair(path)
        self.at += 1

    def _skip_lines(self) -> bool:
        """Whether anything follows the line breaks here."""
        while self.at < len(self.tokens) and self.tokens[self.at].kind == "line":
            self.at += 1
        return self.at < len(self.tokens)

    def _is(self, *marks: str) -> bool:
        token = self.tokens[self.at]
        return token.kind == "mark" and token.text in marks
