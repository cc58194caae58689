"""Direct identifiers of people in a loan tape, found by sampled values and by column names.

A bank aggregates by its own keys; it never needs an identity number, a card or a name for that. A mapped column that
holds one is refused, any other is reported. A finding names the column and the kind, never a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from anonymize.errors import IdentifierError
from anonymize.identifier_kinds import FOREIGN, KINDS, SURNAMES, Kind, Verify, foreign_scheme
from anonymize.mapping import Source, TapeMapping
from anonymize.tape import SAMPLE, Tape, quoted

SCHEME_VALUES = 200  # so many different values decide whether a national numbering scheme fits

FREE_TEXT, ROW_KEY = "free-text", "near-unique"
INDIRECT = frozenset({FREE_TEXT, ROW_KEY})
FREE_TEXT_SHAPE = r"^.{40,}$|(?:\S+\s+){4,}\S|\p{Han}.{4,}[，。；！？,;].{2,}"
FREE_TEXT_SHARE = 0.3
ROW_KEY_SHARE = 0.9


@dataclass(frozen=True)
class IdentifierFinding:
    """A column of the tape that seems to hold direct identifiers, or that singles out rows in another way."""

    column: str
    kind: str
    label: str
    evidence: Literal["values", "name"]

    @property
    def is_direct(self) -> bool:
        """Whether the column identifies somebody by itself; free text and keys of rows only may."""
        return self.kind not in INDIRECT


def scan(tape: Tape, mapping: TapeMapping | None = None) -> tuple[IdentifierFinding, ...]:
    """What a sample of the tape shows, column by column; SQL expressions of the mapping count as columns.

    With a mapping, a key of rows is worth a word only where it is mapped as a dimension.
    """
    sample = _sample(tape, mapping)
    found: list[IdentifierFinding] = []
    for name in sample.column_names:
        values = pc.drop_null(sample.column(name)).combine_chunks()
        found.extend(_findings(name, values))
    if mapping is None:
        return tuple(found)
    names = {name.casefold(): source for name, source in _names(mapping.sources()).items()}
    return tuple(each for each in found if each.kind != ROW_KEY or _is_dimension(names.get(each.column.casefold())))


def refuse_mapped(findings: Iterable[IdentifierFinding], mapping: TapeMapping) -> None:
    """IdentifierError when the mapping uses a column that holds direct identifiers, or breaks loans down by keys or text."""
    names = {name.casefold(): source for name, source in _names(mapping.sources()).items()}
    for finding in findings:
        source = names.get(finding.column.casefold())
        if source is None or not (finding.is_direct or _is_dimension(source)):
            continue
        place = source.place
        what = f"column {finding.column!r}" if source.column is not None else "the SQL expression"
        seems = "holds" if finding.evidence == "values" else "by its name holds"
        remedy = (
            "Map the bank's own customer key, or a keyed hash of it"
            if place.startswith("[borrower]")
            else "Map a column of codes or amounts"
        )
        raise IdentifierError(
            f"{place}: {what} {seems} {finding.label}. {remedy}. Nothing was aggregated.",
            rule=f"identifier-{finding.kind}",
        )


def _is_dimension(source: Source | None) -> bool:
    return source is not None and source.place.startswith("[dimensions.")


def _names(sources: Iterable[Source]) -> dict[str, Source]:
    """The sources by their names on the sample: columns by their own, expressions by their place, numbered from two on."""
    names: dict[str, Source] = {}
    for source in dict.fromkeys(sources):
        name, number = source.column or source.place, 1
        while source.column is None and name in names:
            number += 1
            name = f"{source.place} {number}"
        names[name] = source
    return names


def looks_personal(text: str) -> bool:
    """Whether a single value could be about a person; what a message may quote must not be."""
    digits = sum(character.isdigit() for character in text)
    han_name = 2 <= len(text) <= 4 and text[0] in SURNAMES and all("\u4e00" <= each <= "\u9fff" for each in text)
    return digits > 4 or len(text) > 16 or "@" in text or han_name or " " in text.strip()


def _sample(tape: Tape, mapping: TapeMapping | None) -> pa.Table:
    sources = mapping.sources() if mapping is not None else ()
    expressions = [f"{quoted(column.name)}::VARCHAR AS {quoted(column.name)}" for column in tape.columns]
    expressions += [
        f"{each.expression}::VARCHAR AS {quoted(name)}"
        for name, each in _names(sources).items()
        if each.sql is not None
    ]
    return tape.arrow(f"SELECT {', '.join(expressions)} FROM {SAMPLE}")


def _findings(name: str, values: pa.StringArray) -> list[IdentifierFinding]:
    if len(values) == 0:
        return []
    different = values.unique()
    many = len(different) >= 20 and len(different) >= 0.02 * len(values)
    found = []
    for kind in KINDS:
        if kind.many and not many:
            continue
        if kind.pattern and _share(values, kind.pattern, kind.verify) >= max(kind.share, 1 / len(values)):
            found.append(_finding(name, kind, "values"))
        elif len(different) > 10 and _titled(name, kind) and _share(values, kind.shape) >= 0.5:
            found.append(_finding(name, kind, "name"))
    if not found and many:
        found = _less_certain(name, values, different)
    return found


def _less_certain(name: str, values: pa.StringArray, different: pa.StringArray) -> list[IdentifierFinding]:
    """What says something only where no kind of its own was found."""
    if foreign_scheme(different.slice(0, SCHEME_VALUES).to_pylist()):
        return [_finding(name, FOREIGN, "values")]
    if _share(different, FREE_TEXT_SHAPE) >= FREE_TEXT_SHARE:
        return [IdentifierFinding(name, FREE_TEXT, "free text, which may say anything of anybody", "values")]
    if _is_row_key(values, different):
        return [IdentifierFinding(name, ROW_KEY, "another value in almost every row, as only keys do", "values")]
    return []


def _is_row_key(values: pa.StringArray, different: pa.StringArray) -> bool:
    """Whether almost every row has another value that is no amount: keys are of one length, amounts are not."""
    if len(values) < 100 or len(different) < ROW_KEY_SHARE * len(values):
        return False
    if _share(different, r"^\s*[+-]?\d+(?:[.,]\d+)?\s*$") < 0.5:
        return True
    commonest = pc.mode(pc.utf8_length(different)).to_pylist()[0]["count"]
    return bool(commonest >= 0.8 * len(different) and _share(different, r"[.,]\d*\s*$") < 0.5)


def _finding(name: str, kind: Kind, evidence: Literal["values", "name"]) -> IdentifierFinding:
    return IdentifierFinding(name, kind.slug, kind.label, evidence)


def _titled(name: str, kind: Kind) -> bool:
    return bool(kind.title) and re.search(kind.title, name, re.IGNORECASE) is not None


def _share(values: pa.StringArray, pattern: str, verify: Verify | None = None) -> float:
    candidates = values.filter(pc.match_substring_regex(values, pattern))
    if verify is None:
        return len(candidates) / len(values)
    counted: Sequence[dict[str, object]] = pc.value_counts(candidates).to_pylist()
    confirmed = sum(int(str(each["counts"])) for each in counted if verify(str(each["values"])))
    return confirmed / len(values)
