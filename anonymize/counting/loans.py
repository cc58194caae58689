"""The rows of a tape in the template's terms: one DuckDB table `loans` that everything else is counted from.

    cell         the leaf cell as one integer (see CellPaths); no row is without one
    borrower     the bank's key of the borrower
    key_M        for each distinct count M of something else than borrowers, what is counted (see `key_column`)
    value_M      for each additive measure M, what the row adds, in units of 10^-(decimals + SPARE_DIGITS)

Where the mapping names groups of affiliates, `affiliated` holds the rows of their members, with the group as a further
column `contributor`, and `alone` those of everybody else.

Amounts are integers from here on, so that a sum does not depend on the order in which rows are read. Every column costs
memory or disk on a tape of hundreds of millions of rows: there is none that nobody reads.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from anonymize.counting.paths import CellPaths
from anonymize.errors import LoanTapeError, MappingError
from anonymize.identifiers import looks_personal
from anonymize.mapping import Currency, DimensionRule, MeasureRule, Source, TapeMapping
from anonymize.mappings.coding import code_of, rate_of
from anonymize.periods import EXAMPLES, in_period, period_of
from anonymize.tape import Tape, literal, quoted
from anonymize.tapes.numbers import why_not_numbers
from anonymize.template import Template

SPARE_DIGITS = 4  # digits kept beyond the template's decimals until a cell's sum is rounded
SHOWN_CODES = 20


def create_loans(tape: Tape, mapping: TapeMapping, template: Template, period: str) -> None:
    """Makes the table `loans` of one period; LoanTapeError or MappingError when a row does not fit."""
    for source in mapping.sources():
        check_expression(tape, source)
    _check_filter(tape, mapping)
    tape.run(f"CREATE OR REPLACE TEMP TABLE loans AS {_select(tape, mapping, template, period)}")
    others = _other_periods(tape, mapping, template, period)
    if others:
        tape.run(f"CREATE OR REPLACE TEMP TABLE loans AS {_select(tape, mapping, template, period, others)}")
    _check_rows(tape, mapping, template, period)
    for measure, source in _distinct(mapping):
        if template.measure(measure).additive:
            _count_once(tape, measure, key_column(mapping, measure), source)
    if mapping.group is not None:
        _split_affiliates(tape)


def key_column(mapping: TapeMapping, measure: str) -> str:
    """The column of `loans` that a distinct count goes by; borrowers have theirs already."""
    rule = next(rule for rule in mapping.measures if rule.measure == measure)
    same = rule.source is not None and rule.source.expression == mapping.borrower.expression
    return "borrower" if same else f"key_{measure}"


def _select(tape: Tape, mapping: TapeMapping, template: Template, period: str, without: Sequence[str] = ()) -> str:
    """The SQL of the loans, except those whose period is written like one of `without`."""
    paths = CellPaths.of(template)
    codes, joins = [], []
    for axis, rule in enumerate(mapping.dimensions):
        expression, join = _code(rule, template, axis)
        codes.append(f"({expression})")
        joins.extend(join)
    columns = [
        f"({' + '.join(codes)})::{paths.type} AS cell",
        f"{_key(tape, mapping.borrower)} AS borrower",
        *(f"{_key_text(each)} AS affiliates" for each in [mapping.group] if each is not None),
        *(f"{_key(tape, source)} AS {quoted(name)}" for name, source in _other_keys(mapping)),
        *(f"{_value(rule, template)} AS {quoted('value_' + rule.measure)}" for rule in _added(mapping, template)),
    ]
    stray, kept = _stray(mapping, template, period), ""
    if mapping.period is not None and not without:
        columns.append(f"({stray}) IS NOT NULL AS stray")
    if without:
        kept = f" WHERE ({stray}) IS NULL OR ({stray}) NOT IN ({', '.join(map(literal, without))})"
    return f"SELECT {', '.join(columns)} FROM {_kept(mapping)} {' '.join(joins)}{kept}"


def _kept(mapping: TapeMapping) -> str:
    """The rows of the tape that the mapping's filter keeps."""
    return "tape" if mapping.where is None else f"(FROM tape WHERE {mapping.where.expression}) AS tape"


def _code(rule: DimensionRule, template: Template, axis: int) -> tuple[str, list[str]]:
    """The SQL of a row's code as a part of its cell (null when unknown) and the joins that it needs."""
    paths, ids = CellPaths.of(template), template.dimension(rule.dimension).code_list.ids
    return code_of(rule, {code: paths.number(axis, position) for position, code in enumerate(ids)}, axis)


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


def _key_text(source: Source) -> str:
    return f"nullif(trim({source.expression}::VARCHAR), '')"


def _value(rule: MeasureRule, template: Template) -> str:
    measure = template.measure(rule.measure)
    if rule.source is None or rule.distinct:
        return "1::UTINYINT"
    number = f"TRY_CAST({rule.source.expression} AS DOUBLE)"
    if rule.currency is not None:
        number = f"({number} * {rate_of(rule.currency)})"
    if measure.type == "count":
        return f"CASE WHEN {number} = floor({number}) THEN TRY_CAST({number} AS BIGINT) END"
    factor = rule.scale * 10 ** (measure.decimals + SPARE_DIGITS)
    return f"TRY_CAST(round({number} * {factor!r}) AS BIGINT)"


def _distinct(mapping: TapeMapping) -> tuple[tuple[str, Source], ...]:
    """The measures that count different keys, and where the keys are."""
    return tuple((rule.measure, rule.source) for rule in mapping.measures if rule.distinct and rule.source is not None)


def _other_keys(mapping: TapeMapping) -> tuple[tuple[str, Source], ...]:
    """The columns that hold keys of something else than borrowers, and where the keys are."""
    named = ((key_column(mapping, measure), source) for measure, source in _distinct(mapping))
    return tuple((name, source) for name, source in named if name != "borrower")


def _added(mapping: TapeMapping, template: Template) -> tuple[MeasureRule, ...]:
    return tuple(rule for rule in mapping.measures if template.measure(rule.measure).additive)


def check_expression(tape: Tape, source: Source) -> None:
    """MappingError when an expression does not work on this tape, whatever its rows hold."""
    try:
        # The constant beside it refuses sums: an expression gives one value for each row.
        tape.connection.sql(
            f"SELECT concord_row, {source.expression} FROM (SELECT *, 1 AS concord_row FROM tape) LIMIT 0"
        )
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]  # about the expression; nothing has been read yet
        raise MappingError(f"{source.where}: the expression does not work on this tape. {reason}") from None


def _check_filter(tape: Tape, mapping: TapeMapping) -> None:
    """LoanTapeError when the filter keeps no row, or cannot tell for some: a blank must not drop a loan unseen."""
    if mapping.where is None:
        return
    check_expression(tape, mapping.where)
    test = f"{mapping.where.expression}::BOOLEAN"
    kept, unclear = tape.run(f"SELECT count_if({test}), count_if(({test}) IS NULL) FROM tape")[0]
    if unclear:
        raise LoanTapeError(
            f"{mapping.where.where}: where is neither true nor false for {unclear} rows, because something is blank. "
            "Say what a blank means, where = \"coalesce(status, '') <> 'sold'\". Nothing was aggregated.",
            rule="missing-value",
        )
    if not kept:
        raise LoanTapeError(
            f"{mapping.where.where}: where keeps no row of the tape. Nothing was aggregated.", rule="empty-tape"
        )


def _other_periods(tape: Tape, mapping: TapeMapping, template: Template, period: str) -> list[str]:
    """How the tape writes other periods; LoanTapeError when a row has no period or no row is of this one."""
    if mapping.period is None:
        if mapping.fixed_period != period:
            raise MappingError(
                f"[period]: fixed is {mapping.fixed_period}, but {period} was asked for.", rule="wrong-period"
            )
        return []
    if not tape.run("SELECT 1 FROM loans WHERE stray LIMIT 1"):
        return []
    strays = tape.run(
        f"SELECT stray, count(*) FROM (SELECT {_stray(mapping, template, period)} AS stray FROM {_kept(mapping)}) "
        "WHERE stray IS NOT NULL GROUP BY stray"
    )
    found = {text: period_of(text, template.frequency) for text, _ in strays}
    without = sum(rows for text, rows in strays if found[text] is None)
    if without:
        raise LoanTapeError(
            f"{mapping.period.label.capitalize()}: {without} rows have no reporting period that can be read "
            f"(such as {EXAMPLES}). Nothing was aggregated.",
            rule="no-period",
        )
    if period not in found.values() and not tape.run("SELECT 1 FROM loans WHERE NOT stray LIMIT 1"):
        known = sorted({each for each in found.values() if each is not None})
        span = known[0] if len(known) == 1 else f"{known[0]} to {known[-1]}"
        raise LoanTapeError(f"The tape has no row of {period}; it is of {span}.", rule="wrong-period")
    return [text for text in found if found[text] != period]


def _check_rows(tape: Tape, mapping: TapeMapping, template: Template, period: str) -> None:
    rules = _added(mapping, template)
    keys = [("borrower", mapping.borrower), *_other_keys(mapping)]
    nulls = [f"count_if({quoted(name)} IS NULL)" for name in ["cell", *(name for name, _ in keys)]]
    values = [quoted("value_" + rule.measure) for rule in rules]
    tests = [f"count_if({name} IS NULL), count_if({name} < 0)" for name in values]
    row = tape.run(f"SELECT {', '.join([*nulls, *tests])} FROM loans")[0]
    if row[0]:
        _explain_codes(tape, mapping, template, period)
    for (_, source), count in zip(keys, row[1 : len(nulls)], strict=True):
        if count:
            raise LoanTapeError(
                f"{source.where}: {count} rows have nothing in {source.label}. Nothing was aggregated.",
                rule="missing-value",
            )
    for position, rule in enumerate(rules):
        missing, negative = row[len(nulls) + 2 * position : len(nulls) + 2 * position + 2]
        if missing and rule.currency is not None:
            _check_currencies(tape, mapping, rule.currency, _stray(mapping, template, period))
        _check_values(tape, rule, template, missing, negative)


def _check_values(tape: Tape, rule: MeasureRule, template: Template, missing: int, negative: int) -> None:
    if rule.source is None:
        return
    what = "whole number" if template.measure(rule.measure).type == "count" else "number"
    if missing:
        why = why_not_numbers(tape, rule.source.column) if rule.source.column is not None else ""
        raise LoanTapeError(
            f"{rule.source.where}: {missing} rows have no usable {what} in {rule.source.label}.{why} Correct the tape, or "
            'say in sql what a blank means, sql = "coalesce(amount, 0)". Nothing was aggregated.',
            rule="missing-value",
        )
    if negative and template.measure(rule.measure).type == "count":
        raise LoanTapeError(
            f"{rule.source.where}: {negative} rows have a negative count in {rule.source.label}. "
            "Nothing was aggregated.",
            rule="negative-count",
        )


def _check_currencies(tape: Tape, mapping: TapeMapping, currency: Currency, stray: str) -> None:
    rows = tape.run(
        f"SELECT trim({currency.source.expression}::VARCHAR), count(*) FROM {_kept(mapping)} "
        f"WHERE {stray} IS NULL AND {rate_of(currency)} IS NULL GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    if rows:
        raise LoanTapeError(
            f"{currency.source.where}: {_unknown(currency.source, 'rates', rows)}. Say in rates what one unit of each "
            "is worth. Nothing was aggregated.",
            rule="unknown-currency",
        )


def _explain_codes(tape: Tape, mapping: TapeMapping, template: Template, period: str) -> None:
    for axis, rule in enumerate(mapping.dimensions):
        expression, joins = _code(rule, template, axis)
        if rule.source is None:
            continue
        rows = tape.run(
            f"SELECT trim({rule.source.expression}::VARCHAR), count(*) FROM {_kept(mapping)} {' '.join(joins)} "
            f"WHERE {_stray(mapping, template, period)} IS NULL AND {expression} IS NULL "
            f"GROUP BY 1 ORDER BY 2 DESC, 1"
        )
        if rows:
            raise _unknown_codes(rule.source, "bins" if rule.bins else "codes", rows)
    raise LoanTapeError(f"Rows of {period} hold codes that the mapping does not know.", rule="unknown-code")


def _unknown_codes(source: Source, rules: str, rows: list[tuple[str | None, int]]) -> LoanTapeError:
    blank = not any(value for value, _ in rows)
    remedy = "Say with blank where they go" if blank else "Add them, or say with default where they go"
    return LoanTapeError(
        f"{source.where}: {_unknown(source, rules, rows)}. {remedy}. Nothing was aggregated.", rule="unknown-code"
    )


def _unknown(source: Source, rules: str, rows: list[tuple[str | None, int]]) -> str:
    """How many rows hold what no rule knows; a value is quoted only when it is a code for certain."""
    values = [value for value, _ in rows if value]
    total = sum(count for _, count in rows)
    if not values:
        return f"{total} rows are blank in {source.label}"
    # A borrower's number must not reach a log.
    codes = rules != "bins" and len(values) <= SHOWN_CODES  # what is put into bins is somebody's number
    shown = values if codes and not any(looks_personal(value) for value in values) else []
    names = f": {', '.join(map(repr, shown))}" if shown else ""
    return f"{total} rows of {source.label} hold {len(values)} values outside the {rules}{names}"


def _split_affiliates(tape: Tape) -> None:
    """A borrower that is in a group anywhere on the tape counts with the group everywhere."""
    tape.run(
        "CREATE OR REPLACE TEMP TABLE affiliates AS SELECT borrower, min(affiliates) AS contributor FROM loans "
        "WHERE affiliates IS NOT NULL GROUP BY borrower"
    )
    tape.run("CREATE OR REPLACE TEMP TABLE affiliated AS SELECT * FROM loans JOIN affiliates USING (borrower)")
    tape.run("CREATE OR REPLACE TEMP VIEW alone AS SELECT * FROM loans ANTI JOIN affiliates USING (borrower)")


def _count_once(tape: Tape, measure: str, column: str, source: Source) -> None:
    """Of the rows with the same key one counts as 1, the others as 0."""
    key, value = quoted(column), quoted(f"value_{measure}")
    split = tape.run(
        f"SELECT count(*) FROM (SELECT 1 FROM loans GROUP BY {key} HAVING min(cell) <> max(cell) "
        "OR min(borrower) <> max(borrower))"
    )[0][0]
    if split:
        raise LoanTapeError(
            f"{source.where}: {split} keys of {source.label} are in more than one cell or belong to more "
            "than one borrower, so that the totals would not add up. Nothing was aggregated.",
            rule="totals",
        )
    tape.run(
        f"CREATE OR REPLACE TEMP TABLE loans AS SELECT * REPLACE "
        f"((row_number() OVER (PARTITION BY {key}) = 1)::UTINYINT AS {value}) FROM loans"
    )
