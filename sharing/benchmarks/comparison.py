"""One institution's own figures beside a release: what a statement says once it is opened.

The document is columnar: for each indicator the keys where the institution has figures and its own rates, then for
each peer group it is compared with (all members, and the groups it belongs to) the band and the two distances.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

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
