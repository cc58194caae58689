"""How every command talks: results on stdout, everything else on stderr, one refusal form, one set of exit codes."""

from __future__ import annotations

import functools
import json
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn, TextIO

import click

from anonymize.cli.progress import shown
from anonymize.errors import ConcordError, Interrupted
from anonymize.stages import Watch, unwatched

# Colours reach a terminal only: elsewhere click takes them out, and everywhere where NO_COLOR is set.
_COLOURS: Mapping[str, str] = {"error": "red", "warning": "yellow", "good": "green"}


@dataclass(frozen=True)
class Output:
    """Where a command's words go. With `as_json`, stdout carries exactly one JSON document."""

    as_json: bool = False
    quiet: bool = False

    def say(self, text: str) -> None:
        """A remark on the way, for people only."""
        if not (self.quiet or self.as_json):
            click.echo(_writable(text, sys.stderr), err=True)

    def alert(self, text: str) -> None:
        """Something that a person has to see, also where they asked for quiet."""
        if not self.as_json:
            click.echo(_writable(text, sys.stderr), err=True)

    def result(self, document: Mapping[str, Any], text: str) -> None:
        """What the command was run for: the document for machines or the text for people."""
        if self.as_json:
            _print_json(document, indent=2)
        elif not self.quiet:
            click.echo(_writable(text, sys.stdout))

    def refuse(self, error: ConcordError) -> NoReturn:
        """The error's sentence, then the end with its exit code."""
        if self.as_json:
            _print_json({"error": {"rule": error.rule, "sentence": error.sentence}})
        else:
            text = f"{styled('Error', 'error')} ({error.rule}): {error.sentence}"
            click.echo(_writable(text, sys.stderr), err=True)
        raise click.exceptions.Exit(error.exit_code)

    @contextmanager
    def watching(self) -> Iterator[Watch]:
        """What to tell the stages of long work to: a display on a terminal, nothing elsewhere."""
        if self.quiet or self.as_json or not sys.stderr.isatty():
            yield unwatched
            return
        with shown() as watch:
            yield watch


def command(*, example: str, name: str | None = None) -> Callable[[Callable[..., None]], click.Command]:
    """Makes a function a command: it gets an `Output` first, `--json` and `--quiet`, and an example in its help.

    A ConcordError ends the command with its sentence and its exit code; anything else is a defect and shows.
    """

    def decorate(function: Callable[..., None]) -> click.Command:
        @functools.wraps(function)
        def run(as_json: bool, quiet: bool, **arguments: Any) -> None:
            output = Output(as_json, quiet)
            try:
                function(output, **arguments)
            except ConcordError as error:
                output.refuse(error)
            except click.UsageError as error:
                raise _wrong_use(error, as_json=as_json) from None
            except KeyboardInterrupt:
                output.refuse(Interrupted("Interrupted. Whatever was not finished was not written; run it again."))

        options = [
            click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output."),
            click.option("--quiet", "-q", is_flag=True, help="Say nothing but errors."),
        ]
        for option in reversed(options):
            run = option(run)
        return click.command(name or function.__name__, cls=_Command, epilog=f"\b\nExample:\n  {example}")(run)

    return decorate


class _Command(click.Command):
    """A command that tells machines about wrong use as it tells them about every refusal."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        as_json = "--json" in args
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            raise _wrong_use(error, as_json=as_json) from None


def _wrong_use(error: click.UsageError, *, as_json: bool) -> Exception:
    """What ends the command: click's own words for people, one document with `--json`."""
    if not as_json:
        return error
    _print_json({"error": {"rule": "usage", "sentence": error.format_message()}})
    return click.exceptions.Exit(error.exit_code)


def _print_json(document: Mapping[str, Any], indent: int | None = None) -> None:
    text = json.dumps(document, ensure_ascii=False, indent=indent, default=str)
    if _writable(text, sys.stdout) != text:
        text = json.dumps(document, indent=indent, default=str)
    click.echo(text)


def _writable(text: str, stream: TextIO) -> str:
    """The text with escapes for what the stream cannot take, such as a file name that is not in its encoding."""
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def styled(text: str, kind: str) -> str:
    """The text in the colour of its kind (error, warning, good)."""
    return click.style(text, fg=_COLOURS[kind], bold=True)


def table(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Columns padded to their widest entry; wide (Chinese) characters count as two."""
    lines = [[str(cell) for cell in row] for row in [list(heads), *rows]]
    widths = [max(_width(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
