"""Sealed packages of about 500 kB: whole delinquency cubes as SDMX-CSV, each of its own institution. No Django here."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from anonymize.counting.tally import roll_up
from anonymize.package import SDMX_CSV, SealingKey, SigningKey, seal
from anonymize.template import Template, load
from consortium.panel.sending import Credentials

KINDS = 8  # different cubes; every institution has one of them


def make_packages(
    members: Sequence[Credentials],
    round_id: str,
    period: str,
    audience: str,
    sealing_jwk: dict[str, Any],
    folder: Path,
) -> None:
    """One file an institution, by its code."""
    # Other figures each month: an exact copy of the month before would be refused.
    cubes = [cube_as_csv(period, int(period.replace("-", "")) * KINDS + kind) for kind in range(KINDS)]
    key = SealingKey.from_jwk(sealing_jwk)
    for at, member in enumerate(members):
        package = seal(
            cubes[at % KINDS],
            media_type=SDMX_CSV,
            round_id=round_id,
            institution=member.code,
            audience=audience,
            signing_key=SigningKey.from_jwk(member.signing_jwk),
            sealing_key=key,
        )
        (folder / member.code).write_bytes(package.encode())


def cube_as_csv(period: str, seed: int) -> bytes:
    """A consistent delinquency cube of large cells, without the regions of a part of the country; about 370 kB."""
    template, draw = load("delinquency"), np.random.default_rng(seed)
    places = [[each.code_list.index[leaf] for leaf in each.code_list.leaves] for each in template.dimensions]
    kept = [axis[: int(len(axis) * share)] for axis, share in zip(places, (1, 0.65, 1, 1), strict=True)]
    leaves = np.ix_(*kept)
    accounts, borrowers, balance = (np.zeros(template.shape, np.int64) for _each in range(3))
    accounts[leaves] = draw.integers(40, 900, [len(axis) for axis in kept])
    borrowers[leaves] = accounts[leaves] - draw.integers(0, 20, accounts[leaves].shape)
    balance[leaves] = accounts[leaves] * draw.integers(20_000, 400_000, accounts[leaves].shape)
    for values in (accounts, borrowers, balance):
        roll_up(values, template)
    return _csv(template, period, accounts, borrowers, balance)


def _csv(template: Template, period: str, *values: np.ndarray) -> bytes:
    text = io.StringIO()
    names = [*(each.id for each in template.dimensions), "TIME_PERIOD", *(each.id for each in template.measures)]
    text.write(",".join([*names, "OBS_STATUS", "CONF_STATUS"]) + "\n")
    for place in np.argwhere(values[0] > 0):
        codes = [each.code_list.ids[at] for each, at in zip(template.dimensions, place, strict=True)]
        figures = [str(each[tuple(place)]) for each in values]
        text.write(",".join([*codes, period, *figures, "A", "F"]) + "\n")
    return text.getvalue().encode()
