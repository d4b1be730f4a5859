"""What people meet in an alert: it is tested, it says what to do, and both ways to install it are the same."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from roomkeeper import monitoring
from roomkeeper.domain.reasons import Reason
from tests.unit.monitoring.queries import RUNBOOKS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", RUNBOOKS, re.MULTILINE | re.DOTALL))
PARTS = ["It means:", "What people notice:", "Look:", "Do:", "Escalate"]


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


ALERTS = [rule for group in read(monitoring.RULES)["groups"] for rule in group["rules"]]
NAMES = [alert["alert"] for alert in ALERTS]


def expectations() -> Iterator[tuple[str, bool]]:
    """Yield the alerts that the tests of the rules expect to fire, or not to."""
    for test in read(monitoring.MONITORING / "rules_test.yaml")["tests"]:
        for expected in test.get("alert_rule_test", ()):
            yield expected["alertname"], bool(expected.get("exp_alerts"))


def test_the_committed_manifest_has_the_rules(capsys: pytest.CaptureFixture[str]) -> None:
    assert (monitoring.main(["--check"]), capsys.readouterr().out) == (0, "")
    manifest = read(monitoring.MONITORING / "prometheusrule.yaml")
    assert (manifest["apiVersion"], manifest["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    assert manifest["spec"] == read(monitoring.RULES)


def test_a_manifest_that_is_not_of_these_rules_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(monitoring, "MONITORING", tmp_path)
    assert monitoring.main([]) == 0
    manifest = tmp_path / "prometheusrule.yaml"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace("for: 10m", "for: 1m"), encoding="utf-8")
    assert monitoring.main(["--check"]) == 1
    assert "-      for: 1m\n+      for: 10m\n" in capsys.readouterr().out


def test_no_two_alerts_have_one_name() -> None:
    assert sorted(NAMES) == sorted(set(NAMES))


@pytest.mark.parametrize("alert", ALERTS, ids=NAMES)
def test_an_alert_says_how_bad_it_is_and_what_to_do(alert: dict[str, Any]) -> None:
    assert alert["labels"].keys() == {"severity"}
    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert alert["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert alert["annotations"]["runbook_url"] == f"docs/runbooks.md#{alert['alert'].lower()}"
    assert alert["annotations"]["summary"].endswith(".")


@pytest.mark.parametrize("fires", [True, False])
def test_every_alert_is_seen_to_fire_and_not_to(fires: bool) -> None:  # noqa: FBT001 - a table
    seen = {name for name, expected in expectations() if expected is fires}
    assert seen == set(NAMES)


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    assert list(SECTIONS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_runbook_has_all_its_parts(name: str) -> None:
    assert re.findall(rf"^\*\*({'|'.join(PARTS)})\*\*", SECTIONS[name], re.MULTILINE) == PARTS


def test_links_of_the_runbooks_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)", RUNBOOKS)
    assert links
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []


def test_what_a_runbook_calls_a_reason_is_one() -> None:
    known = {str(reason) for reason in Reason}
    other = {"OOMKilled", *NAMES, "TokensIssued"}
    codes = set(chain.from_iterable(re.findall(r"`([A-Z][A-Za-z]+)`", text) for text in SECTIONS.values()))
    assert codes - other <= known
