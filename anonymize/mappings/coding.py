"""The SQL that turns what a tape says into the number of a code: by a map of codes, or by bins of a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from anonymize.mappings.rules import Bin, Currency, DimensionRule, Source
from anonymize.tapes.sql import literal

# A Chinese keyboard writes the same letters and digits twice as wide, and a wide space.
_WIDE = "".join(map(chr, range(0xFF01, 0xFF5F))) + "\u3000"
_NARROW = "".join(map(chr, range(0x21, 0x7F))) + " "
_NOTHING = "''"
_NO_NUMBER = "'', 'nan'"  # Python's files write a missing number so


def code_of(rule: DimensionRule, number: Mapping[str, int], axis: int) -> tuple[str, list[str]]:
    """The number of a row's code (null when unknown) and the joins that it needs; `number` has that of each code."""
    default = "NULL" if rule.default is None else str(number[rule.default])
    if rule.source is None:
        return f"{default}::BIGINT", []
    text = f"trim({rule.source.expression}::VARCHAR)"
    joins: list[str] = []
    if rule.bins:
        found = [_binned(rule.source, rule.bins, number)]
    else:
        found, joins = _looked_up(text, rule.codes, number, axis)
    if rule.blank is not None:
        blanks = _NO_NUMBER if rule.bins else _NOTHING
        found.append(f"CASE WHEN coalesce({text}, '') IN ({blanks}) THEN {number[rule.blank]} END")
    return f"coalesce({', '.join([*found, default])})::BIGINT", joins


def rate_of(currency: Currency) -> str:
    """What one unit of a row's currency is worth; null when the currency is unknown."""
    cases = " ".join(f"WHEN {literal(code)} THEN {rate!r}::DOUBLE" for code, rate in currency.rates.items())
    return f"CASE upper(trim({currency.source.expression}::VARCHAR)) {cases} END"


def _looked_up(
    text: str, codes: Mapping[str, str], number: Mapping[str, int], axis: int
) -> tuple[list[str], list[str]]:
    """A text's code, looked up as it is, then without regard to case, width and spaces around it."""
    # Names that no tape has, lest a column of the tape become ambiguous.
    exact, alike = f"codes{axis}", f"alike{axis}"
    values = ", ".join(f"({literal(value)}, {number[code]}::BIGINT)" for value, code in codes.items())
    # A plain form that two codes share says nothing.
    plain = (
        f"(SELECT {_plain('given')} AS concord_value, min(place) AS concord_index "
        f"FROM (VALUES {values}) AS listed(given, place) GROUP BY 1 HAVING min(place) = max(place))"
    )
    unknown = f"CASE WHEN {exact}.concord_index IS NULL THEN {_plain(text)} END"
    joins = [
        f"LEFT JOIN (VALUES {values}) AS {exact}(concord_value, concord_index) ON {text} = {exact}.concord_value",
        f"LEFT JOIN {plain} AS {alike} ON {unknown} = {alike}.concord_value",
    ]
    return [f"{exact}.concord_index", f"{alike}.concord_index"], joins


def _plain(text: str) -> str:
    return f"lower(trim(translate({text}, {literal(_WIDE)}, {literal(_NARROW)})))"


def _binned(source: Source, bins: Sequence[Bin], number: Mapping[str, int]) -> str:
    cast = f"TRY_CAST({source.expression} AS DOUBLE)"
    value = f"CASE WHEN NOT isnan({cast}) THEN {cast} END"  # DuckDB takes what is no number for the largest
    cases = " ".join(
        f"WHEN ({value}) IS NOT NULL THEN {number[each.code]}"
        if each.upto == float("inf")
        else f"WHEN ({value}) <= {each.upto!r} THEN {number[each.code]}"
        for each in bins
    )
    return f"CASE {cases} END"
