"""What processes cost, read from Linux's `/proc`: peak memory and processor time of a process and all it started.

Elsewhere every figure is zero, and a table says so by leaving it out.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True)
class Usage:
    """`peak_mib` is the resident peak of the largest process, `processes` how many there are."""

    peak_mib: float
    cpu_seconds: float
    processes: int


def usage(pids: Iterable[int]) -> Usage:
    """The cost so far of these processes and their descendants."""
    everybody = _parents()
    family = set(pids)
    for _generation in range(4):  # a worker's child's child is as deep as it goes
        family |= {pid for pid, parent in everybody.items() if parent in family}
    alive = family & everybody.keys()
    peaks = [_peak_kib(pid) for pid in alive]
    return Usage(max(peaks, default=0) / 1024, sum(map(_cpu_seconds, alive)), len(alive))


def _parents() -> dict[int, int]:
    return {pid: int(fields[1]) for pid in _pids() if (fields := _stat(pid))}


def _pids() -> Iterator[int]:
    if _PROC.is_dir():
        yield from (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())


def _stat(pid: int) -> list[str]:
    """The fields after the program's name: state, parent, ...; empty when the process is gone."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _cpu_seconds(pid: int) -> float:
    """Its own time and that of its children that have ended."""
    fields = _stat(pid)
    return sum(int(ticks) for ticks in fields[11:15]) / _TICKS if fields else 0.0


def _peak_kib(pid: int) -> int:
    try:
        lines = (_PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)
