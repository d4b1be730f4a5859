"""The chart's own suites, run by helm-unittest, and what they have to hold."""

from __future__ import annotations

import shutil
import subprocess
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from roomkeeper.chart.generate import CHART
from roomkeeper.chart.values import documented
from roomkeeper.localstack.find import find
from roomkeeper.localstack.parts import PROGRAMS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.stack

SUITES = sorted((CHART / "tests").glob("*_test.yaml"))


def run(chart: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [str(find(PROGRAMS["helm-unittest"])), "--strict", *options, str(chart)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def snapshots(chart: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in (chart / "tests" / "__snapshot__").iterdir()}


def of_a_value(job: dict[str, Any]) -> str:
    """Return the value that a test is about: what stands before the colon of its name, as "replicas: …"."""
    name, colon, _ = str(job["it"]).partition(": ")
    return name if colon else ""


def test_the_suites_pass_and_agree_with_the_committed_snapshots(tmp_path: Path) -> None:
    chart = tmp_path / "roomkeeper"
    shutil.copytree(CHART, chart)  # it would add snapshots that are missing
    outcome = run(chart)
    assert outcome.returncode == 0, outcome.stdout
    assert snapshots(chart) == snapshots(CHART)


def test_every_value_has_a_test_that_sets_it_and_fails_without(tmp_path: Path) -> None:
    chart = tmp_path / "roomkeeper"
    shutil.copytree(CHART, chart)
    shutil.rmtree(chart / "tests")
    (chart / "tests").mkdir()
    values = {value.path for value in documented((CHART / "values.yaml").read_text())}
    tested, expected = set(), set()
    for path in SUITES:
        suite = yaml.safe_load(path.read_text())
        jobs = [job for job in suite["tests"] if of_a_value(job)]
        for job in jobs:
            value = of_a_value(job)
            job["set"] = without(job["set"], value)
            tested.add(value)
            expected.add(job["it"])
        if jobs:
            (chart / "tests" / path.name).write_text(yaml.safe_dump({**suite, "tests": jobs}))
    assert tested == values
    report = tmp_path / "report.xml"
    run(chart, "--output-type", "JUnit", "--output-file", str(report))
    failed = {case.attrib["name"] for case in ET.parse(report).iter("testcase") if len(case)}
    assert failed == expected


def without(given: dict[str, Any], value: str) -> dict[str, Any]:
    """Take a value out of what a test sets, however deep it is spelled out."""
    left: dict[str, Any] = {}
    for key, setting in given.items():
        if key == value or key.startswith(f"{value}."):
            continue
        inner = value.removeprefix(f"{key}.")
        left[key] = without(setting, inner) if inner != value else setting
    assert left != given, f"the test of {value} does not set it"
    return left
