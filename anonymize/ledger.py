"""What privacy has cost so far: an append-only ledger at the bank, and the noisy cubes that were paid for.

`ledger.jsonl` has one JSON object a line. Each holds the SHA-256 of the line before, and `ledger.head` the number of lines
and the digest of the last, so that a line changed, taken out or cut off shows. Beside them lies, under the digest of its
figures, every cube that noise was drawn for.

A cube is written to its file first, paid for in the ledger next, and only then handed out. Killed in between, a run finds
the cube again and pays for it then; nothing leaves unpaid and nothing is paid twice. A cube whose file is gone is drawn,
and paid for, anew.

Costs add up over a year of reference periods in each collection: epsilons of Laplace noise as a sum, Gaussian noise as zCDP
at the largest delta of the year.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from anonymize.config import Config
from anonymize.disclosure.noise import Cost, Mechanism, epsilon_of
from anonymize.errors import ConfigError, LedgerError
from anonymize.files import one_at_a_time, read_whole, write_whole
from anonymize.tapes.machine import spill_folder
from anonymize.tapes.workspace import Workspace
from anonymize.template import Template

FOLDER = "privacy"
FIRST = "0" * 64  # what the first line names as the one before
SPARE = 1e-9  # of the budget: sums of costs are not exact


@dataclass(frozen=True)
class Claim:
    """A cube about to be made; `content` is the digest of all that its noise depends on."""

    collection: str
    period: str
    institution: str
    content: str
    mechanism: Mechanism
    cost: Cost


@dataclass(frozen=True)
class Entry:
    """One line: a cube that was paid for; `cube` is the digest of its file."""

    number: int
    at: str
    collection: str
    period: str
    institution: str
    content: str
    mechanism: Mechanism
    epsilon: float
    delta: float
    rho: float
    cube: str
    previous: str

    @property
    def year(self) -> str:
        return self.period[:4]

    def line(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True).encode() + b"\n"


@dataclass(frozen=True)
class Ledger:
    """The ledger of one institution; `epsilon_per_year` is what any one collection may cost in a year."""

    folder: Path
    epsilon_per_year: float

    def pay(self, claim: Claim, draw: Callable[[], bytes]) -> bytes:
        """The cube of this content: the one paid for before, or else what `draw` makes, paid for now.

        LedgerError when that would exceed the budget, or when the ledger is not as it was left; then nothing was drawn.
        """
        self._cubes.mkdir(mode=0o700, parents=True, exist_ok=True)
        with one_at_a_time(self.folder / "ledger.lock"):
            entries = self.entries()
            kept = self._cubes / f"{claim.content}.parquet"
            content = read_whole(kept) if kept.exists() else None
            paid = [each for each in entries if each.content == claim.content]
            if content is not None and paid:
                return _unchanged(content, paid[-1], kept)
            self._check_budget(claim, entries)
            if content is None:
                content = draw()
                write_whole(kept, content)
            self._append(claim, content, entries)
            return content

    def entries(self) -> list[Entry]:
        """Every line; LedgerError when one was changed, taken out or cut off."""
        if not self._lines.exists():
            # One cube may lie there unpaid, of a run that was killed before it wrote the first line.
            if self._head.exists() or len(list(self._cubes.glob("*.parquet"))) > 1:
                raise _broken(self._lines, "is gone")
            return []
        lines = _whole_lines(read_whole(self._lines))
        entries = _parsed(lines, self._lines)
        self._check_head(lines)
        return entries

    def _check_head(self, lines: Sequence[bytes]) -> None:
        count, digest = self._read_head()
        # Killed between line and head, a run leaves one line more.
        if not count <= len(lines) <= count + 1 or (_digest(lines[count - 1]) if count else FIRST) != digest:
            raise _broken(self._lines, "has lost lines")

    def _read_head(self) -> tuple[int, str]:
        if not self._head.exists():
            return 0, FIRST
        try:
            head = json.loads(read_whole(self._head))
            return int(head["lines"]), str(head["digest"])
        except (ValueError, TypeError, KeyError) as wrong:
            raise _broken(self._head, "cannot be read") from wrong

    def _check_budget(self, claim: Claim, entries: Sequence[Entry]) -> None:
        year = claim.period[:4]
        before = [each for each in entries if (each.collection, each.year) == (claim.collection, year)]
        asked = Entry(0, "", **_of(claim), cube="", previous="")
        if composed([*before, asked]).epsilon > self.epsilon_per_year * (1 + SPARE):
            left = max(0.0, self.epsilon_per_year - composed(before).epsilon)
            raise LedgerError(
                f"Collection {claim.collection} may cost epsilon {self.epsilon_per_year:g} in {year}, of which {left:.3g} "
                f"is left; this cube would cost {claim.cost.epsilon:.3g}. Send a cube that was made before, or have "
                "privacy.epsilon_per_year raised by whoever answers for it. Nothing was drawn or written.",
                rule="privacy-budget",
            )

    def _append(self, claim: Claim, content: bytes, entries: Sequence[Entry]) -> None:
        previous = _digest(entries[-1].line()) if entries else FIRST
        at = datetime.now(UTC).isoformat(timespec="seconds")
        entry = Entry(len(entries) + 1, at, **_of(claim), cube=_digest(content), previous=previous)
        before = b"".join(each.line() for each in entries)
        try:
            with self._lines.open("r+b" if entries else "wb") as file:
                file.truncate(len(before))  # a line that was cut short by a kill was never paid
                file.seek(len(before))
                file.write(entry.line())
                file.flush()
                os.fsync(file.fileno())
        except OSError as wrong:
            raise ConfigError(f"{self._lines} cannot be written: {wrong.strerror}. Nothing may leave.") from wrong
        head = {"lines": entry.number, "digest": _digest(entry.line())}
        write_whole(self._head, json.dumps(head).encode())

    @property
    def _lines(self) -> Path:
        return self.folder / "ledger.jsonl"

    @property
    def _head(self) -> Path:
        return self.folder / "ledger.head"

    @property
    def _cubes(self) -> Path:
        return self.folder / "cubes"


def ledger_for(config: Config, template: Template) -> Ledger | None:
    """The institution's ledger where the template's method needs one."""
    return ledger_of(config) if template.protection.method == "noise" else None


@contextmanager
def rehearsed(ledger: Ledger | None) -> Iterator[Ledger | None]:
    """A copy of the ledger that a dry run may pay from; it is gone afterwards, and so is what was drawn."""
    if ledger is None:
        yield None
        return
    with Workspace(spill_folder()) as folder:
        copied = Path(folder) / FOLDER
        if ledger.folder.exists():
            with one_at_a_time(ledger.folder / "ledger.lock"):
                shutil.copytree(ledger.folder, copied)
        yield replace(ledger, folder=copied)


def ledger_of(config: Config) -> Ledger:
    """The institution's ledger, beside its configuration; ConfigError when no budget is set."""
    budget = config.need("epsilon_per_year")
    try:
        epsilon = float(budget)
    except ValueError:
        epsilon = 0.0
    if not 0 < epsilon < float("inf"):
        raise ConfigError("privacy.epsilon_per_year must be a number above 0.")
    return Ledger(config.directory / FOLDER, epsilon)


def composed(entries: Sequence[Entry]) -> Cost:
    """What these cubes cost a borrower who is in all of them."""
    rho, delta = sum(each.rho for each in entries), max((each.delta for each in entries), default=0.0)
    pure = sum(each.epsilon for each in entries if not each.rho)
    return Cost(pure + (epsilon_of(rho, delta) if rho else 0.0), delta, rho)


def _of(claim: Claim) -> dict[str, Any]:
    """What an entry takes over from a claim."""
    fields = asdict(claim)
    return {**{name: fields[name] for name in fields if name != "cost"}, **fields["cost"]}


def _whole_lines(content: bytes) -> list[bytes]:
    """The lines with their ends; one that a kill cut short was never paid and is left out."""
    return [line for line in content.splitlines(keepends=True) if line.endswith(b"\n")]


def _parsed(lines: Sequence[bytes], path: Path) -> list[Entry]:
    entries: list[Entry] = []
    previous = FIRST
    for number, line in enumerate(lines, start=1):
        try:
            entry = Entry(**json.loads(line))
        except (ValueError, TypeError) as wrong:
            raise _broken(path, f"cannot be read in line {number}") from wrong
        if entry.number != number or entry.previous != previous or entry.line() != line:
            raise _broken(path, f"was changed at line {number}")
        entries.append(entry)
        previous = _digest(line)
    return entries


def _unchanged(content: bytes, entry: Entry, path: Path) -> bytes:
    if _digest(content) != entry.cube:
        raise LedgerError(
            f"{path} is not the cube that was paid for in line {entry.number} of the ledger. Restore it from a backup, or "
            "remove it and pay again. Nothing was written."
        )
    return content


def _broken(path: Path, how: str) -> LedgerError:
    return LedgerError(
        f"{path} {how}. Restore it and ledger.head from a backup; what privacy has cost cannot be told without it. "
        "Nothing was drawn or written."
    )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
