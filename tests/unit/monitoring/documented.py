"""The metrics as docs/metrics.md has them, which a test holds against the registry."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs" / "metrics.md"


@dataclass(frozen=True)
class Metric:
    """One row of the tables."""

    name: str
    kind: str
    labels: frozenset[str]

    @property
    def series(self) -> dict[str, frozenset[str]]:
        """The names under which Prometheus has it, with their labels."""
        if self.kind != "histogram":
            return {self.name: self.labels}
        bucket = {f"{self.name}_bucket": self.labels | {"le"}}
        return bucket | dict.fromkeys((f"{self.name}_sum", f"{self.name}_count"), self.labels)


def metrics() -> list[Metric]:
    rows = [
        line.split("|")[1:-1]
        for line in DOCS.read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    ]
    return [
        Metric(name.strip(" `"), kind.strip(), frozenset(re.findall(r"\w+", labels)))
        for name, kind, labels, _unit, _meaning in rows
    ]


SERIES = {name: labels for metric in metrics() for name, labels in metric.series.items()}
