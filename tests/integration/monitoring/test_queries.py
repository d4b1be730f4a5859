"""Every query of the dashboard and of the runbooks finds something where there is one series of each kind."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from roomkeeper.engine.levels import READY
from tests.integration.monitoring.promtool import run
from tests.unit.monitoring import queries
from tests.unit.monitoring.documented import Metric, metrics

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.stack

TARGET = {"job": "roomkeeper", "namespace": "roomkeeper", "instance": "10.0.0.1:8080"}
VALUES = {"ready": READY, "le": ("1", "+Inf")}
"""Labels whose values a query asks for, or that have to be of a kind."""
MINUTES = 120


def series(metric: Metric) -> Iterator[dict[str, str]]:
    """Yield the series of a metric: gauges stand at 1, everything else grows."""
    values = f"1x{MINUTES}" if metric.kind == "gauge" else f"0+1x{MINUTES}"
    for name, labels in metric.series.items():
        for found in product(*(VALUES.get(label, ("x",)) for label in sorted(labels))):
            labelled = TARGET | dict(zip(sorted(labels), found, strict=True))
            shown = ", ".join(f'{label}="{value}"' for label, value in labelled.items())
            yield {"series": f"{name}{{{shown}}}", "values": values}


def expectation(query: str) -> dict[str, Any]:
    return {
        "expr": f"vector(1) and on () ({query.strip()})",
        "eval_time": f"{MINUTES}m",
        "exp_samples": [{"labels": "{}", "value": 1}],
    }


def test_every_query_finds_what_it_is_for(promtool: Path, tmp_path: Path) -> None:
    shipped = [*queries.of_dashboard(), *queries.of_pages()]
    up = {"series": 'up{namespace="roomkeeper"}', "values": f"1x{MINUTES}"}
    test = {
        "interval": "1m",
        "input_series": [up, *(one for metric in metrics() for one in series(metric))],
        "promql_expr_test": [expectation(query) for query in shipped],
    }
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"evaluation_interval": "1m", "tests": [test]}), encoding="utf-8")
    assert "SUCCESS" in run(promtool, "test", "rules", file)
    assert len(shipped) > 50
