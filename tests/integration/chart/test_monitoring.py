"""What Helm makes of the alert rules and the dashboard: the same."""

from __future__ import annotations

import json
import subprocess

import pytest
import yaml

from roomkeeper.chart.generate import CHART, ROOT
from roomkeeper.localstack.find import find
from roomkeeper.localstack.parts import PROGRAMS

pytestmark = pytest.mark.stack


def test_the_chart_brings_the_rules_and_the_dashboard_as_they_are() -> None:
    enabled = "prometheusRule.enabled=true,dashboard.enabled=true"
    command = [str(find(PROGRAMS["helm"])), "template", "roomkeeper", str(CHART), "--set", enabled]
    rendered = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    made = {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(rendered) if one}
    rules = yaml.safe_load((ROOT / "monitoring" / "rules.yaml").read_text())
    assert made["PrometheusRule", "roomkeeper"]["spec"] == rules
    shown = made["ConfigMap", "roomkeeper-dashboard"]["data"]["roomkeeper.json"]
    assert json.loads(shown) == json.loads((ROOT / "monitoring" / "dashboard.json").read_text())
