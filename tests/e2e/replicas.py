"""Replicas of one operator, each a user of its own, so that the audit log tells who did what."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from roomkeeper.localstack.ports import Ports
from tests.e2e.support import OperatorProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from roomkeeper.localstack import LocalStack
    from tests.e2e.support import Cluster

RIGHTS = ("local-roomkeeper", "local-roomkeeper-lease")
CHANGES = {"create", "update", "patch", "delete"}


class Request(NamedTuple):
    """A request as the audit log has it; times are those of the wall clock, in seconds."""

    received: float
    user: str
    verb: str
    resource: str
    namespace: str
    name: str
    code: int
    answered: float

    @property
    def is_write(self) -> bool:
        """Tell whether it was to change something, the Lease and Events aside."""
        return self.verb in CHANGES and self.resource not in ("leases", "events")


def requests(stack: LocalStack, user: str = "", since: int = 0) -> list[Request]:
    """Return what the API server was asked and has answered, in the order in which it came."""
    with stack.apiserver.audit_log.open("rb") as file:
        file.seek(since)
        complete, _, _ = file.read().rpartition(b"\n")
    events = (json.loads(line) for line in complete.splitlines())
    found = [_request(one) for one in events if one["stage"] == "ResponseComplete"]
    return sorted(one for one in found if user in {"", one.user})


def _request(event: dict[str, Any]) -> Request:
    target = event.get("objectRef", {})
    return Request(
        received=_seconds(event["requestReceivedTimestamp"]),
        user=event["user"].get("username", ""),
        verb=event["verb"],
        resource="/".join(filter(None, (target.get("resource", ""), target.get("subresource", "")))),
        namespace=target.get("namespace", ""),
        name=target.get("name", ""),
        code=event.get("responseStatus", {}).get("code", 0),
        answered=_seconds(event["stageTimestamp"]),
    )


def _seconds(text: str) -> float:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC).timestamp()


class Replica(OperatorProcess):
    """One operator of a namespace, which takes part in the election there."""

    def __init__(self, pair: Replicas, name: str, port: int) -> None:
        super().__init__(pair.stack, pair.directory / f"{name}.log", port=port)
        self.name = name
        self.user = f"system:serviceaccount:{pair.cluster.namespace}:{name}"
        self.pair = pair

    @property
    def kubeconfig(self) -> Path:
        """Who it is."""
        return self.pair.directory / f"{self.name}.kubeconfig"

    def writes(self, since: int) -> list[Request]:
        """Return what it has tried to change, the Lease and Events aside."""
        return [one for one in requests(self.pair.stack, self.user, since) if one.is_write]

    def holds_the_lease(self) -> bool:
        """Tell whether the Lease names this process, by the address that it gave."""
        lease = self.pair.lease()
        held = bool(lease["spec"].get("holderIdentity"))
        return held and lease["metadata"]["annotations"]["roomkeeper.dev/address"] == f"127.0.0.1:{self.port}"


class Replicas:
    """What starts them."""

    def __init__(self, stack: LocalStack, cluster: Cluster, directory: Path, lease_seconds: int) -> None:
        self.stack = stack
        self.cluster = cluster
        self.directory = directory
        self.lease_seconds = lease_seconds
        self.ports = Ports()
        self.started: list[Replica] = []

    def start(
        self, name: str, *, port: int = 0, server: str = "", ready: bool = True, **environment: str
    ) -> Replica:
        """Start one with rights on the namespace; `server`: where its API server is; `ready`: wait until it is in sync."""
        replica = Replica(self, name, port or self.ports.tcp())
        self._introduce(replica, server)
        self.started.append(replica)
        return replica.start(
            ready=ready,
            options=("-n", self.cluster.namespace),
            KUBECONFIG=str(replica.kubeconfig),
            ROOMKEEPER_LEADER_ELECT="true",
            ROOMKEEPER_LEASE_NAMESPACE=self.cluster.namespace,
            ROOMKEEPER_LEASE_SECONDS=str(self.lease_seconds),
            ROOMKEEPER_ADVERTISE_ADDRESS="127.0.0.1",
            **environment,
        )

    def lease(self) -> dict[str, Any]:
        """Return the Lease."""
        found = self.cluster.get("lease", "roomkeeper")
        assert found
        return found

    def edit(self, name: str, topic: str) -> float:
        """Change a Room, and return when that was asked for."""
        began = time.time()
        patch = json.dumps({"spec": {"metadata": {"topic": topic}}})
        self.stack.kubectl("patch", "room", name, "-n", self.cluster.namespace, "--type=merge", "-p", patch)
        return began

    def _introduce(self, replica: Replica, server: str) -> None:
        namespace, rbac = self.cluster.namespace, "rbac.authorization.k8s.io"
        bindings = [
            {
                "apiVersion": f"{rbac}/v1",
                "kind": "RoleBinding",
                "metadata": {"name": f"{replica.name}-{role}"},
                "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": role},
                "subjects": [{"kind": "ServiceAccount", "name": replica.name, "namespace": namespace}],
            }
            for role in RIGHTS
        ]
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": replica.name}}
        self.cluster.apply(account, *bindings)
        token = self.stack.kubectl("create", "token", replica.name, "-n", namespace).strip()
        config = yaml.safe_load(self.stack.kubeconfig.read_text())
        config["users"] = [{"name": user["name"], "user": {"token": token}} for user in config["users"]]
        if server:
            config["clusters"] = [
                {"name": one["name"], "cluster": {"server": server}} for one in config["clusters"]
            ]
        replica.kubeconfig.write_text(yaml.safe_dump(config))
        replica.kubeconfig.chmod(0o600)


@contextmanager
def replicas(stack: LocalStack, cluster: Cluster, directory: Path, lease_seconds: int) -> Iterator[Replicas]:
    """Yield what starts replicas, and end those that are left."""
    made = Replicas(stack, cluster, directory, lease_seconds)
    try:
        yield made
    finally:
        for replica in made.started:
            if replica.is_running:
                replica.go_on()
            replica.stop()
        made.ports.close()
