from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import yaml

from tests.e2e.support import Cluster, OperatorProcess, eventually

if TYPE_CHECKING:
    from pathlib import Path

    from roomkeeper.localstack import LocalStack

ROLES = [{"name": "host"}]


def test_kopf_run_does_what_roomkeeper_run_does(stack: LocalStack, cluster: Cluster, tmp_path: Path) -> None:
    writes = {}
    commands = {
        "roomkeeper": [sys.executable, "-m", "roomkeeper", "run", "-A"],
        "kopf": [sys.executable, "-m", "kopf", "run", "-m", "roomkeeper.handlers", "-A", "--standalone"],
    }
    for name, command in commands.items():
        operator = OperatorProcess(stack, tmp_path / f"{name}.log", command=command)
        operator.start()
        try:
            since = stack.audit.mark()
            cluster.apply(cluster.room(name, roles=ROLES))
            eventually(f"the Room is Ready under {name}", lambda name=name: cluster.is_ready(name), within=2)
            cluster.delete("room", name, wait=True)
            writes[name] = stack.audit.writes(user="roomkeeper", since=since)
        finally:
            operator.stop()
    assert writes["kopf"] == writes["roomkeeper"]
    assert sum(writes["kopf"].values()) == 4  # finalizer, Secret, status, finalizer again


def test_one_namespace_needs_no_right_beyond_it(stack: LocalStack, cluster: Cluster, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(_namespaced_kubeconfig(stack, cluster)))
    other = f"{cluster.namespace}-other"
    stack.kubectl("create", "namespace", other)
    operator = OperatorProcess(stack, tmp_path / "operator.log")
    operator.start(options=("-n", cluster.namespace), KUBECONFIG=str(kubeconfig))
    try:
        elsewhere = Cluster(stack, other)
        elsewhere.apply(elsewhere.room("standup", roles=ROLES))
        cluster.apply(cluster.room("standup", roles=ROLES))
        eventually("the Room of its namespace is Ready", lambda: cluster.is_ready("standup"), within=2)
        untouched = elsewhere.get("room", "standup")
        assert untouched is not None
        assert "finalizers" not in untouched["metadata"]
        assert untouched["status"] == {"observedGeneration": -1}
        assert "forbidden" not in operator.output().lower()
    finally:
        operator.stop()
        stack.kubectl("delete", "namespace", other, "--wait=false")


def test_half_a_livekit_server_is_refused_with_what_is_missing() -> None:
    answer = _run(LIVEKIT_URL="wss://livekit.example.com", LIVEKIT_API_KEY="key")
    assert answer.returncode == 2
    assert "LIVEKIT_API_SECRET must be set too" in answer.stderr


def test_a_url_that_is_none_is_refused_by_name() -> None:
    answer = _run(LIVEKIT_URL="livekit.example.com", LIVEKIT_API_KEY="key", LIVEKIT_API_SECRET="s" * 32)
    assert answer.returncode == 2
    assert "LIVEKIT_URL must look like wss://livekit.example.com" in answer.stderr
    assert "s" * 32 not in answer.stderr


def test_a_webhook_address_that_is_none_is_refused_by_the_name_of_its_option() -> None:
    answer = _run("--webhook-url", "https://me:hush@hooks.example.com/livekit/webhook")
    assert answer.returncode == 2
    assert "--webhook-url (ROOMKEEPER_WEBHOOK_URL) must look like https://hooks.example.com" in answer.stderr
    assert "hush" not in answer.stderr


def test_a_missing_cluster_ends_with_what_to_do(tmp_path: Path) -> None:
    answer = _run(KUBECONFIG=str(tmp_path / "none"), HOME=str(tmp_path))
    assert answer.returncode != 0
    assert "KUBECONFIG" in answer.stderr
    assert "Traceback" not in answer.stderr


def _run(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "roomkeeper", "run", *options],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _namespaced_kubeconfig(stack: LocalStack, cluster: Cluster) -> dict[str, object]:
    """Return the kubeconfig of a ServiceAccount that may work in the cluster's namespace and nowhere else."""
    rbac = "rbac.authorization.k8s.io"
    cluster.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "operator"}},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "operator"},
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "local-roomkeeper"},
            "subjects": [{"kind": "ServiceAccount", "name": "operator", "namespace": cluster.namespace}],
        },
    )
    token = stack.kubectl("create", "token", "operator", "-n", cluster.namespace).strip()
    config: dict[str, object] = yaml.safe_load(stack.kubeconfig.read_text())
    config["users"] = [{"name": user["name"], "user": {"token": token}} for user in config["users"]]  # type: ignore[attr-defined]
    return config
