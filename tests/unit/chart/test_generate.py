from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import yaml

from roomkeeper.chart import generate
from roomkeeper.chart.templates import crd_template, rules_template

if TYPE_CHECKING:
    from pathlib import Path

CRD = """\
# Generated: change those.
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: rooms.roomkeeper.dev
spec:
  description: 'the time is {{time}}'
  maximum: 2147483647
"""
ROLE = """\
kind: ClusterRole
metadata: {{name: {name}}}
rules: [{{apiGroups: [""], resources: [secrets], verbs: [get]}}] # why
"""


def test_the_committed_files_are_what_is_generated(capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main(["--check"]) == 0
    assert capsys.readouterr().out == ""


def test_a_file_that_is_out_of_date_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stale = tmp_path / "crd.yaml"
    stale.write_text("old\n")
    monkeypatch.setattr(
        generate, "files", lambda: {stale: "new\n", tmp_path / "other" / "README.md": "text\n"}
    )
    assert generate.main(["--check"]) == 1
    assert "-old\n+new\n" in capsys.readouterr().out
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0


def test_every_crd_has_a_template() -> None:
    crds = {path.name for path in (generate.ROOT / "crds").iterdir()}
    templates = {path.name for path in (generate.CHART / "templates").glob("crd-*")}
    assert templates == {f"crd-{name}" for name in crds}


def test_a_crd_keeps_its_text() -> None:
    template = crd_template(CRD, "crds/rooms.yaml")
    assert """description: 'the time is {{ "{{" }}time}}'""" in template
    assert "maximum: 2147483647\n" in template
    assert template.startswith("{{- /* Generated from crds/rooms.yaml by `make generate`. */}}\n")
    assert "# Generated" not in template


def test_a_crd_with_more_metadata_is_refused() -> None:
    with pytest.raises(ValueError, match=r"crds/rooms\.yaml: expected metadata with a name"):
        crd_template(CRD.replace("metadata:\n", "metadata:\n  labels: {}\n"), "crds/rooms.yaml")


def test_the_rules_are_those_of_the_local_stack() -> None:
    names = (
        "local-roomkeeper",
        "local-roomkeeper-cluster",
        "local-roomkeeper-lease",
        "local-roomkeeper-tokens",
    )
    template = rules_template("---\n".join(ROLE.format(name=name) for name in names), "rbac.yaml")
    defined = re.findall(r'define "roomkeeper\.rules\.(\w+)" -}}\n(.+?){{- end }}', template, re.DOTALL)
    assert [name for name, _ in defined] == ["namespace", "cluster", "lease", "tokens"]
    for _, rules in defined:
        assert yaml.safe_load(rules) == [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]


def test_a_role_that_the_chart_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match=r"rbac\.yaml: expected the ClusterRoles"):
        rules_template(ROLE.format(name="local-roomkeeper-more"), "rbac.yaml")
