"""Two shards: what each works on, what it leaves to the other, and what goes from one to the other untouched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roomkeeper.adapters.kubernetes.resources import SECRETS
from roomkeeper.adapters.ports import ConflictError
from roomkeeper.api.common import LABEL_SHARD
from roomkeeper.domain.objects import RECORDING, SCHEDULE, SERVER, Key
from roomkeeper.domain.shards import Shard
from roomkeeper.engine.kinds import KINDS, selectors
from tests.unit.engine.fleet import MAIN, URL
from tests.unit.engine.pair import Pair, a_pair
from tests.unit.engine.recordings import ON_MAIN, live_egresses
from tests.unit.engine.warehouse import TENANT

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import Body

HELD = "roomkeeper.dev/in-use"
ROLE = {"name": "host", "identities": ["alice"]}
ON_SERVER = {"serverRef": ON_MAIN["serverRef"]}


@pytest.fixture
async def pair() -> Pair:
    return await a_pair()


async def a_room(pair: Pair, shard: str = "a", *, name: str = "standup", **spec: Any) -> Key:
    """Have a Room in a shard, and what it declares be made."""
    key = pair.a.declare(name, namespace=TENANT, **{"roles": [ROLE], **ON_SERVER, **spec})
    pair.a.label(key, shard)
    await pair.settle()
    return key


async def a_recording(pair: Pair, shard: str = "a") -> Key:
    """Have a Recording in a shard, and run."""
    key = pair.a.record(**ON_MAIN)
    pair.a.label(key, shard)
    await pair.settle()
    await play(pair, 2)
    assert pair.a.state(key) == "Active"
    return key


async def play(pair: Pair, steps: int) -> None:
    """Have the Egress workers go on, and both shards hear of it."""
    for _ in range(steps):
        pair.a.livekits[URL].tick()
        await pair.settle()


def secret(pair: Pair, name: str = "standup.host") -> Body:
    return pair.a.kubernetes.store.get(SECRETS, namespace=TENANT, name=name)


def finalizers(pair: Pair) -> list[str]:
    held: list[str] = pair.a.server_body()["metadata"].get("finalizers", [])
    return held


def livekit_calls(pair: Pair) -> list[str]:
    """Return and forget what was asked of LiveKit, but what only looks."""
    calls = [f"{method} {name}".strip() for method, name in pair.a.livekits[URL].calls]
    pair.a.livekits[URL].calls.clear()
    return [call for call in calls if not call.startswith(("list_", "creates_rooms", "has_redis"))]


def test_the_api_server_selects_for_each_shard_but_what_all_share() -> None:
    assert {kind.plural: selector for kind, selector in selectors(Shard.of("a")).items()} == {
        "livekitservers": "",
        "recordingstorages": "",
        "rooms": "roomkeeper.dev/shard=a",
        "recordings": "roomkeeper.dev/shard=a",
        "recordingschedules": "roomkeeper.dev/shard=a",
        "secrets": "app.kubernetes.io/managed-by=roomkeeper,roomkeeper.dev/shard=a",
    }
    alone = {kind.plural: selector for kind, selector in selectors(Shard()).items() if selector}
    assert alone == {"secrets": "app.kubernetes.io/managed-by=roomkeeper"}


async def test_each_works_on_its_own_and_what_it_makes_is_in_its_shard(pair: Pair) -> None:
    key = pair.a.declare("standup", namespace=TENANT, roles=[ROLE], **ON_SERVER)
    pair.a.label(key, "b")
    assert await pair.asked(pair.a) == []
    asked = await pair.asked(pair.b)
    assert "create secrets standup.host" in asked
    assert secret(pair)["metadata"]["labels"][LABEL_SHARD] == "b"
    assert len(pair.a.operator.secrets) == 0
    assert len(pair.b.operator.secrets) == 1


async def test_a_room_goes_to_another_shard_and_its_room_and_its_secret_stay(pair: Pair) -> None:
    key = await a_room(pair)
    before, room = secret(pair), pair.a.status(key)
    livekit_calls(pair)
    pair.a.label(key, "b")
    letting_go = await pair.asked(pair.a)
    assert {call for call in letting_go if not call.startswith("livekit ")} == {
        "get secrets livekit-api",
        "patch livekitservers main",
        "patch livekitservers/status main",
    }
    taking = await pair.asked(pair.b)
    await pair.settle()
    assert [call for call in taking if "standup" in call and not call.startswith("livekit ")] == [
        "get secrets standup.host",
        "patch rooms/status standup",
        "apply secrets standup.host",
        "patch rooms/status standup",
    ]
    after = secret(pair)
    assert (after["metadata"]["uid"], after["metadata"]["labels"][LABEL_SHARD]) == (
        before["metadata"]["uid"],
        "b",
    )
    assert pair.a.status(key)["sid"] == room["sid"]
    assert livekit_calls(pair) == []
    assert (len(pair.a.operator.secrets), len(pair.b.operator.secrets)) == (0, 1)
    assert await pair.asked(pair.b) == []


async def test_the_shard_that_a_room_has_left_does_nothing_about_it(pair: Pair) -> None:
    key = await a_room(pair)
    pair.a.label(key, "b")
    await pair.settle()
    pair.a.kubernetes.store.delete(SECRETS, namespace=TENANT, name="standup.host")
    pair.a.edit(key, metadata={"topic": "new"})
    asked = await pair.asked(pair.a)
    assert not [call for call in asked if "livekitservers" not in call]
    await pair.settle()
    assert secret(pair)["metadata"]["labels"][LABEL_SHARD] == "b"


async def test_a_shard_that_has_not_heard_yet_that_a_room_left_takes_no_secret_back(pair: Pair) -> None:
    key = await a_room(pair)
    held = secret(pair)
    pair.a.label(key, "b")
    await pair.b.settle()
    written = secret(pair)
    assert written["metadata"]["labels"][LABEL_SHARD] == "b"
    pair.a.wakeups.secret_event("DELETED", held)  # this watch was faster than that of the Rooms
    with pytest.raises(ConflictError):
        await pair.a.workers.reconcilers[key.kind].reconcile(key)
    assert secret(pair) == written


async def test_a_room_that_comes_back_is_worked_on_again(pair: Pair) -> None:
    key = await a_room(pair)
    for shard in ("b", "a"):
        pair.a.label(key, shard)
        await pair.settle()
    assert secret(pair)["metadata"]["labels"][LABEL_SHARD] == "a"
    pair.a.edit(key, roles=[])
    await pair.a.settle()
    assert not pair.a.kubernetes.store.list(SECRETS, namespace=TENANT)


async def test_what_is_older_than_its_leaving_brings_nothing_back(pair: Pair) -> None:
    key = await a_room(pair)
    old = pair.a.body(key)
    pair.a.label(key, "b")
    await pair.settle()
    pair.a.wakeups.object_event(key.kind, None, old)  # a list that was under way
    assert pair.a.operator.objects.get(key) is None


async def test_a_secret_of_a_role_that_went_with_the_move_goes_too(pair: Pair) -> None:
    key = await a_room(pair)
    both = {"metadata": {"labels": {LABEL_SHARD: "b"}}, "spec": {"roles": []}}
    pair.a.patch(key, **both)
    await pair.settle()
    assert not pair.a.kubernetes.store.list(SECRETS, namespace=TENANT)


async def test_a_running_recording_goes_to_another_shard_and_its_egress_runs_on(pair: Pair) -> None:
    key = await a_recording(pair)
    egress = pair.a.shown(key)["egressID"]
    livekit_calls(pair)
    pair.a.label(key, "b")
    assert "get recordings talk" in await pair.asked(pair.a)
    await pair.settle()
    await play(pair, 1)
    assert livekit_calls(pair) == []
    assert [one.id for one in await live_egresses(pair.a.livekits[URL])] == [egress]
    assert not pair.a.operator.abandoned.of(TENANT)
    pair.a.patch(key, spec={"desiredState": "Stopped"})
    assert not [call for call in await pair.asked(pair.a) if "recordings" in call]
    await pair.settle()
    await play(pair, 3)
    assert (pair.a.state(key), pair.a.shown(key)["egressID"]) == ("Stopped", egress)


async def test_a_recording_that_is_gone_is_stopped_by_the_shard_that_had_it(pair: Pair) -> None:
    key = await a_recording(pair, "b")
    pair.a.forget_by_force(key)
    await play(pair, 3)
    assert await live_egresses(pair.a.livekits[URL]) == []


async def test_one_of_its_name_made_anew_is_not_the_one_that_is_gone(pair: Pair) -> None:
    key = await a_recording(pair)
    pair.a.forget_by_force(key)
    pair.a.record(**ON_MAIN)  # in no shard
    await play(pair, 3)
    assert await live_egresses(pair.a.livekits[URL]) == []


async def test_the_shard_of_the_server_writes_its_status(pair: Pair) -> None:
    asked = await ask_again(pair)
    assert asked == {"a": ["patch livekitservers/status main"], "b": []}
    pair.a.label(MAIN, "b")
    await pair.settle()
    asked = await ask_again(pair)
    assert asked == {"a": [], "b": ["patch livekitservers/status main"]}
    pair.a.label(MAIN, None)
    await pair.settle()
    assert await ask_again(pair) == {"a": [], "b": []}


async def test_a_server_of_no_shard_is_warned_about_once(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    other = pair.a.add_server("other")
    await pair.settle()
    assert "no shard" not in caplog.text
    for _ in range(2):
        pair.a.clock.advance(61)
        await pair.b.reconcile(other)
    assert caplog.text.count("no shard writes its status") == 1


async def ask_again(pair: Pair) -> dict[str, list[str]]:
    """Edit the server, and return what each of the two writes about it."""
    generation = pair.a.server_body()["metadata"]["generation"]
    pair.a.edit_server(spec={"resyncSeconds": 60 + generation})
    return {
        half.name: [call for call in await pair.asked(half) if call.startswith("patch")]
        for half in (pair.a, pair.b)
    }


async def test_the_shard_of_a_storage_writes_its_status(pair: Pair) -> None:
    storage = pair.a.add_storage("other")
    await pair.settle()
    assert "status" not in pair.a.seen(storage)
    pair.a.label(storage, "b")
    assert await pair.asked(pair.a) == []
    await pair.settle()
    assert pair.a.seen(storage)["status"]["conditions"]


async def test_a_server_is_held_while_objects_of_another_shard_use_it(pair: Pair) -> None:
    key = await a_room(pair, "b")
    assert finalizers(pair) == [f"{HELD}-b"]
    pair.a.delete_server()
    await pair.settle()
    ready = pair.a.server_status()["conditions"][0]
    assert (ready["reason"], ready["message"]) == ("InUse", "objects of shard b still use this server")
    pair.a.delete(key)
    await pair.settle()
    assert not pair.a.kubernetes.store.list(KINDS[SERVER])
    assert pair.a.operator.servers.get(MAIN) is None


async def test_a_server_that_is_held_is_not_looked_at_for_every_edit(pair: Pair) -> None:
    key = await a_room(pair)
    pair.a.edit(key, metadata={"topic": "new"})
    assert not [
        call for call in await pair.asked(pair.a) if "livekit-api" in call
    ]  # it reads the credentials


async def test_every_shard_holds_a_server_by_itself(pair: Pair) -> None:
    first, second = await a_room(pair, "a"), await a_room(pair, "b", name="retro")
    assert sorted(finalizers(pair)) == [f"{HELD}-a", f"{HELD}-b"]
    pair.a.delete(first)
    await pair.settle()
    assert finalizers(pair) == [f"{HELD}-b"]
    pair.a.label(second, "a")
    await pair.settle()
    assert finalizers(pair) == [f"{HELD}-a"]


async def test_what_held_a_server_before_there_were_shards_goes(pair: Pair) -> None:
    pair.a.edit_server(metadata={"finalizers": [HELD, "example.com/theirs"]})
    await a_room(pair, "b")
    assert sorted(finalizers(pair)) == ["example.com/theirs", f"{HELD}-b"]


async def a_scheduled_recording(pair: Pair) -> tuple[Key, Key]:
    """Have a schedule in shard a, and its Recording run; return both."""
    schedule = pair.a.schedule("weekly", roomName=f"{TENANT}_standup", **ON_MAIN)
    pair.a.label(schedule, "a")
    await pair.settle()
    [made] = pair.a.kubernetes.store.list(KINDS[RECORDING])
    assert made["metadata"]["labels"][LABEL_SHARD] == "a"
    await play(pair, 2)
    return schedule, Key(RECORDING, TENANT, made["metadata"]["name"])


async def test_a_recording_follows_its_schedule_and_its_egress_runs_on(pair: Pair) -> None:
    schedule, key = await a_scheduled_recording(pair)
    egress = pair.a.shown(key)["egressID"]
    pair.a.label(schedule, "b")
    await pair.settle()
    await play(pair, 1)
    assert pair.a.seen(key)["metadata"]["labels"][LABEL_SHARD] == "b"
    assert (pair.a.state(key), pair.a.shown(key)["egressID"]) == ("Active", egress)
    assert len(pair.a.livekits[URL].egress.starts) == 1


async def test_a_shard_that_has_not_heard_yet_that_a_schedule_left_takes_no_recording_back(
    pair: Pair,
) -> None:
    schedule, key = await a_scheduled_recording(pair)
    running = pair.a.seen(key)
    pair.a.label(schedule, "b")
    await pair.b.settle()
    moved = pair.a.seen(key)
    assert moved["metadata"]["labels"][LABEL_SHARD] == "b"
    pair.a.wakeups.object_event(
        RECORDING, "DELETED", running
    )  # this watch was faster than that of the schedules
    with pytest.raises(ConflictError):
        await pair.a.workers.reconcilers[schedule.kind].reconcile(schedule)
    assert pair.a.seen(key) == moved


async def test_a_recording_that_its_schedule_has_yet_to_show_follows_it_too(pair: Pair) -> None:
    schedule, key = await a_scheduled_recording(pair)
    forgotten = {"status": {"lastSession": None, "active": None}}  # the answer to its making was lost
    pair.a.kubernetes.store.patch(
        KINDS[SCHEDULE], namespace=TENANT, name=schedule.name, patch=forgotten, subresource="status"
    )
    pair.a.label(schedule, "b")
    await pair.b.settle()
    await pair.settle()
    assert pair.a.seen(key)["metadata"]["labels"][LABEL_SHARD] == "b"
    assert len(pair.a.livekits[URL].egress.starts) == 1


async def test_a_room_of_another_shard_is_not_closed_for_one_that_was_deleted(pair: Pair) -> None:
    key = await a_room(pair)
    pair.a.delete(key)
    await pair.settle()
    assert pair.a.connection().is_buried(f"{TENANT}_standup")
    livekit_calls(pair)
    await a_room(pair, "b")
    assert pair.a.status(key)["sid"]
    pair.a.clock.advance(60)
    await pair.a.reconcile(MAIN)
    assert livekit_calls(pair) == [f"create_room {TENANT}_standup"]
