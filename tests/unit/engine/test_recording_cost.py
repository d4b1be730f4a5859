"""What one Recording costs the others: as little as can be, however many there are."""

from __future__ import annotations

import pytest

from roomkeeper.adapters.kubernetes.resources import RECORDINGS
from roomkeeper.domain.objects import RECORDING, STORAGE, Key
from roomkeeper.domain.reasons import Reason
from roomkeeper.engine.kinds import KINDS
from tests.unit.engine.fleet import URL
from tests.unit.engine.recordings import IS_DEFAULT, ON_MAIN, Recorder, a_recorder, live_egresses
from tests.unit.engine.warehouse import PROVIDER, TENANT

LATER = {"startAt": "2027-01-01T00:00:00Z"}
MANY = 200


@pytest.fixture
async def recorder() -> Recorder:
    return await a_recorder()


async def woken(recorder: Recorder) -> list[Key]:
    """Return which Recordings wait to be looked at, and look at them."""
    recorder.deliver()
    keys = sorted(key for key in recorder.queue._waiting if key.kind == RECORDING)
    await recorder.settle()
    return keys


def forget_calls(recorder: Recorder) -> None:
    recorder.asked()
    recorder.livekits[URL].calls.clear()


async def test_what_happens_to_a_storage_wakes_those_whom_it_may_concern(recorder: Recorder) -> None:
    named = recorder.record("named", **{**ON_MAIN, **LATER})
    server = {"serverRef": ON_MAIN["serverRef"]}
    by_default = recorder.record("by-default", **server, **LATER)
    inline = {"s3": {"bucket": "mine", "credentialsSecretRef": {"name": "mine"}}}
    recorder.record("inline", **server, **LATER, storage=inline)
    recorder.record("elsewhere", namespace="team-b", **{**ON_MAIN, **LATER})
    elsewhere = recorder.record("default-elsewhere", namespace="team-b", **server, **LATER)
    await recorder.settle()
    recorder.add_storage("theirs", namespace="team-b", annotations=IS_DEFAULT)
    assert await woken(recorder) == [elsewhere]
    recorder.add_storage("ours", namespace=TENANT)
    assert await woken(recorder) == [by_default]
    recorder.kubernetes.store.delete(KINDS[STORAGE], namespace=TENANT, name="ours")
    assert await woken(recorder) == [by_default]
    key = recorder.record("of-archive", namespace=PROVIDER, storageRef={"name": "archive"}, **LATER)
    await recorder.settle()
    recorder.kubernetes.store.delete(KINDS[STORAGE], namespace=PROVIDER, name="archive")
    assert {named, key} <= set(await woken(recorder))


async def test_the_default_storage_of_the_operator_concerns_all_that_name_none() -> None:
    recorder = Recorder(default_storage=Key(STORAGE, PROVIDER, "archive"))
    keys = [recorder.record(namespace=namespace, **LATER) for namespace in ("team-a", "team-b")]
    await recorder.settle()
    recorder.add_storage(allowedNamespaces={"from": "All"})
    assert await woken(recorder) == keys


async def test_no_recording_counts_the_others_where_their_number_is_not_limited(recorder: Recorder) -> None:
    for number in range(MANY):
        recorder.livekits[URL].join(f"{TENANT}_r{number}", "alice")
        recorder.record(f"r{number}", **ON_MAIN, roomName=f"{TENANT}_r{number}")
    await recorder.settle()
    assert len(await live_egresses(recorder.livekits[URL])) == MANY
    servers, resolve, asked = recorder.operator.servers, recorder.operator.servers.resolve_recording, []
    servers.resolve_recording = lambda *one: (asked.append(one), resolve(*one))[1]  # type: ignore[method-assign]
    key = recorder.record("one-more", **ON_MAIN)
    await recorder.settle()
    assert recorder.state(key) == "Starting"
    assert len(asked) < 20


async def test_no_server_goes_through_what_runs_on_others(recorder: Recorder) -> None:
    for number in range(MANY):
        recorder.livekits[URL].join(f"{TENANT}_r{number}", "alice")
        recorder.record(f"r{number}", **ON_MAIN, roomName=f"{TENANT}_r{number}")
    await recorder.settle()
    await recorder.probe()
    await recorder.settle()
    servers, resolve, asked = recorder.operator.servers, recorder.operator.servers.resolve_recording, []
    servers.resolve_recording = lambda *one: (asked.append(one), resolve(*one))[1]  # type: ignore[method-assign]
    await recorder.probe()
    assert len(asked) < 20


async def test_an_end_wakes_nobody_where_their_number_is_not_limited(recorder: Recorder) -> None:
    key = recorder.record(**ON_MAIN)
    recorder.record("waiting", **{**ON_MAIN, **LATER}, roomName=f"{TENANT}_later")
    await recorder.settle()
    recorder.patch(key, spec={"desiredState": "Stopped"})
    await recorder.settle()
    livekit = recorder.livekits[URL]
    livekit.tick()
    assert await woken(recorder) == [key]
    livekit.tick()
    await recorder.settle()
    await recorder.reconcile(key)
    recorder.kubernetes.store.delete(RECORDINGS, namespace=TENANT, name="talk")
    assert await woken(recorder) == []


async def test_what_is_refused_asks_nothing_of_livekit() -> None:
    recorder = await a_recorder(maxActivePerNamespace=1)
    running = recorder.record(**ON_MAIN)
    await recorder.settle()
    assert recorder.state(running) == "Starting"
    over = recorder.record("over", **ON_MAIN)
    foreign = recorder.record("foreign", **{**ON_MAIN, "roomName": "team-b_standup"})
    await recorder.settle()
    assert {recorder.reason(key) for key in (over, foreign)} == {"PolicyViolation"}
    forget_calls(recorder)
    for key in (over, foreign):
        await recorder.reconcile(key)
    assert recorder.asked() == []
    assert recorder.livekits[URL].calls == []


@pytest.mark.parametrize("is_there", [False, True])
async def test_a_room_that_it_may_not_see_is_not_told_of_when_time_is_over(
    recorder: Recorder, *, is_there: bool
) -> None:
    if is_there:
        recorder.livekits[URL].join("team-b_standup", "bob")
    theirs = {**ON_MAIN, "roomName": "team-b_standup", "startDeadlineSeconds": 5}
    keys = [
        recorder.record("any", **theirs, start="WhenRoomActive"),
        recorder.record("bob", **theirs, source={"participant": {"identity": "bob"}}),
    ]
    await recorder.settle()
    recorder.clock.advance(6)
    for key in keys:
        await recorder.reconcile(key)
        assert recorder.reason(key) == "NothingToRecord"
        told = (
            "nothing could be recorded in time: spec.roomName: 'team-b_standup' is no room that this namespace may"
            " record"
        )
        assert {one["message"] for one in recorder.shown(key)["conditions"]} == {
            told,
            Reason.NOTHING_TO_RECORD.advice,
        }


async def test_the_next_one_is_woken_by_an_end_where_their_number_is_limited() -> None:
    recorder = await a_recorder(maxActivePerNamespace=1)
    livekit = recorder.livekits[URL]
    first, second = recorder.record("first", **ON_MAIN), recorder.record("second", **ON_MAIN)
    await recorder.settle()
    assert sorted(recorder.state(key) for key in (first, second)) == ["Armed", "Starting"]
    running = next(key for key in (first, second) if recorder.state(key) == "Starting")
    waiting = next(key for key in (first, second) if key != running)
    await recorder.play(2, of=livekit)
    recorder.patch(running, spec={"desiredState": "Stopped"})
    await recorder.settle()
    await recorder.play(3, of=livekit)
    assert [recorder.state(key) for key in (running, waiting)] == ["Stopped", "Starting"]
    third = recorder.record("third", **ON_MAIN)
    await recorder.settle()
    recorder.delete_recording(waiting)
    await recorder.settle()
    await recorder.play(3, of=livekit)
    await recorder.reconcile(waiting)
    assert recorder.state(third) == "Active"


async def test_what_names_a_room_of_others_is_not_woken_by_it(recorder: Recorder) -> None:
    livekit, theirs = recorder.livekits[URL], "team-b_standup"
    for number in range(3):
        recorder.record(f"r{number}", **{**ON_MAIN, **LATER}, roomName=theirs)
        recorder.schedule(f"s{number}", roomName=theirs, serverRef=ON_MAIN["serverRef"])
    own = recorder.record("own", **{**ON_MAIN, **LATER}, roomName=f"{TENANT}_own")
    await recorder.settle()
    livekit.join(theirs, "bob")
    livekit.join(f"{TENANT}_own", "alice")
    recorder.deliver()
    assert sorted(recorder.queue._waiting) == [own]
    await recorder.settle()

    # As soon as it may have it, it hears of it.
    patterns = {"policy": {"roomNamePatterns": ["lobby"]}}
    recorder.edit_server(spec=patterns)
    lobby = recorder.record("lobby", **{**ON_MAIN, **LATER}, roomName="lobby-2")
    await recorder.settle()
    recorder.edit_server(spec={"policy": {"roomNamePatterns": ["lobby-2"]}})
    await recorder.settle()
    livekit.join("lobby-2", "bob")
    assert await woken(recorder) == [lobby]


async def test_webhooks_about_egresses_of_others_are_not_remembered(recorder: Recorder) -> None:
    livekit = recorder.livekits[URL]
    for number in range(100):
        livekit.tell("egress_started", room_name="any", room_sid="RM_1", egress_id=f"EG_{number}")
        livekit.tell(
            "egress_started", room_name=f"{TENANT}_standup", room_sid="RM_1", egress_id=f"EG_{number}"
        )
    recorder.record(**{**ON_MAIN, **LATER})
    await recorder.settle()
    assert not recorder.connection().egresses._hints
