"""Which server and which storage a Recording has: those that are declared until it begins, and then those it began on."""

from __future__ import annotations

import pytest

from roomkeeper.adapters.livekit.memory_job import EgressFault
from roomkeeper.domain.objects import STORAGE, Key
from roomkeeper.domain.recordings import AMBIGUOUS_SECONDS
from roomkeeper.engine.kinds import KINDS
from tests.unit.engine.fleet import MAIN, URL
from tests.unit.engine.recordings import IS_DEFAULT, ON_MAIN, Recorder, a_recorder, live_egresses
from tests.unit.engine.warehouse import KEYS, PROVIDER, TENANT

LATER = "2027-01-01T00:00:00Z"


@pytest.fixture
async def recorder() -> Recorder:
    return await a_recorder()


async def test_a_storage_that_is_declared_otherwise_before_the_start_counts(recorder: Recorder) -> None:
    recorder.keep_data(KEYS, namespace=TENANT, name="keys")
    trusted = {"allowedServers": [{"namespace": MAIN.namespace, "name": MAIN.name}]}
    recorder.add_storage("own", namespace=TENANT, **trusted)
    key = recorder.record(**ON_MAIN, startAt=LATER)
    await recorder.settle()
    assert recorder.state(key) == "Armed"
    assert recorder.shown(key)["storageRef"]["name"] == "archive"
    recorder.patch(key, spec={"storageRef": {"namespace": TENANT, "name": "own"}})
    await recorder.settle()
    assert recorder.shown(key)["storageRef"]["name"] == "own"
    recorder.patch(key, spec={"storageRef": None})
    recorder.add_storage("first", namespace=TENANT, annotations=IS_DEFAULT, **trusted)
    await recorder.settle()
    assert recorder.shown(key)["storageRef"]["name"] == "first"


async def test_a_storage_that_was_made_anew_before_the_start_counts(recorder: Recorder) -> None:
    key = recorder.record(**ON_MAIN, startAt=LATER)
    await recorder.settle()
    recorder.kubernetes.store.delete(KINDS[STORAGE], namespace=PROVIDER, name="archive")
    await recorder.settle()
    assert recorder.reason(key) == "StorageNotAllowed"
    recorder.add_storage(
        allowedNamespaces={"from": "All"}, allowedServers=[{"namespace": MAIN.namespace, "name": MAIN.name}]
    )
    await recorder.settle()
    assert recorder.reason(key) == "Armed"


async def test_what_runs_ends_as_declared_though_its_namespace_is_not_let_in_any_more(
    recorder: Recorder,
) -> None:
    livekit = recorder.livekits[URL]
    keys = {name: recorder.record(name, **ON_MAIN) for name in ("stopped", "ended")}
    await recorder.settle()
    await recorder.play(2, of=livekit)
    assert {recorder.state(key) for key in keys.values()} == {"Active"}
    recorder.edit_server(spec={"allowedNamespaces": {"from": "Same"}})
    await recorder.settle()
    assert {recorder.state(key) for key in keys.values()} == {"Active"}
    recorder.patch(keys["stopped"], spec={"desiredState": "Stopped"})
    await recorder.settle()
    await recorder.play(3, of=livekit)
    assert recorder.state(keys["stopped"]) == "Stopped"
    livekit.leave(f"{TENANT}_standup", "alice")
    await livekit.delete_room(f"{TENANT}_standup")
    await recorder.play(3, of=livekit)
    assert recorder.state(keys["ended"]) == "Complete"
    assert await live_egresses(livekit) == []
    new = recorder.record("new", **ON_MAIN)
    await recorder.settle()
    assert recorder.reason(new) == "ServerNotAllowed"


async def test_a_start_that_came_to_nothing_is_not_repeated_where_its_namespace_is_not_let_in_any_more(
    recorder: Recorder,
) -> None:
    livekit = recorder.livekits[URL]
    livekit.egress.fault(f"{TENANT}_standup", EgressFault.BUSY)
    key = recorder.record(**ON_MAIN)
    await recorder.settle()
    assert recorder.state(key) == "Starting"
    recorder.edit_server(spec={"allowedNamespaces": {"from": "Same"}})
    await recorder.settle()
    recorder.clock.advance(AMBIGUOUS_SECONDS)
    for _ in range(2):
        await recorder.reconcile(key)
    assert recorder.reason(key) == "ServerNotAllowed"
    assert recorder.shown(key)["state"] == "Armed"
    assert len(livekit.egress.starts) == 1


async def test_a_room_whose_name_is_not_allowed_any_more_is_not_recorded_though_its_room_says_nothing_yet() -> (
    None
):
    recorder = await a_recorder()
    recorder.edit_server(spec={"policy": {"roomNamePatterns": ["lobby"]}})
    await recorder.settle()
    room = recorder.declare("lobby", namespace=TENANT, roomName="lobby", serverRef=ON_MAIN["serverRef"])
    await recorder.settle()
    assert recorder.ready_reason(room) == "Available"
    key = recorder.record(roomName=None, roomRef={"name": "lobby"}, storageRef=ON_MAIN["storageRef"])
    recorder.edit_server(spec={"policy": {"roomNamePatterns": ["hall"]}})
    recorder.deliver()
    for one in (MAIN, key):
        await recorder.workers.reconcilers[one.kind].reconcile(one)
    assert recorder.livekits[URL].egress.starts == []
    assert recorder.reason(key) == "PolicyViolation"
    assert recorder.message(key) == "spec.roomRef: 'lobby' is no room that this namespace may record"


async def test_nobody_borrows_the_workers_identity_by_a_storage_of_their_own(recorder: Recorder) -> None:
    trusted = {"allowedServers": [{"namespace": MAIN.namespace, "name": MAIN.name}]}
    keyless = {"s3": {"bucket": "of-the-provider"}, **trusted}
    recorder.add_storage("own", namespace=TENANT, **keyless)
    recorder.add_storage("next-door", namespace="team-b", allowedNamespaces={"from": "All"}, **keyless)
    for namespace, name in ((TENANT, "own"), ("team-b", "next-door")):
        storage = {"namespace": namespace, "name": name}
        key = recorder.record(name, **{**ON_MAIN, "storageRef": storage})
        await recorder.settle()
        assert recorder.reason(key) == "PolicyViolation"
    assert recorder.livekits[URL].egress.starts == []


async def test_the_storage_that_the_operator_was_started_with_may_use_it() -> None:
    default = Key(STORAGE, "storage", "default")
    recorder = await a_recorder(default_storage=default)
    for name in ("default", "other"):
        recorder.add_storage(
            name,
            namespace=default.namespace,
            s3={"bucket": "of-the-provider"},
            allowedNamespaces={"from": "All"},
            allowedServers=[{"namespace": MAIN.namespace, "name": MAIN.name}],
        )
    by_default, other = (
        recorder.record(name, **{**ON_MAIN, "storageRef": {"namespace": default.namespace, "name": name}})
        for name in ("default", "other")
    )
    await recorder.settle()
    assert recorder.state(by_default) == "Starting"
    assert recorder.reason(other) == "PolicyViolation"
