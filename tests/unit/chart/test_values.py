from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from roomkeeper import __version__
from roomkeeper.api.common import VERSION
from roomkeeper.api.generate import KINDS
from roomkeeper.chart.generate import CHART
from roomkeeper.chart.readme import with_values
from roomkeeper.chart.values import Value, ValuesError, documented
from roomkeeper.domain import shards
from roomkeeper.engine.settings import LOG_FORMATS, LOG_LEVELS, SHORTEST_LEASE_SECONDS

TEXT = """\
# Of no use to anybody.

# === First ===

# -- How many. And
# more of it.
replicas: 2
image:
  # -- The image.
  repository: example.com/image   # not this
# -- All of it.
resources:
  # nor this
  limits: {cpu: 1}
"""


def schema() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
    return loaded


def test_a_value_has_the_comment_above_it() -> None:
    assert documented(TEXT) == [
        Value("First", "replicas", 2, "How many. And more of it."),
        Value("First", "image.repository", "example.com/image", "The image."),
        Value("First", "resources", {"limits": {"cpu": 1}}, "All of it."),
    ]


def test_a_value_that_nothing_describes_is_refused() -> None:
    with pytest.raises(ValuesError, match=r"nothing describes image\.tag$"):
        documented(f"{TEXT}image:\n  # -- The image.\n  repository: x\n  tag: y\n")


def test_the_readme_keeps_what_is_around_the_values() -> None:
    readme = with_values(
        "before\n<!-- Values: generated from values.yaml by `make generate` -->\nold\n<!-- End of values -->\nafter\n",
        [Value("First", "logFormat", "json", "json | plain")],
    )
    assert readme.startswith("before\n<!-- Values")
    assert '| `logFormat` | `"json"` | json \\| plain |' in readme
    assert "old" not in readme
    assert readme.endswith("<!-- End of values -->\nafter\n")


def test_a_readme_without_a_place_for_the_values_is_refused() -> None:
    with pytest.raises(ValueError, match="has no lines"):
        with_values("before", [])


def test_the_schema_knows_every_value_and_no_other() -> None:
    described = {value.path for value in documented((CHART / "values.yaml").read_text())}
    assert schema_paths(schema()) - {"global"} == described


def schema_paths(node: dict[str, Any], prefix: str = "") -> set[str]:
    """Return what may be set: the leaves of the objects that take nothing else."""
    if node.get("additionalProperties") is not False:
        return {prefix}
    return {
        path
        for key, child in node["properties"].items()
        for path in schema_paths(child, f"{prefix}.{key}" if prefix else key)
    }


def test_what_the_schema_lets_through_the_operator_takes() -> None:
    values = schema()["properties"]
    assert set(values["logLevel"]["enum"]) == set(LOG_LEVELS)
    assert set(values["logFormat"]["enum"]) == set(LOG_FORMATS)
    assert values["leaderElection"]["properties"]["leaseSeconds"]["minimum"] == SHORTEST_LEASE_SECONDS
    assert values["shard"]["properties"]["name"]["maxLength"] == shards.MAX_NAME


def test_the_versions_of_the_chart_are_those_of_the_project() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    spelled_for_helm = re.sub(r"\.(dev|rc)", r"-\1", __version__)
    assert chart["version"] == chart["appVersion"] == spelled_for_helm


def test_the_chart_names_every_kind() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    told = {
        (crd["kind"], crd["version"], crd["name"])
        for crd in yaml.safe_load(chart["annotations"]["artifacthub.io/crds"])
    }
    assert told == {(kind.kind, VERSION, f"{kind.plural}.roomkeeper.dev") for kind in KINDS}
