"""The tenants of gitops/, as Flux and Argo CD make them of Git: what they declare becomes true, and nothing else may be."""

from __future__ import annotations

import fnmatch
import os
from typing import TYPE_CHECKING, Any

import yaml

from roomkeeper.chart.generate import ROOT
from roomkeeper.localstack.kubectl import KubectlError
from tests.e2e.chart.helm import local_values
from tests.e2e.support import RESYNC_SECONDS, Cluster, eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from roomkeeper.localstack import LocalStack
    from tests.e2e.chart.helm import Pod, Release
    from tests.e2e.manifests.base import JSON

FLUX = ROOT / "gitops" / "flux" / "team-red.yaml"
ARGO_CD = ROOT / "gitops" / "argocd" / "applicationset.yaml"
EXAMPLES = ROOT / "examples"


def documents(path: Path) -> list[JSON]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


class Tenant:
    """A tenant of Flux: the kinds of Kubernetes are applied, and what Flux does with its own is done here."""

    def __init__(self, stack: LocalStack, directory: Path) -> None:
        self._stack = stack
        of_flux = [one for one in documents(FLUX) if ".toolkit.fluxcd.io/" in one["apiVersion"]]
        self.prepared = [one for one in documents(FLUX) if one not in of_flux]
        (self._kustomization,) = (one["spec"] for one in of_flux if one["kind"] == "Kustomization")
        self.namespace: str = self._kustomization["targetNamespace"]
        account = self._kustomization["serviceAccountName"]
        self._options = (
            "--server-side",
            "--field-manager=kustomize-controller",
            f"--as=system:serviceaccount:{self.namespace}:{account}",
        )
        (directory / "kustomization.yaml").write_text(
            yaml.safe_dump(
                {
                    "resources": [os.path.relpath(ROOT / self._kustomization["path"], directory)],
                    "namespace": self.namespace,
                    "patches": self._kustomization["patches"],
                }
            )
        )
        self._directory = directory

    def prepare(self) -> None:
        """Do what the platform team does."""
        self._stack.kubectl("apply", "--server-side", "-f", "-", input=yaml.safe_dump_all(self.prepared))

    def reconcile(self) -> None:
        """Apply what Git has, as kustomize-controller does."""
        self._stack.kubectl("apply", *self._options, "-k", str(self._directory))

    def is_refused(self, manifest: JSON) -> bool:
        """Tell whether the tenant may not have a manifest."""
        try:
            self._stack.kubectl("apply", *self._options, "-f", "-", input=yaml.safe_dump(manifest))
        except KubectlError as error:
            if "forbidden" in str(error):
                return True
            raise
        return False


def test_a_tenant_of_flux_has_its_room_and_nothing_of_others(
    release: Release, start_pod: Callable[[], Pod], stack: LocalStack, tmp_path: Path
) -> None:
    release.install(**local_values(stack))
    start_pod()
    tenant = Tenant(stack, tmp_path)
    tenant.prepare()
    here = Cluster(stack, tenant.namespace)

    def is_applied() -> bool:
        tenant.reconcile()  # the roles of people are aggregated a moment after they came
        return True

    eventually("Flux may apply it", is_applied, within=2)
    eventually("the Room is Ready", lambda: here.is_ready("standup"), within=2 + RESYNC_SECONDS)
    before = here.get("room", "standup")
    tenant.reconcile()
    assert here.get("room", "standup") == before, "Flux finds something to correct"
    assert before
    assert before["spec"]["roles"][0]["identities"] == ["rosa", "ravi", "rick"]

    example = {one["kind"]: one for path in sorted(EXAMPLES.rglob("*.yaml")) for one in documents(path)}
    for kind in ("LiveKitServer", "RecordingStorage"):
        manifest = {**example[kind], "metadata": {"name": "mine", "namespace": tenant.namespace}}
        assert tenant.is_refused(manifest), kind
    for kind in ("Recording", "RecordingSchedule"):
        manifest = {**example[kind], "metadata": {"name": "mine", "namespace": tenant.namespace}}
        assert not tenant.is_refused(manifest), kind
    assert tenant.is_refused({**example["Room"], "metadata": {"name": "mine", "namespace": "default"}})
    stack.kubectl(
        "delete", "rooms,recordings,recordingschedules", "--all", "-n", tenant.namespace, "--timeout=30s"
    )
    stack.kubectl("delete", "namespace", tenant.namespace, "--wait=false")


def applications(stack: LocalStack) -> Iterator[tuple[JSON, str, list[JSON]]]:
    """Yield project, namespace and objects of each Application, as the ApplicationSet makes them of this repository."""
    project, generated = documents(ARGO_CD)
    (generator,) = generated["spec"]["generators"]
    template = generated["spec"]["template"]["spec"]
    assert template["project"] == project["metadata"]["name"]
    for pattern in (one["path"] for one in generator["git"]["directories"]):
        for folder in sorted(ROOT.glob(pattern)):
            parameters = {
                "{{ .path.basename }}": folder.name,
                "{{ .path.path }}": str(folder.relative_to(ROOT)),
            }
            namespace = parameters[template["destination"]["namespace"]]
            rendered = stack.kubectl("kustomize", str(ROOT / parameters[template["source"]["path"]]))
            yield project, namespace, list(yaml.safe_load_all(rendered))


def lets(project: JSON, namespace: str, manifest: JSON) -> bool:
    """Tell whether a project lets an Application have a manifest in a namespace."""
    group, _, _ = manifest["apiVersion"].rpartition("/")
    spec = project["spec"]
    is_of_cluster = manifest["kind"] == "Namespace"
    kinds: Any = spec["clusterResourceWhitelist" if is_of_cluster else "namespaceResourceWhitelist"]
    where = manifest["metadata"]["name" if is_of_cluster else "namespace"]
    return (
        {"group": group, "kind": manifest["kind"]} in kinds
        and where == namespace
        and any(fnmatch.fnmatchcase(namespace, one["namespace"]) for one in spec["destinations"])
    )


def test_the_applications_of_argo_cd_are_the_teams_and_within_their_project(stack: LocalStack) -> None:
    found = list(applications(stack))
    assert [namespace for _, namespace, _ in found] == ["team-blue", "team-red"]
    for project, namespace, manifests in found:
        assert [one["kind"] for one in manifests] == ["Namespace", "Room"]
        assert all(lets(project, namespace, one) for one in manifests)
        assert not lets(project, namespace, {**manifests[1], "kind": "LiveKitServer"})
