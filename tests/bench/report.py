"""The figures of a run, beside what is demanded of them, as Markdown."""

from __future__ import annotations

import os
import platform
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.measure import percentile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

BEGIN, END = "<!-- results of make bench -->", "<!-- end of the results -->"


@dataclass(frozen=True, slots=True)
class Bulk:
    """Something that was done to every Room: by the operator, or by the floor."""

    what: str
    rooms: int
    seconds: float
    cpu_seconds: float  # of the operator or the floor
    writes: Mapping[tuple[str, str], int] = field(default_factory=Counter)
    peak_mib: float | None = None
    settled_mib: float | None = None
    parts: Mapping[str, float] = field(default_factory=dict)  # CPU seconds of everything else
    floor: Bulk | None = None
    limit_seconds: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times as long as the floor it took."""
        return self.seconds / self.floor.seconds if self.floor else None


@dataclass(frozen=True, slots=True)
class Latency:
    """How long something took, again and again."""

    what: str
    seconds: Sequence[float]
    limit_seconds: float | None = None  # at p99


@dataclass(frozen=True, slots=True)
class Idle:
    """A while in which nothing happened."""

    seconds: float
    cpu_seconds: float
    resident_mib: float
    writes: Mapping[tuple[str, str], int]


@dataclass(slots=True)
class Results:
    """All figures for one number of Rooms."""

    rooms: int
    bulks: list[Bulk] = field(default_factory=list)
    latencies: list[Latency] = field(default_factory=list)
    idle: Idle | None = None

    def bulk(self, what: str) -> Bulk | None:
        """Return the figures of one step, if it was taken."""
        return next((bulk for bulk in self.bulks if bulk.what == what), None)


def markdown(runs: Sequence[Results]) -> str:
    """Return everything as Markdown, the largest run first."""
    blocks = [_machine()]
    for run in sorted(runs, key=lambda run: -run.rooms):
        blocks += [f"### {_number(run.rooms)} Rooms, two roles each", *_tables(run)]
    if len(runs) > 1:
        blocks += ["### How the cost grows", _growth(runs)]
    return "\n\n".join(blocks) + "\n"


def write_into(path: Path, text: str) -> None:
    """Replace what stands between the two marks in a document."""
    document = path.read_text()
    between = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    if not between.search(document):
        raise ValueError(f"{path} has no marks {BEGIN} and {END}")
    path.write_text(between.sub(lambda _: f"{BEGIN}\n\n{text}\n{END}", document))


def _machine() -> str:
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    kib = int(Path("/proc/meminfo").read_text().split()[1])
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d} on {os.cpu_count()} cores ({cpu}), {kib / 2**20:.0f} GiB, "
        f"Linux {platform.release()}, Python {platform.python_version()}; the API server, etcd, LiveKit, Redis, the "
        "garbage collector and the client that declares the Rooms share these cores with the operator."
    )


def _tables(run: Results) -> Iterable[str]:
    if run.bulks:
        yield _bulk_table(run)
    if run.latencies or run.idle:
        yield _other_table(run)
    created = run.bulk("create")
    if created:
        yield _parts_table(created)


def _bulk_table(run: Results) -> str:
    rows = []
    for bulk in run.bulks:
        ratio = bulk.ratio
        rows.append(
            [
                bulk.what,
                _judged(f"{bulk.seconds:.1f}", bulk.seconds, bulk.limit_seconds),
                f"{bulk.rooms / bulk.seconds:.0f}",
                ""
                if ratio is None
                else _judged(f"{ratio:.2f}", ratio, 1.5 if bulk.what == "create" else None),
                _judged(
                    f"{1000 * bulk.cpu_seconds / bulk.rooms:.2f}",
                    1000 * bulk.cpu_seconds / bulk.rooms,
                    5.0 if bulk.what == "create" else None,
                ),
                "" if bulk.peak_mib is None else _judged(f"{bulk.peak_mib:.0f}", bulk.peak_mib, 260),
                "" if bulk.settled_mib is None else _judged(f"{bulk.settled_mib:.0f}", bulk.settled_mib, 200),
                _writes(bulk),
            ]
        )
    head = ["step", "s", "Rooms/s", "x floor", "CPU ms/Room", "peak MiB", "settled MiB", "writes"]
    return _table(head, rows)


def _other_table(run: Results) -> str:
    rows = [
        [
            latency.what,
            str(len(latency.seconds)),
            f"{1000 * percentile(latency.seconds, 50):.0f} ms",
            _judged(
                f"{1000 * percentile(latency.seconds, 99):.0f} ms",
                percentile(latency.seconds, 99),
                latency.limit_seconds,
            ),
        ]
        for latency in run.latencies
    ]
    blocks = [_table(["time until", "times", "p50", "p99"], rows)] if rows else []
    if run.idle:
        idle = run.idle
        share = 100 * idle.cpu_seconds / idle.seconds
        written = sum(idle.writes.values())
        blocks.append(
            f"{idle.seconds:.0f} s idle: {_judged(f'{written} writes', written, 0)}, "
            f"{_judged(f'{share:.2f} % of a core', share, 1.0)}, {idle.resident_mib:.0f} MiB resident."
        )
    return "\n\n".join(blocks)


def _parts_table(created: Bulk) -> str:
    rows = []
    names = ["operator", *created.parts]
    floor = created.floor
    for name in names:
        used = created.cpu_seconds if name == "operator" else created.parts[name]
        below = None
        if floor:
            below = floor.cpu_seconds if name == "operator" else floor.parts.get(name)
        rows.append(
            [
                name.replace("_", " "),
                f"{1000 * used / created.rooms:.2f}",
                "" if below is None else f"{1000 * below / created.rooms:.2f}",
            ]
        )
    return "CPU milliseconds per Room while they are created:\n\n" + _table(
        ["process", "operator", "floor"], rows
    )


def _growth(runs: Sequence[Results]) -> str:
    rows = []
    for run in sorted(runs, key=lambda run: run.rooms):
        created, restarted = run.bulk("create"), run.bulk("restart")
        idle = run.idle
        rows.append(
            [
                _number(run.rooms),
                f"{created.seconds:.1f}" if created else "",
                f"{1000 * created.cpu_seconds / run.rooms:.2f}" if created else "",
                f"{created.ratio:.2f}" if created and created.ratio else "",
                f"{created.settled_mib:.0f}" if created and created.settled_mib else "",
                f"{restarted.seconds:.1f}" if restarted else "",
                f"{100 * idle.cpu_seconds / idle.seconds:.2f}" if idle else "",
            ]
        )
    head = ["Rooms", "create s", "CPU ms/Room", "x floor", "settled MiB", "restart s", "idle % of a core"]
    return _table(head, rows)


def _writes(bulk: Bulk) -> str:
    if not bulk.writes:
        return "none"
    each = [
        f"{verb} {resource} {count / bulk.rooms:g}" for (verb, resource), count in sorted(bulk.writes.items())
    ]
    return ", ".join(each)


def _judged(shown: str, value: float, limit: float | None) -> str:
    """Return the figure, and what was demanded where it is missed."""
    return shown if limit is None or value <= limit else f"**{shown}** (demanded: {limit:g})"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _number(value: int) -> str:
    return f"{value:,}".replace(",", " ")
