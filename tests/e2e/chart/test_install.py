"""What the chart and the kustomization make is what an API server takes, to the last field; and the operator does
everything with the chart's own ServiceAccount, which may do nothing that the operator does not do."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
import yaml

from roomkeeper.chart.generate import CHART, ROOT
from roomkeeper.chart.manifests import NAME
from tests.e2e.chart.helm import NAMESPACE, RELEASE, Pod, local_values
from tests.e2e.chart.permissions import granted
from tests.e2e.chart.scene import ask_for_a_token, play
from tests.e2e.studio import ROOM
from tests.e2e.support import RESYNC_SECONDS, Cluster, eventually
from tests.e2e.tenancy import ROLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from roomkeeper.localstack import LocalStack
    from tests.e2e.chart.helm import Helm, Release
    from tests.e2e.crowd import Crowd
    from tests.e2e.studio import Studio

FOREIGN = ROOT / "tests" / "e2e" / "chart" / "crds"
WRITE = {"create", "update", "patch", "delete", "deletecollection"}
READ = {"get", "list", "watch"}
RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"


def may(stack: LocalStack, role: str) -> dict[str, set[str]]:
    """Return what one of the roles that every cluster has lets people do with our kinds."""
    rules = json.loads(stack.kubectl("get", "clusterrole", role, "-o", "json"))["rules"]
    ours = [rule for rule in rules or () if rule.get("apiGroups") == ["roomkeeper.dev"]]
    return {
        resource: {verb for rule in ours if resource in rule["resources"] for verb in rule["verbs"]}
        for rule in ours
        for resource in rule["resources"]
    }


def assert_needs_what_it_may(stack: LocalStack, pod: Pod) -> None:
    """Fail when the account of a pod that has stopped did what it was not granted, or may do what it never did."""
    calls = [call for call in stack.audit.calls(pod.user, pod.since) if call.resource]
    assert [call for call in calls if call.code in (401, 403)] == []
    grants = granted(stack, NAMESPACE, RELEASE)
    assert len(grants) > 20
    # What all accounts may do is no grant of ours: a call that only works by that is one too many.
    assert {call for call in calls if not any(grant.covers(call) for grant in grants)} == set()
    assert {grant for grant in grants if not any(map(grant.covers, calls))} == set()


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


def test_the_pods_are_restricted_and_people_have_the_kinds(release: Release, stack: LocalStack) -> None:
    release.install()
    found = json.loads(stack.kubectl("get", "deployment", RELEASE, "-n", NAMESPACE, "-o", "json"))
    template = found["spec"]["template"]
    named = {**template["metadata"], "name": "one"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": named, "spec": template["spec"]}
    stack.kubectl("label", "namespace", NAMESPACE, RESTRICTED)
    stack.kubectl("create", "-n", NAMESPACE, "--dry-run=server", "-f", "-", input=json.dumps(pod))

    tenants = {"rooms", "recordings", "recordingschedules"}
    providers = {"livekitservers", "recordingstorages"}
    view = dict.fromkeys(tenants | providers, READ)
    edit = view | dict.fromkeys(tenants, READ | WRITE)
    admin = view | dict.fromkeys(tenants | providers, READ | WRITE)
    for role, expected in (("view", view), ("edit", edit), ("admin", admin)):
        eventually(
            f"{role} has them", lambda role=role, expected=expected: may(stack, role) == expected, within=2
        )


def test_in_every_namespace(
    release: Release, start_pod: Callable[[], Pod], studio: Studio, crowd: Crowd
) -> None:
    release.install(**local_values(studio.stack, tokenEndpoint={"enabled": True}))
    pod = start_pod()
    ask_for_a_token(studio)
    play(studio, crowd)
    pod.stop()
    assert_needs_what_it_may(studio.stack, pod)


def test_in_one_namespace(
    release: Release, start_pod: Callable[[], Pod], studio: Studio, crowd: Crowd
) -> None:
    stack = studio.stack
    release.install(**local_values(stack, watchNamespaces=[studio.namespace]))
    bindings = json.loads(stack.kubectl("get", "clusterrolebindings", "-o", "json"))["items"]
    assert not any(
        subject.get("namespace") == NAMESPACE
        for binding in bindings
        for subject in binding.get("subjects", ())
    )
    other = Cluster(stack, f"{studio.namespace}-other")
    stack.kubectl("create", "namespace", other.namespace)
    other.apply(other.room("standup", roles=ROLES))
    pod = start_pod()
    play(studio, crowd)
    pod.stop()
    assert_needs_what_it_may(stack, pod)
    untouched = other.get("room", "standup")
    assert untouched
    assert "finalizers" not in untouched["metadata"]
    assert untouched["status"] == {"observedGeneration": -1}
    assert other.list("secrets") == []
    other.delete("room", "standup")


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
