"""What the operator writes, counted by the API server: no more than it has to, and nothing when nothing changed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.support import OperatorProcess, eventually, metric, settle

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from roomkeeper.localstack import LocalStack
    from tests.e2e.support import Cluster

ROOMS = 200
IDLE_SECONDS = 60
ROLES = [
    {"name": "host", "identities": ["alice", "bob"], "grants": {"canPublish": True}},
    {"name": "viewer"},
]

STATUS = ("patch", "rooms/status")


@pytest.fixture(scope="module")
def operator(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    """Return an operator that looks at LiveKit every second: whatever that costs, it costs here."""
    process = OperatorProcess(stack, tmp_path_factory.mktemp("operator") / "operator.log")
    process.start(ROOMKEEPER_RESYNC_SECONDS="1")
    yield process
    process.stop()


@pytest.fixture
def room(cluster: Cluster, operator: OperatorProcess, stack: LocalStack) -> str:
    """Return a Room that is Ready, with an operator that has nothing left to do."""
    cluster.apply(cluster.room("standup", metadata={"topic": "standup"}, roles=ROLES))
    eventually("the Room is Ready", lambda: cluster.is_ready("standup"), within=2)
    settle(stack)
    return "standup"


def secret_versions(cluster: Cluster) -> dict[str, str]:
    return {
        secret["metadata"]["name"]: secret["metadata"]["resourceVersion"]
        for secret in cluster.list("secrets")
    }


def told(what: str, writes: Counter[tuple[str, str]]) -> None:
    print(f"{what}: {sorted(writes.items())}")


def test_a_new_room_costs_its_finalizer_its_secrets_and_one_status(
    cluster: Cluster, operator: OperatorProcess, stack: LocalStack
) -> None:
    settle(stack)
    start = stack.audit.mark()
    cluster.apply(cluster.room("standup", metadata={"topic": "standup"}, roles=ROLES))
    eventually("the Room is Ready", lambda: cluster.is_ready("standup"), within=2)
    settle(stack)
    writes = stack.audit.writes(since=start)
    told("created", writes)
    assert writes == {("patch", "rooms"): 1, ("create", "secrets"): 2, STATUS: 1}


def test_an_edit_of_metadata_writes_at_most_a_status(cluster: Cluster, stack: LocalStack, room: str) -> None:
    start = stack.audit.mark()
    cluster.apply(cluster.room(room, metadata={"topic": "retrospective"}, roles=ROLES))
    eventually("the edit is observed", lambda: cluster.is_ready(room), within=2)
    settle(stack)
    writes = stack.audit.writes(since=start)
    told("metadata edited", writes)
    assert writes in ({}, {STATUS: 1})


def test_an_edit_of_one_roles_grants_writes_its_secret_and_at_most_a_status(
    cluster: Cluster, stack: LocalStack, room: str
) -> None:
    before = secret_versions(cluster)
    start = stack.audit.mark()
    edited = [ROLES[0], {"name": "viewer", "grants": {"canPublishData": True}}]
    cluster.apply(cluster.room(room, metadata={"topic": "standup"}, roles=edited))
    eventually("the edit is observed", lambda: cluster.is_ready(room), within=2)
    settle(stack)
    writes = stack.audit.writes(since=start)
    told("grants edited", writes)
    assert writes in ({("patch", "secrets"): 1}, {("patch", "secrets"): 1, STATUS: 1})
    after = secret_versions(cluster)
    assert {name for name in before if after[name] != before[name]} == {f"{room}.viewer"}


def test_a_deletion_costs_one_patch(cluster: Cluster, stack: LocalStack, room: str) -> None:
    start = stack.audit.mark()
    cluster.delete("room", room)
    eventually("the Room is gone", lambda: cluster.get("room", room) is None, within=2)
    settle(stack)
    writes = stack.audit.writes(since=start)
    told("deleted", writes)
    assert writes == {("patch", "rooms"): 1}


def test_a_restart_and_a_minute_with_unchanged_rooms_write_nothing(
    cluster: Cluster, operator: OperatorProcess, stack: LocalStack
) -> None:
    names = [f"room-{number}" for number in range(ROOMS)]
    cluster.apply(*(cluster.room(name, metadata={"topic": name}, roles=ROLES) for name in names))
    eventually(f"{ROOMS} Rooms are Ready", lambda: len(cluster.ready_rooms()) == ROOMS, within=30)
    settle(stack)

    operator.stop()
    start = stack.audit.mark()
    operator.start(ROOMKEEPER_RESYNC_SECONDS="1")
    settle(stack)
    writes = stack.audit.writes(since=start)
    told(f"restarted with {ROOMS} Rooms", writes)
    assert not writes
    requests = metric(stack, "roomkeeper_livekit_requests_total")
    print(f"{requests:.0f} requests to LiveKit since the restart")
    assert requests < ROOMS / 10, "rooms were asked for one by one, though one list tells of all"

    start = stack.audit.mark()
    time.sleep(IDLE_SECONDS)  # that nothing happens can only be seen by waiting
    writes = stack.audit.writes(since=start)
    told(f"{IDLE_SECONDS} s idle with {ROOMS} Rooms", writes)
    assert not writes

    start = stack.audit.mark()
    cluster.delete_all("rooms")
    eventually("all Rooms are gone", lambda: not cluster.list("rooms"), within=15)
    writes = stack.audit.writes(since=start)
    told(f"{ROOMS} Rooms deleted", writes)
    assert writes == {("patch", "rooms"): ROOMS}
