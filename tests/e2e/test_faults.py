"""LiveKit or the API server is away, or refuses: the operator stays up, says so, backs off and recovers by itself."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.support import RESYNC_SECONDS, OperatorProcess, eventually, metric, settle, with_livekit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from livekit import api

    from roomkeeper.localstack import LocalStack
    from tests.e2e.conftest import LiveKitView
    from tests.e2e.support import Cluster

ROLES = [{"name": "host", "identities": ["alice"], "grants": {"canPublish": True}}]
REQUESTS = "roomkeeper_livekit_requests_total"
# LiveKit counts a node that was killed as available for 5 s; what it forwards there is answered by nobody, and the
# operator's own time limit for a call is 15 s.
FORGOTTEN_NODE_SECONDS = 25


@pytest.fixture
def keeper(stack: LocalStack, tmp_path: Path) -> Iterator[OperatorProcess]:
    """Return an operator of the test's own, not started; afterwards LiveKit runs again."""
    process = OperatorProcess(stack, tmp_path / "operator.log")
    yield process
    process.stop()
    if not stack.livekit.running:
        stack.livekit.start()


def says(cluster: Cluster, name: str, reason: str) -> bool:
    """Tell whether the Room is not Ready for this reason."""
    ready = cluster.condition(name)
    assert (ready["status"], ready["reason"]) == ("False", reason)
    return True


def is_alive(stack: LocalStack, room: str) -> bool:
    """Ask something only the node that holds a room can answer; a list also shows rooms whose node is dead."""

    async def ask(client: api.LiveKitAPI) -> Any:
        return await client.agent_dispatch.list_dispatch(room)

    try:
        asyncio.run(with_livekit(stack, ask))
    except Exception as error:  # noqa: BLE001 - whatever it is: nobody holds the room
        raise AssertionError(str(error)) from None
    return True


def test_livekit_down_at_start(cluster: Cluster, keeper: OperatorProcess, stack: LocalStack) -> None:
    names = [f"room-{number}" for number in range(20)]
    stack.livekit.stop()
    keeper.start()  # /readyz answers 200: nothing is wrong with the operator
    cluster.apply(*(cluster.room(name, roles=ROLES) for name in names))
    for name in (names[0], names[-1]):
        eventually(f"{name} says why", lambda name=name: says(cluster, name, "ServerUnreachable"), within=2)
    assert cluster.list("secrets") == [], "tokens of a key that nobody has accepted yet"

    before, started = metric(stack, REQUESTS), time.monotonic()
    settle(stack)
    settle(stack)
    requests, seconds = metric(stack, REQUESTS) - before, time.monotonic() - started
    print(f"{requests:.0f} requests to a LiveKit that is down in {seconds:.1f} s, for {len(names)} Rooms")
    assert requests <= 2 + seconds / (RESYNC_SECONDS * 0.8)

    stack.livekit.start()
    eventually(
        f"all {len(names)} Rooms are Ready",
        lambda: len(cluster.ready_rooms()) == len(names),
        within=RESYNC_SECONDS + 3,
    )
    assert keeper.is_running


def test_livekit_stopped_amid_ready_rooms(
    cluster: Cluster, keeper: OperatorProcess, livekit: LiveKitView, stack: LocalStack
) -> None:
    keeper.start()
    cluster.apply(cluster.room("standup", roles=ROLES))
    eventually("the Room is Ready", lambda: cluster.is_ready("standup"), within=2)
    first = livekit.sids(f"{cluster.namespace}_")
    stack.livekit.stop()  # which closes its rooms
    eventually(
        "the condition says why",
        lambda: says(cluster, "standup", "ServerUnreachable"),
        within=RESYNC_SECONDS + 2,
    )
    stack.livekit.start()
    eventually(
        "the Room is Ready again",
        lambda: cluster.is_ready("standup"),
        within=RESYNC_SECONDS + 2,
    )
    again = livekit.sids(f"{cluster.namespace}_")
    room = cluster.get("room", "standup")
    assert room
    assert again == [(f"{cluster.namespace}_standup", room["status"]["sid"])] != first
    assert room["status"]["recreations"] == 1


def test_livekit_killed_amid_ready_rooms(
    cluster: Cluster, keeper: OperatorProcess, stack: LocalStack
) -> None:
    keeper.start()
    cluster.apply(cluster.room("standup", metadata={"topic": "one"}, roles=ROLES), cluster.room("leaving"))
    for name in ("standup", "leaving"):
        eventually(f"{name} is Ready", lambda name=name: cluster.is_ready(name), within=2)
    stack.livekit.kill()  # which leaves its rooms in Redis: listed, and held by nobody
    eventually(
        "the condition says why",
        lambda: says(cluster, "standup", "ServerUnreachable"),
        within=RESYNC_SECONDS + 2,
    )
    stack.livekit.start()
    eventually("it is Ready", lambda: cluster.is_ready("standup"), within=FORGOTTEN_NODE_SECONDS)
    assert is_alive(stack, f"{cluster.namespace}_standup"), "Ready, but no node holds the room"
    cluster.apply(cluster.room("standup", metadata={"topic": "two"}, roles=ROLES))
    eventually("an edit takes effect", lambda: cluster.is_ready("standup"), within=2)
    cluster.delete("room", "leaving")
    eventually("a Room can be deleted", lambda: cluster.get("room", "leaving") is None, within=2)


def test_livekit_killed_and_started_before_it_is_missed(
    cluster: Cluster, keeper: OperatorProcess, stack: LocalStack
) -> None:
    keeper.start()
    cluster.apply(cluster.room("standup", metadata={"topic": "one"}, roles=ROLES))
    eventually("the Room is Ready", lambda: cluster.is_ready("standup"), within=2)
    stack.livekit.kill()
    stack.livekit.start()
    cluster.apply(cluster.room("standup", metadata={"topic": "two"}, roles=ROLES))
    eventually("an edit takes effect", lambda: cluster.is_ready("standup"), within=FORGOTTEN_NODE_SECONDS)
    assert is_alive(stack, f"{cluster.namespace}_standup"), "Ready, but no node holds the room"


def test_wrong_secret(cluster: Cluster, keeper: OperatorProcess, stack: LocalStack) -> None:
    keeper.start(LIVEKIT_API_SECRET="not-the-secret-that-livekit-was-given")
    cluster.apply(cluster.room("standup", roles=ROLES))
    eventually("the condition says why", lambda: says(cluster, "standup", "InvalidCredentials"), within=2)
    before, started = metric(stack, REQUESTS), time.monotonic()
    settle(stack)
    requests, seconds = metric(stack, REQUESTS) - before, time.monotonic() - started
    print(f"{requests:.0f} requests to a LiveKit that refuses in {seconds:.1f} s")
    assert requests <= 2 + seconds / (RESYNC_SECONDS * 0.8)
    assert cluster.list("secrets") == []
    assert keeper.is_running

    keeper.stop()
    keeper.start()
    eventually("with the right one it is Ready", lambda: cluster.is_ready("standup"), within=2)
    assert cluster.secret("standup.host")


def test_wrong_secret_leaves_tokens_that_work(
    cluster: Cluster, keeper: OperatorProcess, stack: LocalStack
) -> None:
    keeper.start()
    cluster.apply(cluster.room("standup", roles=ROLES))
    eventually("the Room is Ready", lambda: cluster.is_ready("standup"), within=2)
    before = cluster.secret("standup.host")
    keeper.stop()
    keeper.start(LIVEKIT_API_SECRET="not-the-secret-that-livekit-was-given")
    eventually("the condition says why", lambda: says(cluster, "standup", "InvalidCredentials"), within=2)
    assert cluster.secret("standup.host") == before


def test_api_server_restarted(cluster: Cluster, keeper: OperatorProcess, stack: LocalStack) -> None:
    keeper.start()
    cluster.apply(cluster.room("standup", metadata={"topic": "one"}, roles=ROLES))
    eventually("the Room is Ready", lambda: cluster.is_ready("standup"), within=2)
    pid = keeper.pid
    stack.apiserver.restart()
    cluster.apply(cluster.room("standup", metadata={"topic": "two"}, roles=ROLES), cluster.room("new"))
    eventually("an edit is applied", lambda: cluster.is_ready("standup"), within=5)
    eventually("a new Room is Ready", lambda: cluster.is_ready("new"), within=5)
    assert (keeper.is_running, keeper.pid) == (True, pid)


def test_rooms_are_kept_while_the_api_server_is_away(
    cluster: Cluster, keeper: OperatorProcess, livekit: LiveKitView, stack: LocalStack
) -> None:
    keeper.start()
    cluster.apply(cluster.room("standup", roles=ROLES))
    eventually("the Room is Ready", lambda: cluster.is_ready("standup"), within=2)
    name = f"{cluster.namespace}_standup"
    first = livekit.room(name).sid

    def another_session(than: str) -> str:
        room = livekit.room(name)
        return "" if room is None or room.sid == than else room.sid

    stack.apiserver.stop()
    try:
        livekit.delete(name)
        back = eventually("the room is back all the same", lambda: another_session(first), within=2)
    finally:
        stack.apiserver.start()

    def is_told() -> bool:
        room = cluster.get("room", "standup")
        assert room
        return (room["status"]["sid"], room["status"]["recreations"]) == (back, 1)

    eventually("status tells of it", is_told, within=10)
    assert keeper.is_running


def test_deletion_waits_for_livekit_as_long_as_the_object_says(
    cluster: Cluster, keeper: OperatorProcess, stack: LocalStack
) -> None:
    keeper.start()
    cluster.apply(cluster.room("standup", deletionGraceSeconds=3, roles=ROLES))
    eventually("the Room is Ready", lambda: cluster.is_ready("standup"), within=2)
    stack.livekit.kill()
    cluster.delete("room", "standup")
    started = time.monotonic()
    eventually(
        "the condition says what it waits for",
        lambda: says(cluster, "standup", "ServerUnreachable"),
        within=1,
    )
    eventually("the Room is gone", lambda: cluster.get("room", "standup") is None, within=3 + 2)
    waited = time.monotonic() - started
    print(f"gone {waited:.1f} s after its deletion, with a grace of 3 s")
    assert waited > 3 - 1, "deletionTimestamp has whole seconds, so up to one may be missing, no more"
    room = f"{cluster.namespace}_standup"
    event = eventually("an Event names the orphan", lambda: orphaned(cluster), within=3)
    assert event["type"] == "Warning"
    assert f"lk room delete '{room}'" in event["message"]
    print(event["message"])


def orphaned(cluster: Cluster) -> dict[str, Any] | None:
    """Return the Event about a room that was left behind."""
    return next((event for event in cluster.list("events") if event["reason"] == "OrphanedRoom"), None)
