"""One replica works and another stands by: what the second does meanwhile, and how soon it takes over."""

from __future__ import annotations

import re
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest
from livekit.protocol import room as pb

from tests.e2e.recorder import recording_requests
from tests.e2e.replicas import Replica, Replicas, replicas, requests
from tests.e2e.support import PATIENCE, OperatorProcess, eventually, http_status
from tests.e2e.test_webhooks import Sender, event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from roomkeeper.localstack import LocalStack
    from tests.e2e.conftest import LiveKitView
    from tests.e2e.support import Cluster

ROLES = [{"name": "host"}]
NO_RESYNC = "600"


@pytest.fixture
def slow(stack: LocalStack, cluster: Cluster, tmp_path: Path) -> Iterator[Replicas]:
    """Replicas as people run them."""
    with replicas(stack, cluster, tmp_path, lease_seconds=15) as made:
        yield made


@pytest.fixture
def quick(stack: LocalStack, cluster: Cluster, tmp_path: Path) -> Iterator[Replicas]:
    """Replicas of a Lease that is short, for tests that wait for its end."""
    with replicas(stack, cluster, tmp_path, lease_seconds=3) as made:
        yield made


def a_pair(made: Replicas, **environment: str) -> tuple[Replica, Replica]:
    """Start two, the first of which works; the Room standup is Ready. LiveKit reports to the second."""
    first = made.start("first", **environment)
    eventually("the first has the Lease", first.holds_the_lease, within=2)
    second = made.start("second", port=made.stack.operator_port, **environment)
    made.cluster.apply(made.cluster.room("standup", roles=ROLES))
    eventually("the Room is Ready", lambda: made.cluster.is_ready("standup"), within=2)
    return first, second


def first_write(replica: Replica, since: int, after: float, within: float) -> None:
    """Wait until a replica has written, and tell how many seconds that was after a moment."""
    found = eventually(f"{replica.name} has written", lambda: replica.writes(since), within=within)
    took = found[0].received - after
    late = " LATE" if took > within else ""
    print(f"[{took:6.2f} s of {within:g} s]{late} until the first write: {found[0].verb} {found[0].resource}")
    assert took < within * PATIENCE


def test_a_replica_that_is_told_to_stop_is_followed_within_three_seconds(
    slow: Replicas, livekit: LiveKitView
) -> None:
    since = slow.stack.audit.mark()
    first, second = a_pair(slow, ROOMKEEPER_RESYNC_SECONDS=NO_RESYNC)
    assert second.is_ready()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", slow.lease()["spec"]["renewTime"])
    assert slow.lease()["spec"]["leaseTransitions"] == 0

    # What LiveKit reports to the second is acted on by the first: there is no resync that would find it.
    room = f"{slow.cluster.namespace}_standup"
    before = livekit.sids(room)
    livekit.delete(room)
    eventually("the room is there again", lambda: livekit.sids(room) not in ([], before), within=2)
    assert {one.verb for one in requests(slow.stack, second.user, since)} <= {"get", "list", "watch"}

    idle, asked = slow.stack.audit.mark(), time.time()
    first.send(signal.SIGTERM)
    slow.edit("standup", "one")
    first_write(second, idle, after=asked, within=3)
    assert first.ended(within=2) == 0
    eventually("the edit is in LiveKit", lambda: "one" in livekit.room(room).metadata, within=2)
    assert slow.lease()["spec"]["leaseTransitions"] == 1
    # What the edit asked for is all that was written, by whichever of them.
    written = [(one.verb, one.resource) for one in (*first.writes(idle), *second.writes(idle))]
    assert set(written) == {("patch", "rooms/status")}
    assert second.stop() == 0
    assert slow.lease()["spec"]["holderIdentity"] == ""


def test_a_replica_that_is_killed_is_followed_when_its_lease_has_expired(
    quick: Replicas, livekit: LiveKitView
) -> None:
    first, second = a_pair(quick)
    since = quick.stack.audit.mark()
    killed = time.time()
    first.kill()
    assert Sender(quick.stack).send(event("nobody")) == 503  # nobody works
    quick.edit("standup", "one")
    first_write(second, since, after=killed, within=20 / 15 * quick.lease_seconds)
    eventually("webhooks are taken", lambda: Sender(quick.stack).send(event("nobody")) == 200, within=1)
    assert second.stop() == 0


def test_a_replica_that_wakes_up_without_its_lease_ends_and_changes_nothing(
    quick: Replicas, livekit: LiveKitView
) -> None:
    first, second = a_pair(quick)
    first.pause()
    quick.edit("standup", "one")
    eventually("the second has the Lease", second.holds_the_lease, within=5)
    since = quick.stack.audit.mark()
    first.go_on()
    assert first.ended(within=3) == 1
    assert "the Lease" in first.output()
    assert first.writes(since) == []
    room = f"{quick.cluster.namespace}_standup"
    eventually("the edit is in LiveKit", lambda: "one" in livekit.room(room).metadata, within=2)
    assert second.is_running


def test_what_is_worked_on_is_finished_and_a_second_signal_does_not_wait_for_it(
    stack: LocalStack, cluster: Cluster, tmp_path: Path
) -> None:
    for again in (False, True):
        with recording_requests() as server:
            server.has(f"{cluster.namespace}_slow")
            server.answers["ListRooms"] = pb.ListRoomsResponse()
            hang = server.hangs["CreateRoom"] = threading.Event()
            operator = OperatorProcess(stack, tmp_path / "operator.log")
            operator.start(options=("-n", cluster.namespace), LIVEKIT_URL=server.url)
            cluster.apply(cluster.room("slow", roles=ROLES))
            eventually("the operator waits for LiveKit", lambda: b"/CreateRoom" in server.sent, within=2)
            operator.send(signal.SIGTERM)
            time.sleep(1)
            assert operator.is_running
            if again:
                began = time.monotonic()
                assert operator.stop(signal.SIGINT) == 128 + signal.SIGINT
                assert time.monotonic() - began < 1
                continue
            hang.set()
            assert operator.ended(within=2) == 0
            assert cluster.is_ready("slow")
            cluster.delete("room", "slow")


def test_leader_election_outside_of_a_cluster_asks_for_a_namespace(stack: LocalStack, tmp_path: Path) -> None:
    operator = OperatorProcess(stack, tmp_path / "operator.log")
    operator.start(ready=False, ROOMKEEPER_LEADER_ELECT="true", POD_NAMESPACE="")
    eventually("it ends", lambda: not operator.is_running, within=5)
    assert operator.stop() == 1
    assert "--lease-namespace" in operator.output()
    assert "--leader-elect=false" in operator.output()
    assert http_status(f"http://127.0.0.1:{operator.port}/healthz") == 0
