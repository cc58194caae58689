"""One institution's own figures beside a release: what a statement holds, and what it says once it is opened.

A statement holds own rates alone. Where they lie among the others is computed by whoever reads it from what is
published, so it says no more of the others than the release does.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from anonymize.package.statement import BESIDE
from anonymize.template import Indicator, Template
from sharing.benchmarks.peer_groups import Peers
from sharing.benchmarks.pool import Returns, Values
from sharing.benchmarks.published import Figures

Band = Literal["lowest-quarter", "below-median", "above-median", "highest-quarter"]
Positions = NDArray[np.int64]

# The index is how many of the published 25 %, 50 % and 75 % points lie below the own rate.
BANDS: tuple[Band, ...] = ("lowest-quarter", "below-median", "above-median", "highest-quarter")
TENTHS: Final = (10, 20, 30, 40, 60, 70, 80, 90)
FIRST_VERSION: Final = 1  # of statements that are one JSON document
BLOCK_VERSION: Final = 2
PART: Final = 2048  # cells of the cut in a block: what a series opens to read one of them
_HEAD: Final = np.dtype("<u4")
_RATE: Final = np.dtype("<f8")


@dataclass(frozen=True)
class Own:
    """The own rate, where it lies in the published distribution, and its distances as fractions of one.

    `between` is in percent of the members, as fine as what is published: (60, 70), or (50, 100) where the median alone
    is. All but the rate are None where the benchmark withholds what they would compare with.
    """

    rate: float
    band: Band | None = None
    to_median: float | None = None
    to_pooled: float | None = None
    between: tuple[int, int] | None = None


class Published(Protocol):
    """The published figures of a cell, whoever holds them."""

    @property
    def pooled(self) -> float | None: ...
    @property
    def p25(self) -> float | None: ...
    @property
    def median(self) -> float | None: ...
    @property
    def p75(self) -> float | None: ...


def beside_cell(rate: float, cell: Published) -> Own:
    """The own rate beside all that a cell publishes, with its deciles where it has them."""
    tenths = [getattr(cell, f"p{tenth}", None) for tenth in TENTHS]
    return beside(rate, cell.p25, cell.median, cell.p75, cell.pooled, tenths)


def beside(
    rate: float,
    p25: float | None,
    median: float | None,
    p75: float | None,
    pooled: float | None,
    tenths: Sequence[float | None] = (),
) -> Own:
    """The own rate beside published figures; `tenths` are the 10th to the 90th percentile without the median."""
    quarters = {25: p25, 50: median, 75: p75}
    deciles = {**dict(zip(TENTHS, tenths, strict=False)), 50: median}
    known = p25 is not None and median is not None and p75 is not None
    return Own(
        rate=rate,
        band=BANDS[sum(rate > point for point in quarters.values() if point is not None)] if known else None,
        to_median=None if median is None else rate - median,
        to_pooled=None if pooled is None else rate - pooled,
        between=_between(rate, deciles if any(each is not None for each in tenths) else quarters),
    )


def _between(rate: float, points: Mapping[int, float | None]) -> tuple[int, int] | None:
    """The published percentiles next to the rate, 0 and 100 at the ends; None where none is published."""
    published = sorted((percent, value) for percent, value in points.items() if value is not None)
    if not published:
        return None
    edges = [0, *(percent for percent, _value in published), 100]
    return list(pairwise(edges))[sum(rate > value for _percent, value in published)]


@dataclass(frozen=True)
class OwnRates:
    """The own rates of one institution: for each indicator the flat cells of the cut, in order, and its rate there."""

    peer_groups: tuple[str, ...]  # ALL, and those that the institution is in
    columns: Mapping[str, tuple[Positions, Values]]


def comparisons(
    returns: Returns, contributor_of: Mapping[str, str], peers: Peers, figures: Sequence[Figures]
) -> Iterator[tuple[str, OwnRates]]:
    """The own rates of every institution, by its code, where the release has rows that it is compared with."""
    rows = {(each.indicator, each.peer_group): each.row.ravel() for each in figures}
    indicators = returns.layout.template.indicators
    rates = {indicator.id: returns.rates(indicator) for indicator in indicators}
    for place, institution in enumerate(returns.institutions):
        groups = peers.of(contributor_of[institution])
        columns = {}
        for indicator in indicators:
            own = rates[indicator.id][place].ravel()
            shown = np.any([rows[indicator.id, group] for group in groups], axis=0)
            cells = np.flatnonzero(~np.isnan(own) & shown)
            columns[indicator.id] = (cells, own[cells])
        yield institution, OwnRates(groups, columns)


def document_columns(
    own: OwnRates, template: Template, keys: Sequence[str], published: Mapping[str, Mapping[tuple[str, str], Published]]
) -> dict[str, Any]:
    """By indicator all that a statement for the institution's own key says, in columns as long as its keys.

    `published` is by peer group, then by indicator and key. Beside a cell that is withheld everything but the own rate
    is null.
    """
    found = {}
    for indicator in template.indicators:
        cells, rates = own.columns.get(indicator.id, ((), ()))
        named = [keys[cell] for cell in cells]
        found[indicator.id] = {
            "dimensions": [dimension.id for dimension in template.cut(indicator)],
            "keys": named,
            "own": [float(rate) for rate in rates],
            "beside": {
                group: _beside_columns(indicator.id, named, rates, published.get(group, {}))
                for group in own.peer_groups
            },
        }
    return found


def _beside_columns(
    indicator: str, keys: Sequence[str], rates: Iterable[float], published: Mapping[tuple[str, str], Published]
) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {name: [] for name in BESIDE}
    for key, rate in zip(keys, rates, strict=True):
        cell = published.get((indicator, key))
        own = Own(float(rate)) if cell is None else beside_cell(float(rate), cell)
        low, high = own.between or (None, None)
        for name, value in zip(BESIDE, (own.band, own.to_median, own.to_pooled, low, high), strict=True):
            columns[name].append(value)
    return columns


def position_of(template: Template, indicator: Indicator, key: str) -> int | None:
    """The flat cell of the cut that a series key names; None for a key that the template does not have."""
    cut, codes = template.cut(indicator), key.split(".")
    if len(codes) != len(cut):
        return None
    position = 0
    for dimension, code in zip(cut, codes, strict=True):
        place = dimension.code_list.index.get(code)
        if place is None:
            return None
        position = position * len(dimension.code_list.codes) + place
    return position


def blocks_of(cells: Positions, rates: Values) -> Iterator[tuple[int, bytes]]:
    """Number and content of each block: the cells within it as distances, then the rates, to the last bit."""
    parts = cells // PART
    for part in np.unique(parts):
        chosen = parts == part
        steps = np.diff(cells[chosen] % PART, prepend=0)
        content = np.uint32(chosen.sum()).astype(_HEAD).tobytes() + steps.astype(_HEAD).tobytes()
        packed = zlib.compress(content, 1)
        head = np.array([BLOCK_VERSION, len(packed)], dtype=_HEAD).tobytes()
        yield int(part), head + packed + rates[chosen].astype(_RATE).tobytes()


def open_block(part: int, content: bytes) -> tuple[Positions, Values]:
    """The cells of a block and the own rates there; ValueError for a version that is not known here."""
    version, length = np.frombuffer(content, _HEAD, 2)
    if version != BLOCK_VERSION:
        raise ValueError(f"a statement of version {version} is not known here")
    start = 2 * _HEAD.itemsize
    steps = np.frombuffer(zlib.decompress(content[start : start + length]), _HEAD, offset=_HEAD.itemsize)
    return part * PART + np.cumsum(steps, dtype=np.int64), np.frombuffer(content, _RATE, offset=start + int(length))


def rates_at(content: tuple[Positions, Values], wanted: Iterable[tuple[str, int]]) -> Iterator[tuple[str, float]]:
    """The own rates at the wanted keys, given with their positions; keys without one are left out."""
    cells, rates = content
    pairs = list(wanted)
    found = np.searchsorted(cells, [position for _key, position in pairs])
    for (key, position), place in zip(pairs, found, strict=True):
        if place < len(cells) and cells[place] == position:
            yield key, float(rates[place])


def first_document(payload: bytes) -> tuple[tuple[str, ...], dict[str, dict[str, float]]]:
    """Peer groups, and own rates by indicator and key, of a statement of version 1.

    The bands and distances that it holds as well are computed anew from what is published.
    """
    document: Mapping[str, Any] = json.loads(payload)
    if document["version"] != FIRST_VERSION:
        raise ValueError(f"a statement of version {document['version']} is not known here")
    indicators = document["indicators"]
    groups = dict.fromkeys(group for columns in indicators.values() for group in columns["beside"])
    rates = {
        indicator: dict(zip(columns["keys"], columns["rate"], strict=True)) for indicator, columns in indicators.items()
    }
    return tuple(groups), rates


@dataclass(frozen=True)
class Comparison:
    """An opened statement beside what its reader sees of the release."""

    peer_groups: tuple[str, ...]
    rates: Mapping[str, Mapping[str, float]]  # by indicator and key
    published: Mapping[tuple[str, str, str], Published]  # by indicator, peer group and key

    def own(self, indicator: str, peer_group: str, key: str) -> Own | None:
        """The own figure of one cell beside one peer group; None without own figures there.

        Beside a peer group that the institution is not in there is the own rate alone.
        """
        rate = self.rates.get(indicator, {}).get(key)
        if rate is None:
            return None
        cell = self.published.get((indicator, peer_group, key))
        if cell is None or peer_group not in self.peer_groups:
            return Own(rate)
        return beside_cell(rate, cell)

    def lines(self) -> Iterator[tuple[str, str, str, Own]]:
        """Indicator, peer group, key and own figure, for every peer group that the institution is in."""
        for indicator, rates in self.rates.items():
            for peer_group in self.peer_groups:
                for key in rates:
                    own = self.own(indicator, peer_group, key)
                    if own is not None:
                        yield indicator, peer_group, key, own
