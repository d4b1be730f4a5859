"""What the chart and the kustomization make is what an API server takes, to the last field."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
import yaml

from roomkeeper.chart.generate import CHART, ROOT
from roomkeeper.chart.manifests import NAME
from tests.e2e.chart.helm import NAMESPACE, RELEASE
from tests.e2e.studio import ROOM
from tests.e2e.support import RESYNC_SECONDS, eventually
from tests.e2e.tenancy import ROLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from roomkeeper.localstack import LocalStack
    from tests.e2e.chart.helm import Helm, Pod, Release
    from tests.e2e.studio import Studio

FOREIGN = ROOT / "tests" / "e2e" / "chart" / "crds"
RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"


@pytest.fixture
def foreign_kinds(stack: LocalStack) -> Iterator[None]:
    """The kinds of others that the chart can make objects of."""
    stack.kubectl("apply", "--server-side", "-f", str(FOREIGN))
    stack.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(FOREIGN))
    yield
    stack.kubectl("delete", "-f", str(FOREIGN))


@pytest.mark.usefixtures("foreign_kinds")
def test_the_api_server_takes_everything_that_the_chart_can_make(
    release: Release, helm: Helm, stack: LocalStack
) -> None:
    values = yaml.safe_load((CHART / "tests" / "everything.yaml").read_text())
    for namespace in values["watchNamespaces"]:
        stack.kubectl("create", "namespace", namespace)
    release.install(**values)
    manifest = helm("get", "manifest", RELEASE, f"--namespace={NAMESPACE}")
    kinds = {document["kind"] for document in yaml.safe_load_all(manifest) if document}
    assert {"HTTPRoute", "ServiceMonitor", "PrometheusRule", "NetworkPolicy", "Ingress"} <= kinds
    # Helm passes over fields that nobody knows.
    stack.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", input=manifest)


def test_a_restricted_namespace_takes_the_pods(release: Release, stack: LocalStack) -> None:
    release.install()
    deployment = json.loads(stack.kubectl("get", "deployment", RELEASE, "-n", NAMESPACE, "-o", "json"))
    pod = {"apiVersion": "v1", "kind": "Pod", **deployment["spec"]["template"]}
    pod["metadata"]["name"] = "one"
    stack.kubectl("label", "namespace", NAMESPACE, RESTRICTED)
    stack.kubectl("create", "-n", NAMESPACE, "--dry-run=server", "-f", "-", input=json.dumps(pod))


def test_an_overlay_of_the_kustomization_works(
    stack: LocalStack, start_pod: Callable[[str], Pod], studio: Studio, tmp_path: Path
) -> None:
    local = {"name": "ROOMKEEPER_HTTP_HOST", "value": "127.0.0.1"}
    where = "/spec/template/spec/containers/0"
    patch = [
        {"op": "add", "path": f"{where}/env/-", "value": local},
        {"op": "add", "path": f"{where}/args/-", "value": f"--http-port={stack.operator_port}"},
        {"op": "add", "path": f"{where}/args/-", "value": f"--resync-seconds={RESYNC_SECONDS}"},
    ]
    overlay = {
        "resources": [os.path.relpath(ROOT, tmp_path)],
        "patches": [{"target": {"kind": "Deployment"}, "patch": json.dumps(patch)}],
    }
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    stack.kubectl("delete", "-f", str(ROOT / "crds"), "--ignore-not-found")  # what a release has left here
    try:
        stack.kubectl("apply", "--server-side", "-k", str(tmp_path))
        pod = start_pod(NAME)
        studio.offer_livekit("main", stack)
        studio.apply(studio.room(ROOM, serverRef={"name": "main"}, roles=ROLES))
        eventually("a Room is Ready", lambda: studio.is_ready(ROOM), within=2 + RESYNC_SECONDS)
        studio.delete("room", ROOM, wait=True)
        studio.delete("livekitserver", "main", wait=True)
        pod.stop()
    finally:
        stack.kubectl("delete", "-k", str(tmp_path), "--timeout=30s")
