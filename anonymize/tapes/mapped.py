"""A tape opened as its mapping says, so that only what the mapping needs is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from anonymize.counting.loans import check_expression
from anonymize.errors import MappingError
from anonymize.mapping import Source, TapeMapping, check_columns
from anonymize.periods import before, period_of
from anonymize.tape import Place, Tape, open_tape
from anonymize.tapes.join import PREFIX, Previous
from anonymize.tapes.reading import PeriodFilter, Wanted, mentioned
from anonymize.template import Template


def open_mapped(
    tape: Place, mapping: TapeMapping, template: Template, period: str, previous_tape: Place | None = None
) -> Tape:
    """The tape, joined to last period's where the mapping has `[previous]`; MappingError when a column is missing."""
    _check_both(mapping, previous_tape)
    wanted = Wanted(
        columns=partial(columns_used, mapping=mapping),
        period=_filter(mapping.period, template, period),
        where=None if mapping.previous or not mapping.where else mapping.where.expression,
    )
    opened = open_tape(
        tape,
        reading=mapping.reading,
        wanted=wanted,
        previous=_previous(mapping, template, period, previous_tape),
    )
    try:
        check_columns(mapping, opened.column_names)
        for source in mapping.sources():
            check_expression(opened, source)
    except MappingError:
        opened.close()
        raise
    return opened


def after_joining(mapping: TapeMapping) -> TapeMapping:
    """The mapping for the tape that `open_mapped` gives: what filtered each of two tapes is not applied again."""
    return replace(mapping, where=None) if _filters_each(mapping) else mapping


def columns_used(names: Sequence[str], mapping: TapeMapping) -> list[str]:
    """The columns that the mapping reads; MappingError when one is missing."""
    check_columns(mapping, names)
    return mentioned(names, _expressions(mapping))


def _check_both(mapping: TapeMapping, previous_tape: Place | None) -> None:
    if mapping.previous is None and previous_tape is not None:
        raise MappingError(
            'A previous tape is given, but the mapping does not say how to join it: [previous], on = "loan_no".'
        )
    if mapping.previous is not None and previous_tape is None:
        raise MappingError("[previous]: the mapping needs last period's tape. Give it with --previous-tape.")


def _previous(mapping: TapeMapping, template: Template, period: str, tape: Place | None) -> Previous | None:
    rule = mapping.previous
    if rule is None or tape is None:
        return None
    return Previous(
        source=tape,
        reading=rule.reading,
        on=rule.on,
        period=_filter(rule.period or mapping.period, template, before(period)),
        expressions=tuple(_expressions(mapping)),
        where=mapping.where.expression if mapping.where and _filters_each(mapping) else None,
    )


def _filters_each(mapping: TapeMapping) -> bool:
    """A filter on last month's columns is for the joined tape, any other for each tape by itself."""
    return (
        mapping.previous is not None and mapping.where is not None and PREFIX not in mapping.where.expression.casefold()
    )


def _filter(source: Source | None, template: Template, period: str) -> PeriodFilter | None:
    if source is None:
        return None
    return PeriodFilter(source.expression, period, partial(period_of, frequency=template.frequency))


def _expressions(mapping: TapeMapping) -> list[str]:
    return [
        *(source.expression for source in mapping.sources()),
        *([mapping.where.expression] if mapping.where else []),
    ]
