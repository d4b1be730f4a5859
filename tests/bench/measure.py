"""What a process costs, read from /proc, and where a value lies among others."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from roomkeeper.localstack import LocalStack

_TICKS = os.sysconf("SC_CLK_TCK")
_KIB_PER_MIB = 1024
_PARTS = ("apiserver", "etcd", "controller_manager", "livekit", "redis")


@dataclass(frozen=True, slots=True)
class Process:
    """One process, by its id."""

    pid: int

    def cpu_seconds(self) -> float:
        """Return user and system time since it started, of all its threads."""
        # The name, in brackets, may hold blanks; utime and stime are the 14th and 15th field (proc(5)).
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def resident_mib(self) -> float:
        """Return what is in memory now."""
        return self._status("VmRSS")

    def peak_mib(self) -> float:
        """Return the most that was in memory since it started; the kernel counts it."""
        return self._status("VmHWM")

    def _status(self, name: str) -> float:
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(name)) / _KIB_PER_MIB


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU seconds by part of the stack at one moment, or between two."""

    by_part: Mapping[str, float]

    @classmethod
    def of(cls, stack: LocalStack) -> Self:
        """Read what every part has used so far."""
        return cls({name: Process(getattr(stack, name).pid).cpu_seconds() for name in _PARTS})

    def since(self, before: Cpu) -> Cpu:
        """Return what was used from then until now."""
        return Cpu({name: used - before.by_part[name] for name, used in self.by_part.items()})


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest of the values that so many percent of them do not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)  # rounded up
    return ordered[max(int(rank), 1) - 1]
