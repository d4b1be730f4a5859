"""The alert rules, as Prometheus' own promtool reads and tries them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from roomkeeper import monitoring
from tests.integration.monitoring.promtool import run

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.stack


def test_the_rules_are_well_formed(promtool: Path) -> None:
    alerts = [
        rule for group in yaml.safe_load(monitoring.RULES.read_text())["groups"] for rule in group["rules"]
    ]
    said = run(promtool, "check", "rules", "--lint=all", "--lint-fatal", monitoring.RULES)
    assert f"SUCCESS: {len(alerts)} rules found" in said


def test_each_alert_fires_when_it_should_and_only_then(promtool: Path) -> None:
    assert "SUCCESS" in run(promtool, "test", "rules", monitoring.MONITORING / "rules_test.yaml")
