"""Helm and what it installs, and the operator started as a pod of the chart's Deployment would be."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import yaml

from roomkeeper.localstack.find import find
from roomkeeper.localstack.parts import PROGRAMS
from tests.e2e.support import RESYNC_SECONDS, OperatorProcess

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from roomkeeper.localstack import LocalStack
    from tests.e2e.manifests.base import JSON

RELEASE = "roomkeeper"
NAMESPACE = "livekit-system"


class Helm:
    """Helm as the administrator of a stack, with caches of its own."""

    def __init__(self, stack: LocalStack, home: Path) -> None:
        self._program = find(PROGRAMS["helm"])
        self._home = home
        self._stack = stack

    def __call__(self, *arguments: str, values: Mapping[str, Any] | None = None) -> str:
        """Return what it prints; it fails when Helm does. The values are those of `-f`."""
        given = [] if values is None else ["-f", "-"]
        outcome = subprocess.run(
            [str(self._program), *arguments, *given],
            check=False,
            input=None if values is None else yaml.safe_dump(dict(values)),
            capture_output=True,
            text=True,
            env={**os.environ, **self._environment()},
        )
        assert outcome.returncode == 0, outcome.stderr
        return outcome.stdout

    def _environment(self) -> dict[str, str]:
        homes = {f"HELM_{name}_HOME": str(self._home / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}
        return {**homes, "KUBECONFIG": str(self._stack.kubeconfig)}

    def package(self, chart: Path) -> Path:
        """Pack a chart, and return the file."""
        target = self._home / "packages" / chart.parent.name
        self("package", str(chart), "--destination", str(target))
        (packed,) = target.glob("*.tgz")
        return packed


class Release:
    """The chart, installed in the stack and taken away again."""

    def __init__(self, helm: Helm, chart: Path) -> None:
        self._helm = helm
        self._chart = chart

    def install(self, chart: Path | None = None, **values: Any) -> None:
        """Install it, or an earlier packed chart, without waiting: there is no kubelet."""
        self._helm("install", RELEASE, str(chart or self._chart), f"--namespace={NAMESPACE}", values=values)

    def upgrade(self, chart: Path, **values: Any) -> None:
        """Upgrade it to another chart, and to other values."""
        packed = str(self._helm.package(chart))
        self._helm("upgrade", RELEASE, packed, f"--namespace={NAMESPACE}", values=values)

    def uninstall(self) -> None:
        """Uninstall it, if it is there."""
        self._helm("uninstall", RELEASE, f"--namespace={NAMESPACE}", "--ignore-not-found")


def local_values(stack: LocalStack, **values: Any) -> dict[str, Any]:
    """Return values with which the operator runs beside a stack, which allows nothing but loopback."""
    return {
        "livekit": {"url": stack.livekit.url, "existingSecret": "livekit-api"},
        "httpPort": stack.operator_port,
        "resyncSeconds": RESYNC_SECONDS,
        "env": [{"name": "ROOMKEEPER_HTTP_HOST", "value": "127.0.0.1"}],
        **values,
    }


class Pod(OperatorProcess):
    """The operator with the arguments, the environment and the ServiceAccount of a Deployment, and nothing else."""

    def __init__(self, stack: LocalStack, directory: Path, namespace: str = NAMESPACE) -> None:
        self._namespace = namespace
        self._kubeconfig = directory / "pod.kubeconfig"
        found = stack.kubectl("get", "deployment", RELEASE, "-n", namespace, "-o", "json")
        self.spec: JSON = json.loads(found)["spec"]["template"]["spec"]
        (container,) = self.spec["containers"]
        self._variables: list[JSON] = container["env"]
        self.arguments: list[str] = container["args"]
        self.user = f"system:serviceaccount:{namespace}:{self.spec['serviceAccountName']}"
        self.since = stack.audit.mark()
        command = [sys.executable, "-m", "roomkeeper", *self.arguments]
        super().__init__(stack, directory / "pod.log", command=command)

    def environment(self) -> dict[str, str]:
        """Return what the kubelet would set, and the way to the API server with a fresh token of the ServiceAccount."""
        self._write_kubeconfig()
        return {
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "PYTHONUNBUFFERED": "1",
            "KUBECONFIG": str(self._kubeconfig),
            **{variable["name"]: self._value(variable) for variable in self._variables},
        }

    def _value(self, variable: JSON) -> str:
        if "value" in variable:
            return str(variable["value"])
        source = variable["valueFrom"]
        if "secretKeyRef" in source:
            of_secret = source["secretKeyRef"]
            command = ("get", "secret", of_secret["name"], "-n", self._namespace, "-o", "json")
            secret = json.loads(self._stack.kubectl(*command))
            return base64.b64decode(secret["data"][of_secret["key"]]).decode()
        fields = {"metadata.namespace": self._namespace, "status.podIP": "127.0.0.1"}
        return fields[source["fieldRef"]["fieldPath"]]

    def _write_kubeconfig(self) -> None:
        config = yaml.safe_load(self._stack.kubeconfig.read_text())
        request = ("create", "token", self.spec["serviceAccountName"], "-n", self._namespace)
        token = self._stack.kubectl(*request).strip()
        config["users"] = [{"name": user["name"], "user": {"token": token}} for user in config["users"]]
        self._kubeconfig.write_text(yaml.safe_dump(config))
        self._kubeconfig.chmod(0o600)
