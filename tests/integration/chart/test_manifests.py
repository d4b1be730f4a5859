"""What those have who do without Helm: deploy/operator.yaml, and the kustomization of the whole."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
import yaml

from roomkeeper.api.generate import KINDS
from roomkeeper.chart import manifests
from roomkeeper.chart.generate import CHART, ROOT
from roomkeeper.localstack.find import find
from roomkeeper.localstack.parts import PROGRAMS

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def objects() -> list[dict[str, Any]]:
    kustomize = [str(find(PROGRAMS["kubectl"])), "kustomize", str(ROOT)]
    built = subprocess.run(kustomize, check=True, capture_output=True, text=True).stdout
    return list(yaml.safe_load_all(built))


def test_helm_finds_nothing_to_improve() -> None:
    lint = [str(find(PROGRAMS["helm"])), "lint", "--strict", "--quiet", str(CHART)]
    assert subprocess.run(lint, check=True, capture_output=True, text=True).stdout == ""


def test_what_is_committed_is_what_the_chart_makes(capsys: pytest.CaptureFixture[str]) -> None:
    status = manifests.main(["--check"])
    assert status == 0, capsys.readouterr().out


def test_the_kustomization_has_every_custom_resource(objects: list[dict[str, Any]]) -> None:
    crds = {one["spec"]["names"]["kind"] for one in objects if one["kind"] == "CustomResourceDefinition"}
    assert crds == {kind.kind for kind in KINDS}


def test_nothing_says_that_helm_looks_after_it(objects: list[dict[str, Any]]) -> None:
    assert "Helm" not in yaml.safe_dump(objects)
    assert "helm.sh" not in yaml.safe_dump(objects)


def test_everything_is_in_a_namespace_that_comes_with_it(objects: list[dict[str, Any]]) -> None:
    assert {one["metadata"].get("namespace", "roomkeeper") for one in objects} == {"roomkeeper"}
    assert ("Namespace", "roomkeeper") in {(one["kind"], one["metadata"]["name"]) for one in objects}
