"""Loan tapes of made-up institutions, month after month: the same seed gives the same tape.

Every loan is in a Markov chain over months behind. Its chances depend on product, province, risk tier, the
institution's own quality and the month's stress: a wave begins with small businesses and consumer loans of the coast
and reaches other provinces and products within half a year. `SIMULATED` has what each shipped collection is made from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import resources

import pyarrow as pa

from anonymize.mapping import TapeMapping, load_mapping
from anonymize.simulated.care import outreach_tape, service_tape, treatment_tape
from anonymize.simulated.histories import migration_tapes, risk_model_tape, vintage_tape
from anonymize.simulated.institutions import InstitutionProfile, demo_institutions
from anonymize.simulated.loans import months
from anonymize.simulated.scenarios import ORIGIN, SCENARIOS, Scenario, month_of, stress
from anonymize.simulated.tapes import SimulatedTape, loan_tape
from anonymize.template import load

__all__ = [
    "ORIGIN",
    "SCENARIOS",
    "SIMULATED",
    "InstitutionProfile",
    "Scenario",
    "SimulatedTape",
    "demo_institutions",
    "mapping_for_simulated",
    "simulate_tapes",
    "simulated_tape",
    "stress",
]

Simulation = Callable[[InstitutionProfile, str, Scenario, int], SimulatedTape]


def simulate_tapes(
    profile: InstitutionProfile, periods: Sequence[str], scenario: Scenario, seed: int
) -> Iterator[tuple[str, pa.Table]]:
    """The tape of each period, in order. A period's tape does not depend on which others are asked for."""
    wanted = {month_of(period): period for period in periods}
    if min(wanted) < 0:
        raise ValueError(f"Simulated portfolios begin in {ORIGIN}.")
    for month, portfolio, _ in months(profile, scenario, seed):
        if month in wanted:
            yield wanted[month], loan_tape(portfolio, profile, month)
        if month == max(wanted):
            return


def _delinquency(profile: InstitutionProfile, period: str, scenario: Scenario, seed: int) -> SimulatedTape:
    _, table = next(simulate_tapes(profile, [period], scenario, seed))
    return SimulatedTape(table)


SIMULATED: Mapping[str, Simulation] = {
    "delinquency": _delinquency,
    "migration": migration_tapes,
    "outreach": outreach_tape,
    "risk-model": risk_model_tape,
    "service": service_tape,
    "treatment": treatment_tape,
    "vintage": vintage_tape,
}


def simulated_tape(
    collection: str, profile: InstitutionProfile, period: str, scenario: Scenario, seed: int
) -> SimulatedTape:
    """What one institution has for a round of a shipped collection; the period is of the collection's frequency."""
    load(collection).check_period(period)
    return SIMULATED[collection](profile, period, scenario, seed)


def mapping_for_simulated(collection: str = "delinquency") -> TapeMapping:
    """The shipped mapping of a collection's simulated tapes to its template."""
    with resources.as_file(resources.files("anonymize.examples") / f"{collection}.toml") as path:
        return load_mapping(path, load(collection))
