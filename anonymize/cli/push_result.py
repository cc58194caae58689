"""How `push` tells what it did: one line a collection for people, one document for machines (docs/unattended.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import click

from anonymize.cli.delivery import ENDINGS, findings_table
from anonymize.cli.output import Output
from anonymize.errors import ConcordError
from anonymize.remembered import Ready
from anonymize.rounds import Round
from anonymize.sending import Delivery

FORMAT: Final = 1  # of the document; members are added to it, none is renamed or taken away
TRY_AGAIN: Final = 3


@dataclass(frozen=True)
class Outcome:
    """What became of one round's cube: a delivery, or the error that kept it from one; `seconds` by step."""

    round: Round
    cube: Ready
    is_trial: bool
    seconds: Mapping[str, float]
    delivery: Delivery | None = None
    error: ConcordError | None = None

    @property
    def state(self) -> str | None:
        return None if self.delivery is None else str(self.delivery.submission["state"])

    @property
    def exit_code(self) -> int:
        if self.error is not None:
            return self.error.exit_code
        return 1 if self.delivery is not None and self.delivery.is_refused else 0


def tell(output: Output, outcomes: Sequence[Outcome], warnings: Sequence[ConcordError] = ()) -> None:
    """One line for each outcome; the end with the exit code of what went wrong, 3 where another run may help."""
    output.result(_document(outcomes, warnings), "\n".join(map(_line, outcomes)))
    for outcome in outcomes:
        # What has to be looked at is said on standard error even where --quiet asks for silence: cron sends it.
        tell_all = output.alert if outcome.exit_code else output.say
        if outcome.exit_code and output.quiet:
            output.alert(_line(outcome))
        if outcome.delivery is not None and outcome.delivery.findings:
            tell_all(findings_table(outcome.delivery.findings))
    for warning in warnings:
        output.alert(f"Warning ({warning.rule}): {warning.sentence}")
    codes = {outcome.exit_code for outcome in outcomes} - {0}
    if codes:
        raise click.exceptions.Exit(TRY_AGAIN if TRY_AGAIN in codes else min(codes))


def tell_nothing_to_do(output: Output, reason: str) -> None:
    """For machines only: a scheduler that asks every hour is not answered every hour."""
    if output.as_json:
        output.result({**_document((), ()), "reason": reason}, "")


def _line(outcome: Outcome) -> str:
    what = f"pushed {outcome.round.collection} {outcome.round.period}"
    cells = f"{outcome.cube.cells:,} cells, {outcome.cube.withheld:,} withheld"
    if outcome.error is not None:
        return f"not {what}: {outcome.error.rule}, {cells}. {outcome.error.sentence}"
    if outcome.delivery is None:
        return f"nothing sent for {outcome.round.collection} {outcome.round.period} (--dry-run): {cells}"
    delivery, trial = outcome.delivery, " on trial" if outcome.is_trial else ""
    number = len(delivery.findings)
    findings = f"{number or 'no'} finding{'' if number == 1 else 's'}"
    ending = ENDINGS.get(str(outcome.state), str(outcome.state))
    version = "" if outcome.is_trial else f" as version {delivery.receipt.version}"
    return f"{what}{trial}{version}: {ending}, {findings}, {cells}, receipt {delivery.receipt_file}"


def _document(outcomes: Sequence[Outcome], warnings: Sequence[ConcordError]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "pushes": [_push(outcome) for outcome in outcomes],
        "warnings": [_error(warning) for warning in warnings],
    }


def _push(outcome: Outcome) -> dict[str, Any]:
    delivery = outcome.delivery
    return {
        "collection": outcome.round.collection,
        "period": outcome.round.period,
        "round": outcome.round.id,
        "trial": outcome.is_trial,
        "state": outcome.state,
        "submission": None if delivery is None else delivery.submission["id"],
        "version": None if delivery is None else delivery.receipt.version,
        "receipt": None if delivery is None else str(delivery.receipt_file),
        "package_sha256": None if delivery is None else delivery.receipt.sha256,
        "cells": outcome.cube.cells,
        "published": outcome.cube.published,
        "withheld": outcome.cube.withheld,
        "resumed": outcome.cube.is_remembered,
        "findings": [] if delivery is None else list(delivery.findings),
        "error": None if outcome.error is None else _error(outcome.error),
        "seconds": {step: round(seconds, 3) for step, seconds in outcome.seconds.items()},
    }


def _error(error: ConcordError) -> dict[str, str]:
    return {"rule": error.rule, "sentence": error.sentence}
