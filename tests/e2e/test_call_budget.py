"""What a resync asks LiveKit, counted: one list of rooms, and who is there only where that matters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.crowd import Crowd
from tests.e2e.looks import all_secrets, requests, resyncs
from tests.e2e.support import OperatorProcess, eventually

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator
    from pathlib import Path

    from roomkeeper.localstack import LocalStack
    from tests.e2e.conftest import LiveKitView
    from tests.e2e.support import Cluster

ROOMS, USED, MODERATED = 200, 5, 2
INTERVALS = 4
HOST = {"name": "host", "identities": ["alice"], "grants": {"canPublish": True}}
DENIED = {"deniedSources": [{"identity": "bob", "sources": ["microphone"]}]}


@pytest.fixture
def keeper(stack: LocalStack, tmp_path: Path) -> Iterator[OperatorProcess]:
    """Return an operator of the test's own, running."""
    process = OperatorProcess(stack, tmp_path / "operator.log")
    process.start()
    yield process
    process.stop()


def spec(number: int) -> dict[str, Any]:
    roles: dict[str, Any] = {"roles": [HOST], "departureTimeoutSeconds": 300}
    if number < MODERATED or number >= ROOMS - MODERATED:  # some with people, and some without
        return {**roles, "moderation": DENIED}
    return roles


def test_two_hundred_rooms_cost_one_list_and_two_more_calls_per_interval(
    cluster: Cluster, livekit: LiveKitView, keeper: OperatorProcess, stack: LocalStack
) -> None:
    names = [f"room-{number}" for number in range(ROOMS)]
    cluster.apply(*(cluster.room(name, **spec(number)) for number, name in enumerate(names)))
    eventually(f"{ROOMS} Rooms are Ready", lambda: len(cluster.ready_rooms()) == ROOMS, within=40)
    secrets = all_secrets(cluster)
    with Crowd() as crowd:
        for name in names[:USED]:
            assert crowd.join(name, secrets[f"{name}.host"])
        eventually("all of it is counted", lambda: counted(cluster) == USED, within=15)
        resyncs(stack, number=3)  # LiveKit's own counts lag, and joins are followed up

        before, lists = requests(stack), 0
        asked: Counter[str] = before
        while lists < INTERVALS:
            eventually(
                "another list of all rooms",
                lambda lists=lists: requests(stack)["ListRooms"] - before["ListRooms"] > lists,
                within=6,
            )
            resync = MODERATED * (lists + 1)
            eventually(
                "who is there is asked where that matters",
                lambda resync=resync: (
                    (requests(stack)["ListParticipants"] - before["ListParticipants"]) >= resync
                ),
                within=2,
            )
            asked = requests(stack) - before
            lists = asked["ListRooms"]
        print(f"{INTERVALS} intervals of {ROOMS} Rooms: {dict(asked)}")
        assert asked == {"ListRooms": INTERVALS, "ListParticipants": MODERATED * INTERVALS}
    cluster.delete_all("rooms")
    eventually("all Rooms are gone", lambda: not cluster.list("rooms"), within=20)


def counted(cluster: Cluster) -> int:
    return sum(room["status"].get("numParticipants", 0) for room in cluster.list("rooms"))
