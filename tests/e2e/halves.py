"""Two operators that divide the objects of one stack: the shard a, and the rest. Each is a user of its own in the audit log."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

import yaml

from roomkeeper import localstack
from roomkeeper.localstack.ports import Ports
from tests.e2e.support import Cluster, OperatorProcess, http_status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.localstack import LocalStack

LABEL = "roomkeeper.dev/shard"
SYSTEM = "default"  # the namespace of their ServiceAccounts
ROLES = [
    document["metadata"]["name"]
    for document in yaml.safe_load_all((Path(localstack.__file__).parent / "rbac.yaml").read_text())
    if document["kind"] == "ClusterRole"
]


class Half(OperatorProcess):
    """One of the two, under a ServiceAccount of its own."""

    def __init__(
        self, stack: LocalStack, directory: Path, name: str, *, port: int, selector: str = ""
    ) -> None:
        super().__init__(stack, directory / f"{name}.log")
        self._options = ("--shard", name, *(("--shard-selector", selector) if selector else ()))
        self._account = f"{name}-{uuid.uuid4().hex[:8]}"
        self._port = port
        self._kubeconfig = directory / f"{name}.kubeconfig"

    @property
    def user(self) -> str:
        """Who it is to the API server."""
        return f"system:serviceaccount:{SYSTEM}:{self._account}"

    def begin(self) -> Self:
        """Give it its account, and start it."""
        stack, account = self._stack, self._account
        stack.kubectl("create", "serviceaccount", account, "-n", SYSTEM)
        for role in ROLES:
            grant = (f"--clusterrole={role}", f"--serviceaccount={SYSTEM}:{account}")
            stack.kubectl("create", "clusterrolebinding", f"{account}-{role}", *grant)
        config = yaml.safe_load(stack.kubeconfig.read_text())
        token = stack.kubectl("create", "token", account, "-n", SYSTEM).strip()
        config["users"] = [{"name": user["name"], "user": {"token": token}} for user in config["users"]]
        self._kubeconfig.write_text(yaml.safe_dump(config))
        environment = {"KUBECONFIG": str(self._kubeconfig), "ROOMKEEPER_HTTP_PORT": str(self._port)}
        elects = ("--leader-elect", "true", "--lease-namespace", SYSTEM)
        return self.start(options=(*self._options, *elects), **environment)

    def end(self) -> None:
        """End it, and take its account away."""
        self.stop()
        bindings = [f"{self._account}-{role}" for role in ROLES]
        self._stack.kubectl("delete", "clusterrolebinding", "--ignore-not-found", *bindings)
        self._stack.kubectl("delete", "serviceaccount", self._account, "-n", SYSTEM, "--ignore-not-found")

    def is_ready(self) -> bool:
        """Ask /readyz."""
        assert self.is_running, self.output()[-2000:]
        return http_status(f"http://127.0.0.1:{self._port}/readyz") == 200

    def wrote(self, cluster: Cluster, since: int) -> list[str]:
        """Return what it has written in a namespace, sorted; Events aside."""
        return sorted(
            f"{call.verb} {call.resource}{'/' if call.subresource else ''}{call.subresource} {call.name}"
            for call in self._stack.audit.calls(self.user, since)
            if call.namespace == cluster.namespace
            and call.verb not in ("get", "list", "watch")
            and call.resource != "events"
        )


class Halves:
    """The two. LiveKit reports to the rest; shard a finds out with its resyncs."""

    def __init__(self, stack: LocalStack, directory: Path, *, port: int) -> None:
        self.a = Half(stack, directory, "a", port=port)
        self.rest = Half(stack, directory, "rest", port=stack.operator_port, selector=f"!{LABEL}")


@contextmanager
def halves(stack: LocalStack, directory: Path) -> Iterator[Halves]:
    """Have both run for a while."""
    ports = Ports()
    two = Halves(stack, directory, port=ports.tcp())
    try:
        two.a.begin()
        two.rest.begin()
        yield two
    finally:
        ports.close()
        two.a.end()
        two.rest.end()


def move(cluster: Cluster, to: str, *objects: str) -> None:
    """Label objects, as `kubectl label` does: `a`, or "" to take the label away."""
    label = f"{LABEL}={to}" if to else f"{LABEL}-"
    cluster.stack.kubectl("label", *objects, "--overwrite", "-n", cluster.namespace, label)


def shard_of(cluster: Cluster, kind: str, name: str) -> str | None:
    """Return the label of an object."""
    found = cluster.get(kind, name)
    assert found, name
    label: str | None = found["metadata"].get("labels", {}).get(LABEL)
    return label
