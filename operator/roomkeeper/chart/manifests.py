"""Writes deploy/operator.yaml: what the chart makes without any value, for those who do without Helm."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import yaml

from roomkeeper.api.generated import write_or_check
from roomkeeper.chart.generate import CHART, ROOT
from roomkeeper.localstack.find import find
from roomkeeper.localstack.parts import PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

OPERATOR: Final = ROOT / "deploy" / "operator.yaml"
NAME: Final = "roomkeeper"
"""Of the release and of its namespace."""

_HEADER: Final = "# Generated from the chart by `python -m roomkeeper.chart.manifests`: change that.\n"
_HELMS_LABELS: Final = ("helm.sh/chart", "app.kubernetes.io/managed-by")


def operator_manifests() -> str:
    """Render the operator without its CustomResourceDefinitions, which are in crds/."""
    helm = [str(find(PROGRAMS["helm"])), "template", NAME, str(CHART), f"--namespace={NAME}"]
    rendered = subprocess.run(  # noqa: S603 - the program that was found
        [*helm, "--set=crds.enabled=false"], check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAME}}
    documents = [namespace, *map(_without_helm, _objects(rendered))]
    return _HEADER + yaml.safe_dump_all(documents, sort_keys=False, width=120)


def _objects(rendered: str) -> Iterator[dict[str, Any]]:
    return (document for document in yaml.safe_load_all(rendered) if document)


def _without_helm(document: dict[str, Any]) -> dict[str, Any]:
    """Take away what says that Helm looks after an object, and after the pods of a Deployment."""
    for described in (document, document.get("spec", {}).get("template", {})):
        for label in _HELMS_LABELS:
            described.get("metadata", {}).get("labels", {}).pop(label, None)
    return document


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file, or with `--check` exit with 1 and a diff if it is out of date."""
    files = {OPERATOR: operator_manifests()}
    return write_or_check(files, __doc__, "python -m roomkeeper.chart.manifests", arguments)


if __name__ == "__main__":
    sys.exit(main())
