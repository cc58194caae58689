"""A proposal as a mapping file: every line says how sure it is and why, and what is to be chosen cannot be overlooked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Final

from anonymize.mappings.proposal import Guess, Proposal
from anonymize.tapes.reading import Reading

AS_FOUND: Final = Reading()

_HEAD = (
    "# Proposed by `concord map` for collection {}. Check every line: only the bank knows what its columns mean.",
    "# A text that is still empty has to be filled in; until then the mapping is refused.",
)


def written(proposal: Proposal, reading: Reading = AS_FOUND) -> str:
    """The text of the mapping file; `reading` is what had to be said to read the tape."""
    lines = [_HEAD[0].format(proposal.template), _HEAD[1], *_tape(reading)]
    borrower = [each for each in proposal.guesses if each.table.startswith("borrower.")]
    for guess in proposal.guesses:
        if guess not in borrower:
            lines += ["", _reason(guess), f"[{guess.table}]", *_source(guess, "column"), *_rules(guess)]
    lines += ["", "[borrower]"]
    for guess in borrower:
        lines += [_reason(guess), *_source(guess, guess.table.removeprefix("borrower."))]
    return "\n".join(lines) + "\n"


def _tape(reading: Reading) -> Iterator[str]:
    said = {key: value for key, value in asdict(reading).items() if value is not None}
    if said:
        yield from ("", "[tape]", *(f"{key} = {_text(value)}" for key, value in said.items()))


def _reason(guess: Guess) -> str:
    sure = "Not found" if guess.confidence == "none" else f"Confidence {guess.confidence}"
    return _comment(f"{sure}: {guess.why}.")


def _source(guess: Guess, key: str) -> Iterator[str]:
    yield f"sql = {_text(guess.sql)}" if guess.sql is not None else f"{key} = {_text(guess.column or '')}"


def _rules(guess: Guess) -> Iterator[str]:
    if guess.hidden:
        yield f"# {guess.hidden} values mean no code and may be about persons, so that they are not shown here."
        yield 'default = ""'
    if guess.bins:
        yield "bins = ["
        for upto, code in guess.bins:
            yield (
                f"    {{ code = {_text(code)} }},"
                if upto is None
                else f"    {{ upto = {upto}, code = {_text(code)} }},"
            )
        yield "]"
    if guess.codes:
        yield ""
        yield f"[{guess.table}.codes]"
        yield from (f"{_text(value)} = {_text(code)}" for value, code in guess.codes.items())


def _text(text: str | int) -> str:
    # A JSON text is a TOML text, but for one control character; so is a whole number.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _comment(text: str) -> str:
    return "# " + " ".join(text.split())
