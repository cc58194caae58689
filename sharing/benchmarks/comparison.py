"""One institution's own figures beside a release: what a statement says once it is opened.

The document is columnar: for each indicator the keys where the institution has figures and its own rates, then for
each peer group it is compared with (all members, and the groups it belongs to) the band and the two distances.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from sharing.benchmarks.peer_groups import Peers
from sharing.benchmarks.pool import Returns, Values, cell_keys
from sharing.benchmarks.published import Figures

Band = Literal["lowest-quarter", "below-median", "above-median", "highest-quarter"]

# The index is how many of the published 25 %, 50 % and 75 % points lie below the own rate.
BANDS: tuple[Band, ...] = ("lowest-quarter", "below-median", "above-median", "highest-quarter")
VERSION = 1


@dataclass(frozen=True)
class Own:
    """The own rate, the quarter of the published distribution it lies in, and its distances as fractions of one.

    Band and distances are None where the benchmark withholds what they would compare with.
    """

    rate: float
    band: Band | None = None
    to_median: float | None = None
    to_pooled: float | None = None


@dataclass(frozen=True)
class Comparison:
    """An opened statement."""

    document: Mapping[str, Any]

    @classmethod
    def from_bytes(cls, payload: bytes) -> Comparison:
        document = json.loads(payload)
        if document["version"] != VERSION:
            raise ValueError(f"a statement of version {document['version']} is not known here")
        return cls(document)

    def to_bytes(self) -> bytes:
        return json.dumps(self.document, ensure_ascii=False, separators=(",", ":")).encode()

    @cached_property
    def _positions(self) -> dict[str, dict[str, int]]:
        indicators = self.document["indicators"]
        return {
            name: {key: position for position, key in enumerate(columns["keys"])}
            for name, columns in indicators.items()
        }

    def own(self, indicator: str, peer_group: str, key: str) -> Own | None:
        """The own figure of one cell, compared with one peer group; None without own figures there.

        Beside a peer group that the institution is not in there is the own rate alone.
        """
        position = self._positions.get(indicator, {}).get(key)
        if position is None:
            return None
        columns = self.document["indicators"][indicator]
        rate = columns["rate"][position]
        beside = columns["beside"].get(peer_group)
        if beside is None:
            return Own(rate)
        band = beside["band"][position]
        return Own(
            rate=rate,
            band=None if band is None else BANDS[band],
            to_median=beside["to_median"][position],
            to_pooled=beside["to_pooled"][position],
        )

    def lines(self) -> Iterator[tuple[str, str, str, Own]]:
        """Indicator, peer group, key and own figure, for every peer group that the institution is in."""
        for indicator, columns in self.document["indicators"].items():
            for peer_group in columns["beside"]:
                for key in columns["keys"]:
                    own = self.own(indicator, peer_group, key)
                    if own is not None:
                        yield indicator, peer_group, key, own


def comparisons(
    returns: Returns, contributor_of: Mapping[str, str], peers: Peers, figures: Sequence[Figures]
) -> Iterator[tuple[str, Comparison]]:
    """The comparison of every institution, by its code, with what the release publishes.

    The band counts the published quartiles below the own rate, so it says no more of the others than they do.
    """
    keys = np.array(cell_keys(returns.layout))
    released = {(each.indicator, each.peer_group): each for each in figures}
    indicators = returns.layout.template.indicators
    rates = {indicator.id: returns.rates(indicator) for indicator in indicators}
    for row, institution in enumerate(returns.institutions):
        groups = peers.of(contributor_of[institution])
        document = {
            indicator.id: _columns(
                rates[indicator.id][row], keys, {group: released[indicator.id, group] for group in groups}
            )
            for indicator in indicators
        }
        yield institution, Comparison({"version": VERSION, "institution": institution, "indicators": document})


def _columns(rates: Values, keys: Any, beside: Mapping[str, Figures]) -> dict[str, Any]:
    shown = np.any([figures.row for figures in beside.values()], axis=0)
    cells = np.flatnonzero(~np.isnan(rates) & shown)
    own = rates.flat[cells]
    return {
        "keys": keys[cells].tolist(),
        "rate": own.tolist(),
        "beside": {group: _beside(own, cells, figures) for group, figures in beside.items()},
    }


def _beside(own: Values, cells: Any, figures: Figures) -> dict[str, list[Any]]:
    p25, median, p75, pooled = (each.flat[cells] for each in (figures.p25, figures.median, figures.p75, figures.pooled))
    band = np.sum([own > p25, own > median, own > p75], axis=0)
    known = ~np.isnan(p25) & ~np.isnan(p75)
    return {
        "band": [int(each) if there else None for each, there in zip(band, known, strict=True)],
        "to_median": _numbers(own - median),
        "to_pooled": _numbers(own - pooled),
    }


def _numbers(values: Values) -> list[float | None]:
    """JSON has no NaN: what is withheld is null."""
    return [None if np.isnan(value) else float(value) for value in values]
