"""The rows of a tape in the template's terms: one DuckDB table `loans` that everything else is counted from.

    cell         the leaf cell as one integer (see CellPaths); no row is without one
    borrower     the bank's key of the borrower
    key_M        for each distinct count M, what is counted
    value_M      for each additive measure M, what the row adds, in units of 10^-(decimals + SPARE_DIGITS)

Where the mapping names groups of affiliates, `affiliated` holds the rows of their members, with the group as a further
column `contributor`, and `alone` those of everybody else.

Amounts are integers from here on, so that a sum does not depend on the order in which rows are read.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from anonymize.errors import LoanTapeError, MappingError
from anonymize.identifiers import looks_personal
from anonymize.mapping import Bin, DimensionRule, MeasureRule, Source, TapeMapping
from anonymize.paths import CellPaths
from anonymize.periods import EXAMPLES, in_period, period_of
from anonymize.tape import Tape, literal, quoted
from anonymize.template import Template

SPARE_DIGITS = 4  # digits kept beyond the template's decimals until a cell's sum is rounded
SHOWN_CODES = 20


def create_loans(tape: Tape, mapping: TapeMapping, template: Template, period: str) -> None:
    """Makes the table `loans` of one period; LoanTapeError or MappingError when a row does not fit."""
    for source in mapping.sources():
        _check_expression(tape, source)
    tape.run(f"CREATE OR REPLACE TEMP TABLE loans AS {_select(tape, mapping, template, period)}")
    _check_period(tape, mapping, template, period)
    _check_rows(tape, mapping, template, period)
    for measure, source in _distinct(mapping):
        if template.measure(measure).additive:
            _count_once(tape, measure, source)
    if mapping.group is not None:
        _split_affiliates(tape)


def _select(tape: Tape, mapping: TapeMapping, template: Template, period: str) -> str:
    paths = CellPaths.of(template)
    codes, joins = [], []
    for axis, rule in enumerate(mapping.dimensions):
        expression, join = _code(rule, template, axis)
        codes.append(f"({expression})")
        joins.append(join)
    columns = [
        f"({' + '.join(codes)})::{paths.type} AS cell",
        f"{_stray(mapping, template, period)} AS stray",
        f"{_key(tape, mapping.borrower)} AS borrower",
        f"{_key_text(mapping.group)} AS affiliates",
        *(f"{_key(tape, source)} AS {quoted('key_' + measure)}" for measure, source in _distinct(mapping)),
        *(f"{_value(rule, template)} AS {quoted('value_' + rule.measure)}" for rule in _added(mapping, template)),
    ]
    return f"SELECT {', '.join(columns)} FROM tape {' '.join(joins)}"


def _code(rule: DimensionRule, template: Template, axis: int) -> tuple[str, str]:
    """The SQL of a row's code index (null when unknown) and the join that it needs."""
    paths, ids = CellPaths.of(template), template.dimension(rule.dimension).code_list.ids
    index = {code: paths.number(axis, position) for position, code in enumerate(ids)}
    default = "NULL" if rule.default is None else str(index[rule.default])
    if rule.source is None:
        return f"{default}::BIGINT", ""
    if rule.bins:
        return f"coalesce({_binned(rule.source, rule.bins, index)}, {default})::BIGINT", ""
    values = ", ".join(f"({literal(value)}, {index[code]}::BIGINT)" for value, code in rule.codes.items())
    # Names that no tape has, lest a column of the tape become ambiguous.
    join = (
        f"LEFT JOIN (VALUES {values}) AS codes{axis}(concord_value, concord_index) "
        f"ON trim({rule.source.expression}::VARCHAR) = codes{axis}.concord_value"
    )
    return f"coalesce(codes{axis}.concord_index, {default})", join


def _binned(source: Source, bins: Sequence[Bin], index: dict[str, int]) -> str:
    number = f"TRY_CAST({source.expression} AS DOUBLE)"
    cases = " ".join(
        f"WHEN {number} IS NOT NULL THEN {index[each.code]}"
        if each.upto == float("inf")
        else f"WHEN {number} <= {each.upto!r} THEN {index[each.code]}"
        for each in bins
    )
    return f"CASE {cases} END"


def _stray(mapping: TapeMapping, template: Template, period: str) -> str:
    """The text of a period that is not obviously the wanted one; null for almost every row."""
    if mapping.period is None:
        return "NULL::VARCHAR"
    text = f"coalesce({mapping.period.expression}::VARCHAR, '')"
    return f"CASE WHEN {in_period(text, period, template.frequency)} THEN NULL ELSE {text} END"


def _key(tape: Tape, source: Source) -> str:
    """A key as it is where it is a whole number, trimmed text otherwise; null when blank."""
    types = {column.name.casefold(): column.type for column in tape.columns}
    if source.column is not None and types[source.column.casefold()].endswith(("INT", "INTEGER")):
        return source.expression
    return _key_text(source)


def _key_text(source: Source | None) -> str:
    return "NULL::VARCHAR" if source is None else f"nullif(trim({source.expression}::VARCHAR), '')"


def _value(rule: MeasureRule, template: Template) -> str:
    measure = template.measure(rule.measure)
    if rule.source is None or rule.distinct:
        return "1::BIGINT"
    number = f"TRY_CAST({rule.source.expression} AS DOUBLE)"
    if measure.type == "count":
        return f"CASE WHEN {number} = floor({number}) THEN TRY_CAST({number} AS BIGINT) END"
    factor = rule.scale * 10 ** (measure.decimals + SPARE_DIGITS)
    return f"TRY_CAST(round({number} * {factor!r}) AS BIGINT)"


def _distinct(mapping: TapeMapping) -> tuple[tuple[str, Source], ...]:
    """The measures that count different keys, and where the keys are."""
    return tuple((rule.measure, rule.source) for rule in mapping.measures if rule.distinct and rule.source is not None)


def _added(mapping: TapeMapping, template: Template) -> tuple[MeasureRule, ...]:
    return tuple(rule for rule in mapping.measures if template.measure(rule.measure).additive)


def _check_expression(tape: Tape, source: Source) -> None:
    try:
        tape.connection.sql(f"SELECT {source.expression} FROM tape LIMIT 0")
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]  # about the expression; nothing has been read yet
        raise MappingError(f"{source.place}: the expression does not work on this tape. {reason}") from None


def _check_period(tape: Tape, mapping: TapeMapping, template: Template, period: str) -> None:
    """Drops rows of other periods; LoanTapeError when a row has no period or no row is of this one."""
    if mapping.period is None:
        if mapping.fixed_period != period:
            raise MappingError(
                f"[period]: fixed is {mapping.fixed_period}, but {period} was asked for.", rule="wrong-period"
            )
        return
    strays = tape.run("SELECT stray, count(*) FROM loans WHERE stray IS NOT NULL GROUP BY stray")
    found = {text: period_of(text, template.frequency) for text, _ in strays}
    without = sum(rows for text, rows in strays if found[text] is None)
    if without:
        raise LoanTapeError(
            f"{mapping.period.label.capitalize()}: {without} rows have no reporting period that can be read "
            f"(such as {EXAMPLES}). Nothing was aggregated.",
            rule="no-period",
        )
    others = ", ".join(literal(text) for text in found if found[text] != period)
    if others:
        tape.run(f"DELETE FROM loans WHERE stray IN ({others})")
    if not tape.run("SELECT 1 FROM loans LIMIT 1"):
        known = sorted({each for each in found.values() if each is not None})
        span = known[0] if len(known) == 1 else f"{known[0]} to {known[-1]}"
        raise LoanTapeError(f"The tape has no row of {period}; it is of {span}.", rule="wrong-period")


def _check_rows(tape: Tape, mapping: TapeMapping, template: Template, period: str) -> None:
    rules = _added(mapping, template)
    keys = [("borrower", mapping.borrower), *((f"key_{each}", source) for each, source in _distinct(mapping))]
    nulls = [f"count_if({quoted(name)} IS NULL)" for name in ["cell", *(name for name, _ in keys)]]
    values = [quoted("value_" + rule.measure) for rule in rules]
    tests = [f"count_if({name} IS NULL), count_if({name} < 0)" for name in values]
    row = tape.run(f"SELECT {', '.join([*nulls, *tests])} FROM loans")[0]
    if row[0]:
        _explain_codes(tape, mapping, template, period)
    for (_, source), count in zip(keys, row[1 : len(nulls)], strict=True):
        if count:
            raise LoanTapeError(
                f"{source.place}: {count} rows have nothing in {source.label}. Nothing was aggregated.",
                rule="missing-value",
            )
    for position, rule in enumerate(rules):
        missing, negative = row[len(nulls) + 2 * position : len(nulls) + 2 * position + 2]
        _check_values(rule, template, missing, negative)


def _check_values(rule: MeasureRule, template: Template, missing: int, negative: int) -> None:
    if rule.source is None:
        return
    what = "whole number" if template.measure(rule.measure).type == "count" else "number"
    if missing:
        raise LoanTapeError(
            f"{rule.source.place}: {missing} rows have no usable {what} in {rule.source.label}. Correct the tape, or "
            'say in sql what a blank means, sql = "coalesce(amount, 0)". Nothing was aggregated.',
            rule="missing-value",
        )
    if negative and template.measure(rule.measure).type == "count":
        raise LoanTapeError(
            f"{rule.source.place}: {negative} rows have a negative count in {rule.source.label}. "
            "Nothing was aggregated.",
            rule="negative-count",
        )


def _explain_codes(tape: Tape, mapping: TapeMapping, template: Template, period: str) -> None:
    for axis, rule in enumerate(mapping.dimensions):
        expression, join = _code(rule, template, axis)
        if rule.source is None:
            continue
        rows = tape.run(
            f"SELECT trim({rule.source.expression}::VARCHAR), count(*) FROM tape {join} "
            f"WHERE {_stray(mapping, template, period)} IS NULL AND {expression} IS NULL "
            f"GROUP BY 1 ORDER BY 2 DESC, 1"
        )
        if rows:
            raise _unknown_codes(rule.source, "bins" if rule.bins else "codes", rows)
    raise LoanTapeError(f"Rows of {period} hold codes that the mapping does not know.", rule="unknown-code")


def _unknown_codes(source: Source, rules: str, rows: list[tuple[str | None, int]]) -> LoanTapeError:
    values = [value for value, _ in rows if value]
    total = sum(count for _, count in rows)
    # A value is quoted only when it is a code for certain; a borrower's number must not reach a log.
    shown = values if len(values) <= SHOWN_CODES and not any(looks_personal(value) for value in values) else []
    if not values:
        what = f"{total} rows are blank in {source.label}"
    else:
        names = f": {', '.join(map(repr, shown))}" if shown else ""
        what = f"{total} rows of {source.label} hold {len(values)} values outside the {rules}{names}"
    return LoanTapeError(
        f"{source.place}: {what}. Add them, or say with default where they go. Nothing was aggregated.",
        rule="unknown-code",
    )


def _split_affiliates(tape: Tape) -> None:
    """A borrower that is in a group anywhere on the tape counts with the group everywhere."""
    tape.run(
        "CREATE OR REPLACE TEMP TABLE affiliates AS SELECT borrower, min(affiliates) AS contributor FROM loans "
        "WHERE affiliates IS NOT NULL GROUP BY borrower"
    )
    tape.run("CREATE OR REPLACE TEMP TABLE affiliated AS SELECT * FROM loans JOIN affiliates USING (borrower)")
    tape.run("CREATE OR REPLACE TEMP VIEW alone AS SELECT * FROM loans ANTI JOIN affiliates USING (borrower)")


def _count_once(tape: Tape, measure: str, source: Source) -> None:
    """Of the rows with the same key one counts as 1, the others as 0."""
    key, value = quoted(f"key_{measure}"), quoted(f"value_{measure}")
    split = tape.run(
        f"SELECT count(*) FROM (SELECT 1 FROM loans GROUP BY {key} HAVING min(cell) <> max(cell) "
        "OR min(borrower) <> max(borrower))"
    )[0][0]
    if split:
        raise LoanTapeError(
            f"{source.place}: {split} keys of {source.label} are in more than one cell or belong to more "
            "than one borrower, so that the totals would not add up. Nothing was aggregated.",
            rule="totals",
        )
    tape.run(
        f"CREATE OR REPLACE TEMP TABLE loans AS SELECT * REPLACE "
        f"((row_number() OVER (PARTITION BY {key}) = 1)::BIGINT AS {value}) FROM loans"
    )
