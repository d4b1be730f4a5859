"""What is shipped for Prometheus and Grafana names metrics and labels that there are."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from roomkeeper import monitoring
from tests.unit.monitoring import queries
from tests.unit.monitoring.documented import SERIES, metrics

QUERIES = [*queries.of_rules(), *queries.of_dashboard(), *queries.of_pages()]
OF_TARGETS = {"cluster", "namespace", "job", "instance"}
"""Labels that Prometheus gives whatever it scrapes."""


def named(query: str) -> set[str]:
    return set(re.findall(r"\b(?:roomkeeper|process|python)_\w+", query))


def grouped(query: str) -> set[str]:
    return {
        label
        for labels in re.findall(r"\b(?:by|on) \(([^)]*)\)", query)
        for label in re.findall(r"\w+", labels)
    }


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_names_metrics_that_exist(query: str) -> None:
    assert named(query) - SERIES.keys() == set()
    assert named(query) or query.startswith("up{")


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_groups_by_labels_that_exist(query: str) -> None:
    known = OF_TARGETS.union(*(SERIES[name] for name in named(query)))
    assert grouped(query) - known == set()


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_selects_by_labels_that_exist(query: str) -> None:
    for name, matchers in re.findall(r"\b(\w+)\{([^}]*)\}", query):
        labels = set(re.findall(r"(\w+)(?:=|!)", re.sub(r'"[^"]*"', '""', matchers)))
        assert labels - OF_TARGETS - SERIES.get(name, frozenset()) == set()


def test_the_rules_are_tried_with_series_that_exist() -> None:
    tests = yaml.safe_load((monitoring.MONITORING / "rules_test.yaml").read_text(encoding="utf-8"))["tests"]
    tried = {series["series"] for test in tests for series in test["input_series"]}
    assert tried
    for series in tried:
        name, labels = series.rstrip("}").split("{")
        assert {label.split("=")[0].strip() for label in labels.split(", ")} <= SERIES[name] | OF_TARGETS


@pytest.mark.parametrize("target", queries.TARGETS, ids=lambda target: str(target["expr"]))
def test_a_legend_shows_labels_that_its_query_leaves(target: dict[str, Any]) -> None:
    assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= grouped(target["expr"])


def test_every_metric_of_ours_is_on_the_dashboard() -> None:
    shown = {name for query in queries.of_dashboard() for name in named(query)}
    ours = [metric for metric in metrics() if metric.name.startswith("roomkeeper_")]
    assert [metric.name for metric in ours if shown.isdisjoint(metric.series)] == []
