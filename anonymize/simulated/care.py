"""What simulated institutions do for their borrowers, from the loan tapes of the months that it is about."""

from __future__ import annotations

import zlib
from collections.abc import Collection

import pyarrow as pa

from anonymize.simulated.contacts import contacts
from anonymize.simulated.institutions import InstitutionProfile
from anonymize.simulated.loans import months
from anonymize.simulated.requests import requests
from anonymize.simulated.scenarios import ORIGIN, Scenario, month_of
from anonymize.simulated.tapes import SimulatedTape, loan_tape
from anonymize.simulated.treatments import WINDOW_MONTHS, treatments


def treatment_tape(profile: InstitutionProfile, period: str, scenario: Scenario, seed: int) -> SimulatedTape:
    """Treatments of a quarter: begun in the three months before it, with what became of them in it."""
    last = month_of(period) - WINDOW_MONTHS
    loans = _loans(profile, range(last - 2, last + 1), scenario, seed)
    return SimulatedTape(treatments(loans, period, _own(profile, seed)))


def outreach_tape(profile: InstitutionProfile, period: str, scenario: Scenario, seed: int) -> SimulatedTape:
    """A month's attempts to reach the borrowers who are on its loan tape."""
    return SimulatedTape(contacts(_loans(profile, [month_of(period)], scenario, seed), period, _own(profile, seed)))


def service_tape(profile: InstitutionProfile, period: str, scenario: Scenario, seed: int) -> SimulatedTape:
    """A quarter's requests of the borrowers who are on the loan tape of its last month."""
    return SimulatedTape(requests(_loans(profile, [month_of(period)], scenario, seed), period, _own(profile, seed)))


def _loans(profile: InstitutionProfile, wanted: Collection[int], scenario: Scenario, seed: int) -> pa.Table:
    """The loan tapes of some months below each other; ValueError for months before there were any."""
    if min(wanted) < 0:
        raise ValueError(f"Simulated portfolios begin in {ORIGIN}, and this tape needs the loans of a month before it.")
    tapes = []
    for month, portfolio, _ in months(profile, scenario, seed):
        if month in wanted:
            tapes.append(loan_tape(portfolio, profile, month))
        if month == max(wanted):
            break
    return pa.concat_tables(tapes)


def _own(profile: InstitutionProfile, seed: int) -> int:
    """Another seed for every institution, lest all of them draw the same luck."""
    return zlib.crc32(f"{seed}/{profile.code}".encode())
