"""Several managers apply one Room on the server's side: each keeps its fields, and the operator takes none of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.support import eventually, settle

if TYPE_CHECKING:
    from roomkeeper.localstack import LocalStack
    from tests.e2e.support import Cluster

ROUNDS = 5


class Manager:
    """Somebody who applies what is theirs of a Room, under a name of their own."""

    def __init__(self, cluster: Cluster, name: str, **spec: Any) -> None:
        self._cluster = cluster
        self._name = name
        self.spec = spec

    def apply(self) -> None:
        """Apply it; a conflict is an error."""
        room = json.dumps(self._cluster.room("standup", **self.spec))
        self._cluster.stack.kubectl(
            "apply", "--server-side", f"--field-manager={self._name}", "-f", "-", input=room
        )


def owned(cluster: Cluster) -> dict[str, set[str]]:
    """Return by manager the paths of the first two levels that it owns."""
    shown = ("get", "room", "standup", "-n", cluster.namespace, "-o", "json", "--show-managed-fields")
    found: dict[str, set[str]] = {}
    for entry in json.loads(cluster.stack.kubectl(*shown))["metadata"]["managedFields"]:
        for top, below in entry["fieldsV1"].items():
            found.setdefault(entry["manager"], set()).update(
                f"{top}.{key}".replace("f:", "") for key in below if key != "."
            )
    return found


@pytest.mark.usefixtures("operator")
def test_two_managers_and_the_operator_do_not_fight(cluster: Cluster, stack: LocalStack) -> None:
    team = Manager(cluster, "team", metadata={"topic": "standup"}, roles=[{"name": "host"}])
    platform = Manager(
        cluster, "platform", maxParticipants=20, roles=[{"name": "screen", "ttlSeconds": 86400}]
    )
    for manager in (team, platform):
        manager.apply()
    eventually("it is Ready", lambda: cluster.is_ready("standup"), within=2)
    settle(stack)
    before = cluster.get("room", "standup")
    mark = stack.audit.mark()
    for _ in range(ROUNDS):
        for manager in (team, platform):
            manager.apply()
    settle(stack)
    assert cluster.get("room", "standup") == before, "somebody wrote, though nobody wants anything else"
    assert stack.audit.writes(since=mark) == {}

    del platform.spec["maxParticipants"]
    platform.spec["roles"] = []
    platform.apply()
    eventually("its role goes", lambda: cluster.secret("standup.screen") is None, within=2)
    eventually("the Room is Ready", lambda: cluster.is_ready("standup"), within=2)
    left = cluster.get("room", "standup")
    assert left
    assert [role["name"] for role in left["spec"]["roles"]] == ["host"]
    assert "maxParticipants" not in left["spec"]
    assert cluster.secret("standup.host")

    fields = owned(cluster)
    assert {field.split(".")[0] for field in fields["team"]} == {"spec"}
    ours = {field for manager, some in fields.items() if manager.startswith("roomkeeper") for field in some}
    assert {field for field in ours if not field.startswith("status.")} == {"metadata.finalizers"}
    print("\n".join(f"{manager} owns {', '.join(sorted(some))}" for manager, some in fields.items()))
