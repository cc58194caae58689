"""The panel's own answer key: pooled rates by product, before disclosure control, to nine digits."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from anonymize.cube import read_cube
from sharing import vault
from sharing.benchmarks.peer_groups import ALL, peers_of
from sharing.benchmarks.pool import cell_keys, gather, layout_of, panel_of, pooled_before_disclosure
from sharing.models import Round

FILE_NAME = "expected_pooled_by_product.csv"
TOLERANCE = 1e-9
_RATES = {"DPD60_RATE": "rate", "DPD60_LOAN_RATE": "crate"}  # the key has percent


def largest_difference(round: Round, folder: Path) -> float:
    """The largest difference between a pooled rate (a fraction) of the accepted submissions and the key's.

    Opens every accepted package in this process's memory, so it works only where the key-encryption key is.
    """
    pooled = _pooled_by_product(round)
    return max(
        abs(pooled[indicator][line["product"].upper()] - float(line[column]) / 100)
        for line in _key(folder)
        for indicator, column in _RATES.items()
    )


def _key(folder: Path) -> list[dict[str, str]]:
    with (folder / FILE_NAME).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _pooled_by_product(round: Round) -> Mapping[str, Mapping[str, float]]:
    template = round.collection.template
    submissions = list(round.submissions.accepted().select_related("round__collection", "institution"))
    cubes = (
        read_cube(opened.plaintext, template, opened.media_type, institution=opened.submission.institution.code)
        for opened in vault.open_all(submissions)
    )
    institutions = [submission.institution for submission in submissions]
    layout = layout_of(template)
    contributor_of = {each.code: each.contributor_id for each in institutions}
    panel = panel_of(gather(layout, list(contributor_of), cubes), contributor_of)
    pools = pooled_before_disclosure(panel, peers_of(institutions, []))
    keys = cell_keys(layout)
    return {
        indicator: dict(zip(keys, pools[indicator, ALL].pooled.reshape(-1).tolist(), strict=True))
        for indicator in _RATES
    }
