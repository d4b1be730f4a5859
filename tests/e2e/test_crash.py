"""The operator is killed while it creates many Rooms: its successor finishes, and nothing is there twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.support import OperatorProcess, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from roomkeeper.localstack import LocalStack
    from tests.e2e.conftest import LiveKitView
    from tests.e2e.support import Cluster

ROOMS = 200
ROLES = [{"name": "host", "grants": {"canPublish": True}}, {"name": "viewer"}]


@pytest.fixture
def mortal(stack: LocalStack, tmp_path: Path) -> Iterator[OperatorProcess]:
    """Return an operator of the test's own, not started."""
    process = OperatorProcess(stack, tmp_path / "operator.log")
    yield process
    process.stop()


def test_two_kills_amid_two_hundred_rooms_leave_nothing_undone_and_nothing_twice(
    cluster: Cluster, livekit: LiveKitView, mortal: OperatorProcess
) -> None:
    names = sorted(f"room-{number}" for number in range(ROOMS))
    cluster.apply(*(cluster.room(name, roles=ROLES) for name in names))
    for share in (0.4, 0.7):
        kill_amid(cluster, livekit, mortal, at_least=int(ROOMS * share))

    mortal.start(ready=False)
    eventually(f"{ROOMS} Rooms are Ready", lambda: len(cluster.ready_rooms()) == ROOMS, within=15)

    rooms = cluster.list("rooms")
    in_status = sorted((room["status"]["roomName"], room["status"]["sid"]) for room in rooms)
    assert in_status == livekit.sids(f"{cluster.namespace}_")
    assert {room["status"]["recreations"] for room in rooms} == {0}
    owners = [
        owner["uid"] for secret in cluster.list("secrets") for owner in secret["metadata"]["ownerReferences"]
    ]
    assert sorted(owners) == sorted(room["metadata"]["uid"] for room in rooms for _ in ROLES)
    print(
        f"{len(rooms)} rooms, each once in LiveKit, and {len(owners)} Secrets, each of a Room that is there"
    )

    cluster.delete_all("rooms")
    eventually("all Rooms are gone", lambda: not cluster.list("rooms"), within=15)
    eventually("so are their Secrets", lambda: not cluster.list("secrets"), within=5)
    assert not livekit.sids(f"{cluster.namespace}_")


def kill_amid(cluster: Cluster, livekit: LiveKitView, mortal: OperatorProcess, *, at_least: int) -> None:
    """Start the operator and kill it when so many rooms are made; LiveKit answers faster than kubectl."""
    mortal.start(ready=False)
    prefix = f"{cluster.namespace}_"
    eventually(f"{at_least} rooms are made", lambda: len(livekit.sids(prefix)) >= at_least, within=15)
    mortal.kill()
    ready = len(cluster.ready_rooms())
    print(f"killed with {ready} of {ROOMS} Rooms Ready, {len(livekit.sids(prefix))} rooms made")
    assert ready < ROOMS, "the operator was done before it was killed"
