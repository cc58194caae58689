"""How often simulated years of calm raise a warning, and how soon those of a wave do; writes docs/early-warning.md.

A wave is compared with its calm twin (the same seed): a figure is hit from the month on in which the wave has lifted it
by `LIFTED` over its twin, and it is detected at the first warning from the onset on.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from anonymize.simulate import SCENARIOS
from anonymize.simulated.scenarios import month_of
from sharing.warnings.expectation import FEWEST
from sharing.warnings.series import Series
from sharing.warnings.watching import watch
from tests.sharing.warnings.simulated import published

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "early-warning.md"
BEGIN, END = "<!-- measured -->", "<!-- /measured -->"
MONTHS = 24
LIFTED = 1.2
ROOM = 3  # months that a warning has before the simulated time is over
GROUPS = {"headlines": (3, "all"), "margins of one code": (2, "all"), "crossings of two codes, pooled": (1, "pooled")}


@dataclass
class Rates:
    """Of one group of series, over all seeds."""

    series_months: int = 0
    raised: int = 0
    delays: list[int] = field(default_factory=list)
    missed: int = 0

    @property
    def per_hundred(self) -> float:
        return 100 * self.raised / self.series_months

    def within(self, months: int) -> float:
        return sum(delay <= months for delay in self.delays) / (len(self.delays) + self.missed)

    @property
    def detected(self) -> float:
        return len(self.delays) / (len(self.delays) + self.missed)

    @property
    def median_delay(self) -> int:
        return sorted(self.delays)[len(self.delays) // 2]


def measure(seeds: Sequence[int], share: float) -> dict[str, Rates]:
    found = {name: Rates() for name in GROUPS}
    for seed in seeds:
        calm, wave = (_watched(published(scenario, seed, MONTHS, share)) for scenario in ("calm", "wave"))
        judged, struck = watch(calm), watch(wave)
        for quiet, high in zip(calm, wave, strict=True):
            rates = found[_group(quiet)]
            rates.series_months += MONTHS - FEWEST
            rates.raised += sum(each.since == each.period for each in judged[quiet.reference])
            hit = _hit(quiet, high)
            if hit is None:
                continue
            onset = month_of(SCENARIOS["wave"].onset or "")
            course = struck[high.reference]
            warned = [place for place, each in enumerate(course) if each.since is not None and place >= onset]
            if warned:
                rates.delays.append(warned[0] - hit)
            else:
                rates.missed += 1
    return found


def _watched(panel: Sequence[Series]) -> list[Series]:
    return [series for series in panel if _totals(series) >= 2 or series.reference.figure == "pooled"]


def _totals(series: Series) -> int:
    return series.reference.key.split(".").count("_T")


def _group(series: Series) -> str:
    return next(name for name, (totals, _figures) in GROUPS.items() if totals == _totals(series))


def _hit(quiet: Series, high: Series) -> int | None:
    pairs = zip(quiet.values, high.values, strict=True)
    lifted = [place for place, (calm, struck) in enumerate(pairs) if struck > LIFTED * calm]
    return lifted[0] if lifted and lifted[0] <= MONTHS - 1 - ROOM else None


def table(found: dict[str, Rates], seeds: int, seconds: float) -> str:
    lines = [
        f"Measured over {seeds} seeds of {MONTHS} months each, in {seconds:.0f} s:",
        "",
        "| series | series-months of calm | warnings per 100 of them | hit by the wave | detected | within 2 months | within 3 months | median delay |",
        "| --- | --: | --: | --: | --: | --: | --: | --: |",
    ]
    for name, rates in found.items():
        lines.append(
            f"| {name} | {rates.series_months:,} | {rates.per_hundred:.2f} | {len(rates.delays) + rates.missed} "
            f"| {rates.detected:.0%} | {rates.within(2):.0%} | {rates.within(3):.0%} | {rates.median_delay} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--share", type=float, default=0.25, help="of the demonstration's loans")
    chosen = parser.parse_args()
    begun = time.perf_counter()
    found = measure(range(1, chosen.seeds + 1), chosen.share)
    text = table(found, chosen.seeds, time.perf_counter() - begun)
    print(text)
    before, _begin, rest = DOCUMENT.read_text().partition(BEGIN)
    _old, _end, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


if __name__ == "__main__":
    import django

    django.setup()
    main()
