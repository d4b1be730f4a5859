"""How many Recordings may run at once, and which rooms a namespace may record at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.studio import ROOM
from tests.e2e.studios import ALL, Tenant, studios
from tests.e2e.support import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from roomkeeper.localstack import LocalStack
    from roomkeeper.localstack.egress_standin import StandinEgress
    from tests.e2e.conftest import LiveKitView
    from tests.e2e.support import OperatorProcess


@pytest.fixture
def make(stack: LocalStack) -> Iterator[Callable[..., Tenant]]:
    with studios(stack) as make:
        yield make


def at_once(egresses: list[StandinEgress]) -> int:
    """Return how many of them ran at the same moment, at most."""
    begun: list[tuple[datetime, int]] = [(one.started, 1) for one in egresses if one.started]
    ended = [(one.ended, -1) for one in egresses if one.ended]
    running, most = 0, 0
    for _, change in sorted(begun + ended):
        running += change
        most = max(most, running)
    return most


def test_never_more_run_than_the_policy_allows(
    make: Callable[..., Tenant], operator: OperatorProcess
) -> None:
    provider, tenant, another = make(), make(), make()
    provider.host(policy={"maxActivePerNamespace": 2})
    provider.share(**ALL)
    names = [f"r{number}" for number in range(6)]
    for who in (tenant, another, provider):
        who.move_in(provider)
        who.begin(*names, **provider.archive())

    def running(who: Tenant) -> set[str]:
        return {name for name, status in who.statuses().items() if status.get("state") == "Active"}

    for who, limit in ((tenant, 2), (another, 2), (provider, 6)):
        eventually("as many run as may", lambda who=who, limit=limit: len(running(who)) == limit, within=5)
    waiting = set(names) - running(tenant)
    told = (
        "2 Recordings of this namespace run on this server, and its policy allows 2 (maxActivePerNamespace)"
    )
    for name in waiting:
        assert tenant.is_refused(name, "PolicyViolation") == told

    over: set[str] = set()
    while len(over) < len(names):
        now = eventually("two run, or the last", lambda: running(tenant) - over, within=5)
        first = min(now)
        over.add(first)
        tenant.end(first)
        left = min(2, len(names) - len(over))
        eventually("the next begins", lambda left=left: len(running(tenant)) == left, within=2)
    ran = tenant.egresses()
    assert len(ran) == len(names)
    assert at_once(ran) == 2
    assert at_once(provider.egresses()) == len(names)


def test_rooms_that_a_namespace_may_not_see(
    make: Callable[..., Tenant], livekit: LiveKitView, operator: OperatorProcess
) -> None:
    provider, tenant, victim = make(), make(), make()
    provider.host(policy={"workerStorage": "Prefixed"})
    victim.move_in(provider)
    tried = {
        "of-the-victim": victim.room_name,
        "not-there": f"{victim.namespace}_nothing",
        "no-namespace-yet": "not-yet-there_standup",
        "plain": "standup",
        "upper": f"{tenant.namespace.upper()}_standup",
    }
    livekit.create(tried["plain"])
    for name, room in tried.items():
        tenant.begin(name, roomName=room, **provider.main())
        tenant.begin(f"{name}-soon", roomName=room, startDeadlineSeconds=1, **provider.main())
    for name, room in tried.items():
        told = tenant.is_refused(name, "PolicyViolation")
        assert told == f"spec.roomName: {room!r} is no room that this namespace may record"
        end = eventually(
            "time is over",
            lambda name=name: tenant.refused("NothingToRecord", f"{name}-soon"),
            within=3,
        )
        assert end.endswith(f"spec.roomName: {room!r} is no room that this namespace may record")
        assert tenant.stack.egress_standin.egresses(room) == []
    own = f"{tenant.namespace}_its own"
    livekit.create(own)
    tenant.begin("own", roomName=own, **provider.main())
    tenant.run("own")


def test_a_room_that_is_refused_or_in_conflict_is_not_recorded(
    make: Callable[..., Tenant], livekit: LiveKitView, operator: OperatorProcess
) -> None:
    provider, winner, loser = make(), make(), make()
    policy = {"roomNamePatterns": ["{namespace}_*", "lobby-*"], "recordings": {"workerStorage": "Prefixed"}}
    provider.offer_livekit("main", provider.stack, **ALL, policy=policy)
    lobby = f"lobby-{winner.namespace}"
    winner.apply(winner.uses(provider, "main", ROOM, roomName=lobby, roles=[]))
    eventually("the winner has its room", lambda: winner.is_ready(ROOM), within=3)
    eventually("a second has passed", lambda: winner.age(ROOM) > 1.1, within=2)
    loser.apply(
        loser.uses(provider, "main", ROOM, roomName=lobby, roles=[]),
        loser.uses(provider, "main", "foreign", roomName=winner.room_name, roles=[]),
    )
    eventually("the other is the loser", lambda: loser.says(ROOM, "RoomConflict"), within=3)
    eventually("a third is refused", lambda: loser.says("foreign", "PolicyViolation"), within=3)
    loser.begin("conflict")
    loser.begin("foreign", roomRef={"name": "foreign"})
    loser.begin("missing", roomRef={"name": "none"})
    told = {
        "conflict": ("RoomNotAvailable", "RoomConflict"),
        "foreign": ("RoomNotAvailable", "PolicyViolation"),
        "missing": ("RoomNotFound", "'none'"),
    }
    for name, (reason, part) in told.items():
        ready = eventually("it waits", lambda name=name: loser.recording_condition(name), within=3)
        assert (ready["status"], ready["reason"]) == ("False", reason)
        assert part in ready["message"]
        assert winner.namespace not in ready["message"].replace(lobby, "").replace(winner.room_name, "")
    winner.begin("talk")
    winner.run("talk")
    assert len(winner.egresses(lobby)) == 1
    winner.end("talk")
    assert len(winner.egresses(lobby)) == 1
    assert winner.egresses(winner.room_name) == []
    assert {status["state"] for status in loser.statuses().values()} == {"Armed"}
