"""The PromQL that is shipped: of the rules, the dashboard and the runbooks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from roomkeeper import monitoring
from tests.unit.docs.pages import blocks

RUNBOOKS = (Path(__file__).parents[3] / "docs" / "runbooks.md").read_text(encoding="utf-8")
DASHBOARD = json.loads((monitoring.MONITORING / "dashboard.json").read_text(encoding="utf-8"))
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
TARGETS = [target for panel in PANELS for target in panel.get("targets", ())]

# What Grafana puts in.
VARIABLES = {'"$job"': '".+"', "$__rate_interval": "5m"}


def filled(query: str) -> str:
    for variable, value in VARIABLES.items():
        query = query.replace(variable, value)
    return query


def of_rules() -> list[str]:
    groups = yaml.safe_load(monitoring.RULES.read_text(encoding="utf-8"))["groups"]
    return [rule["expr"] for group in groups for rule in group["rules"]]


def of_dashboard() -> list[str]:
    return [filled(target["expr"]) for target in TARGETS]


def of_pages() -> list[str]:
    return [block.text for block in blocks("promql")]
