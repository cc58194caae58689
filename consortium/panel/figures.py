"""How long a load took and what it cost, as the table that is kept in docs/performance.md."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from consortium.processes.usage import Usage, usage


class Meter:
    """What processes have cost since it was made, by name; `look` often, for a process that ended tells nothing."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids: dict[str, list[int]] = {name: [pid] for name, pid in pids.items()}
        self._before = {name: usage(each).cpu_seconds for name, each in self._pids.items()}
        self._last: dict[str, Usage] = {}

    def add(self, name: str, pids: list[int]) -> None:
        """Processes that have just started."""
        self._pids[name], self._before[name] = pids, 0.0

    def look(self) -> None:
        for name, pids in self._pids.items():
            now = usage(pids)
            if now.processes:
                self._last[name] = now

    def taken(self) -> dict[str, Usage]:
        self.look()
        return {
            name: Usage(last.peak_mib, max(0.0, last.cpu_seconds - self._before[name]), last.processes)
            for name, last in self._last.items()
        }


@dataclass(frozen=True)
class Figures:
    """Seconds of the steps, counts, and what each kind of process cost while it received and while it computed."""

    institutions: int
    sealed_bytes: int
    receiving_seconds: float  # from the first package until the last one was accepted
    computing_seconds: float
    publishing_seconds: float
    cells: int
    withheld: int
    receiving: Mapping[str, Usage]  # processor time of this step alone
    computing: Mapping[str, Usage]

    @property
    def rate(self) -> float:
        """Submissions a second: sealed, sent, received, opened, checked and accepted."""
        return self.institutions / self.receiving_seconds

    def table(self) -> str:
        """Markdown."""
        cores = os.cpu_count() or 1
        rows = [
            ("institutions, each with its own key and API client", f"{self.institutions:,}"),
            ("sealed packages, mean size", f"{self.sealed_bytes / self.institutions / 1000:.1f} kB"),
            (
                "accepted through HTTP, end to end",
                f"**{self.rate:.1f} submissions/s** ({self.receiving_seconds:.1f} s)",
            ),
            ("release computed, protected and audited", f"**{self.computing_seconds:.1f} s**"),
            ("approved twice and published", f"{self.publishing_seconds:.1f} s"),
            ("cells of the release, of which withheld", f"{self.cells:,}, {self.withheld:,}"),
            ("cores", str(cores)),
        ]
        steps = "\n".join(f"| {what} | {value} |" for what, value in rows)
        costs = "\n".join(self._cost(name) for name in self.receiving)
        return (
            f"| step | figure |\n| --- | --- |\n{steps}\n\n"
            "| process | peak memory of one, MiB | CPU s while receiving | ms a submission | CPU s while computing |\n"
            f"| --- | ---: | ---: | ---: | ---: |\n{costs}\n\n{self.bound(cores)}\n"
        )

    def bound(self, cores: int) -> str:
        """What a faster machine would have to have more of."""
        spent = {name: usage.cpu_seconds for name, usage in self.receiving.items()}
        busy = sum(spent.values()) / (cores * self.receiving_seconds)
        dearest = max(spent, key=lambda name: spent[name])
        share = spent[dearest] / max(sum(spent.values()), 1e-9)
        return (
            f"Bound by the processor: all processes together use {busy:.0%} of {cores} cores while receiving, "
            f"and {dearest} uses {share:.0%} of that."
            if busy > 0.8
            else f"Bound by waiting, not by the processor, which is {busy:.0%} busy; {dearest} uses {share:.0%} of that."
        )

    def _cost(self, name: str) -> str:
        receiving, computing = self.receiving[name], self.computing.get(name)
        peak = max(receiving.peak_mib, computing.peak_mib if computing else 0)
        later = f"{computing.cpu_seconds:.1f}" if computing else ""
        each = 1000 * receiving.cpu_seconds / self.institutions
        return f"| {name} ({receiving.processes}) | {peak:.0f} | {receiving.cpu_seconds:.1f} | {each:.1f} | {later} |"
