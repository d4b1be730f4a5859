"""Which keys wake, and which do not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from roomkeeper.adapters.kubernetes.resources import ROOMS, SECRETS
from roomkeeper.api import common
from roomkeeper.domain.livekit import WebhookEvent
from roomkeeper.domain.objects import RECORDING, SCHEDULE, STORAGE, Key
from roomkeeper.engine import wakeups as module
from roomkeeper.engine.kinds import KINDS
from roomkeeper.engine.servers import OWN
from tests.unit.engine.harness import CREDENTIALS, NAME, NAMESPACE, Engine

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import Body
    from roomkeeper.domain.livekit import Credentials
    from roomkeeper.engine.servers import KnownServer

EVENT = WebhookEvent("EV_x", "participant_joined", NAME, "RM_1", "devkey", datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
async def engine() -> Engine:
    return Engine()


def own(engine: Engine) -> KnownServer:
    """Return the operator's own server."""
    known = engine.operator.servers.get(OWN)
    assert known is not None
    return known


async def woken(engine: Engine) -> list[Key]:
    """Take what waits, without reconciling it."""
    engine.deliver()
    keys = []
    while len(engine.queue):
        keys.append(await engine.queue.get())
        engine.queue.done(keys[-1])
    return keys


async def test_an_edit_goes_before_what_is_declared_anew_and_that_before_what_is_listed(
    engine: Engine,
) -> None:
    edited = await engine.ready()
    listed = engine.body(engine.declare("listed"))
    engine._on_the_way.clear()
    engine.wakeups.object_event("Room", None, listed)
    new = [engine.declare(f"new-{number}") for number in range(3)]
    engine.edit(edited, emptyTimeoutSeconds=60)
    assert await woken(engine) == [edited, *new, Key("Room", NAMESPACE, "listed")]


async def test_only_our_own_writes_are_no_news(engine: Engine) -> None:
    key = await engine.ready(roles=[{"name": "host"}])
    room, secret = engine.body(key), engine.secret("standup.host")
    tells_news = engine.wakeups.tells_news
    assert not tells_news("Room", "MODIFIED", room)
    assert not tells_news("Secret", "ADDED", secret)
    for body, kind in ((room, "Room"), (secret, "Secret")):
        assert tells_news(kind, "DELETED", body)
        version = str(int(body["metadata"]["resourceVersion"]) + 1)
        assert tells_news(kind, "MODIFIED", {"metadata": {**body["metadata"], "resourceVersion": version}})
        assert tells_news(kind, "ADDED", {"metadata": {**body["metadata"], "name": "other"}})


async def test_an_object_wakes_once_per_version(engine: Engine) -> None:
    key = engine.declare()
    body = engine.body(key)
    assert await woken(engine) == [key]
    engine.wakeups.object_event("Room", "MODIFIED", body)
    assert await woken(engine) == []


def put(engine: Engine, kind: str, name: str, *, owner: Body | None = None) -> Key:
    """Create an object that only has to be there."""
    metadata: Body = {"namespace": NAMESPACE, "name": name}
    if owner:
        meta = owner["metadata"]
        metadata["ownerReferences"] = [{"controller": True, "name": meta["name"], "uid": meta["uid"]}]
    body = {"apiVersion": common.API_VERSION, "kind": kind, "metadata": metadata, "spec": {}}
    engine.kubernetes.store.create(KINDS[kind], body)
    return Key(kind, NAMESPACE, name)


def of(engine: Engine, key: Key) -> Body:
    return engine.kubernetes.store.get(KINDS[key.kind], namespace=key.namespace, name=key.name)


async def test_a_recording_wakes_the_schedule_that_made_it(engine: Engine) -> None:
    schedule = put(engine, SCHEDULE, "daily")
    recording = put(engine, RECORDING, "daily-1", owner=of(engine, schedule))
    assert await woken(engine) == [schedule, recording]
    seen = engine.operator.objects.get(recording)
    assert seen is not None
    await engine.operator.status.write(seen, {"state": "Complete"})
    assert await woken(engine) == [schedule]  # though the watch tells nothing new of what we wrote ourselves
    engine.kubernetes.store.delete(KINDS[RECORDING], namespace=NAMESPACE, name="daily-1")
    assert await woken(engine) == [schedule]


async def test_a_recording_wakes_no_successor_of_its_schedule(engine: Engine) -> None:
    recording = put(engine, RECORDING, "daily-1", owner=of(engine, put(engine, SCHEDULE, "daily")))
    engine.kubernetes.store.delete(KINDS[SCHEDULE], namespace=NAMESPACE, name="daily")
    put(engine, SCHEDULE, "daily")
    await woken(engine)
    engine.kubernetes.store.delete(KINDS[RECORDING], namespace=NAMESPACE, name=recording.name)
    assert await woken(engine) == []


async def test_a_storage_that_is_another_wakes_the_recordings_that_are_not_over(engine: Engine) -> None:
    armed, over = put(engine, RECORDING, "armed"), put(engine, RECORDING, "over")
    engine.kubernetes.store.patch(
        KINDS[RECORDING],
        namespace=NAMESPACE,
        name="over",
        patch={"status": {"state": "Complete"}},
        subresource="status",
    )
    assert await woken(engine) == [over, armed]  # which was edited already
    storage = put(engine, STORAGE, "archive")
    assert await woken(engine) == [storage, armed]

    def patch(**change: Any) -> None:
        place = {"namespace": NAMESPACE, "name": "archive"}
        subresource = "status" if "status" in change else ""
        engine.kubernetes.store.patch(KINDS[STORAGE], **place, patch=change, subresource=subresource)

    ready = {"type": "Ready", "status": "True"}
    for change in (
        {"spec": {"prefixTemplate": "x/{namespace}/"}},
        {"metadata": {"annotations": {common.ANNOTATION_IS_DEFAULT_STORAGE: "true"}}},
        {"status": {"conditions": [ready]}},
        {"status": {"conditions": [{**ready, "status": "False"}]}},
    ):
        patch(**change)
        assert await woken(engine) == [storage, armed], change
    patch(status={"lastHandledReconcileAt": "now"})
    assert await woken(engine) == [storage]
    engine.kubernetes.store.delete(KINDS[STORAGE], namespace=NAMESPACE, name="archive")
    assert await woken(engine) == [armed]


async def test_what_is_listed_goes_behind_what_happens(engine: Engine) -> None:
    first, second = engine.declare("a"), engine.declare("b")
    bodies = [engine.body(first), engine.body(second)]
    engine._on_the_way.clear()
    engine.wakeups.object_event("Room", None, bodies[0])
    engine.wakeups.object_event("Room", "ADDED", bodies[1])
    assert await woken(engine) == [second, first]


async def test_a_deletion_wakes_who_else_claims_the_room(engine: Engine) -> None:
    first, second = engine.declare("a", roomName="team-a_x"), engine.declare("b", roomName="team-a_x")
    await woken(engine)
    engine.delete(first)
    assert await woken(engine) == [second]


async def test_a_secret_wakes_the_room_that_owns_it(engine: Engine) -> None:
    key = await engine.ready(roles=[{"name": "host"}])
    assert await woken(engine) == []
    patch = {"metadata": {"annotations": {"x": "y"}}}
    engine.kubernetes.store.patch(SECRETS, namespace=NAMESPACE, name="standup.host", patch=patch)
    assert await woken(engine) == [key]
    engine.kubernetes.store.delete(SECRETS, namespace=NAMESPACE, name="standup.host")
    assert await woken(engine) == [key]


async def test_a_secret_that_changes_hands_wakes_both_rooms(engine: Engine) -> None:
    key = await engine.ready(roles=[{"name": "host"}])
    other = engine.declare("other")
    await woken(engine)
    body = engine.secret("standup.host")
    body["metadata"]["resourceVersion"] = "1000000"
    body["metadata"]["ownerReferences"][0] |= {"name": "other", "uid": "x"}
    engine.wakeups.secret_event("MODIFIED", body)
    assert await woken(engine) == [key, other]


async def test_a_secret_of_nobody_wakes_nobody(engine: Engine) -> None:
    body = {"metadata": {"namespace": NAMESPACE, "name": "x", "uid": "1", "resourceVersion": "1"}}
    engine.wakeups.secret_event("ADDED", body)
    engine.wakeups.secret_event("DELETED", body)
    assert await woken(engine) == []


async def test_a_webhook_wakes_who_claims_the_room(engine: Engine) -> None:
    key = engine.declare()
    await woken(engine)
    assert engine.wakeups.webhook(EVENT, CREDENTIALS) == "woken"
    assert await woken(engine) == [key]


@pytest.mark.parametrize(
    ("event", "signer"),
    [
        (replace(EVENT, room_name="nobody's"), CREDENTIALS),
        (replace(EVENT, room_name=""), CREDENTIALS),
        (replace(EVENT, api_key="another"), replace(CREDENTIALS, api_key="another")),
        (EVENT, replace(CREDENTIALS, api_secret="a-bogus-secret-of-at-least-thirty-two-characters")),
    ],
    ids=["a room of nobody", "no room", "another server", "another secret under that key"],
)
async def test_a_webhook_about_nothing_of_ours_is_ignored(
    engine: Engine, event: WebhookEvent, signer: Credentials
) -> None:
    engine.declare()
    await woken(engine)
    assert engine.wakeups.webhook(event, signer) == "ignored"
    assert await woken(engine) == []


async def test_a_webhook_that_is_repeated_wakes_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED_EVENTS", 2)
    engine.declare()
    await woken(engine)
    results = [
        engine.wakeups.webhook(replace(EVENT, id=number), CREDENTIALS)
        for number in ("1", "1", "2", "1", "3", "1")
    ]
    assert results == [
        "woken",
        "replayed",
        "woken",
        "replayed",
        "woken",
        "woken",
    ]  # the third drops the first


async def test_the_echo_of_our_own_create_wakes_nobody(engine: Engine) -> None:
    await engine.ready()
    assert await woken(engine) == []


async def test_a_server_that_changed_wakes_everybody_in_the_background(engine: Engine) -> None:
    first, second = engine.declare("a"), engine.declare("b")
    await woken(engine)
    engine.wakeups.server_changed(own(engine))
    engine.queue.add(second)
    assert await woken(engine) == [second, first]


async def test_rooms_that_changed_wake_their_claimants(engine: Engine) -> None:
    key = engine.declare()
    engine.declare("other")
    await woken(engine)
    engine.wakeups.rooms_changed(own(engine), {NAME, "nobody's"})
    assert await woken(engine) == [key]
    assert engine.wakeups.is_claimed(own(engine), NAME)
    assert not engine.wakeups.is_claimed(own(engine), "nobody's")


async def test_a_room_that_went_while_nobody_watched_is_dropped(engine: Engine) -> None:
    key = engine.declare()
    engine.deliver()
    body = engine.body(key)
    engine.kubernetes.store.delete(ROOMS, namespace=NAMESPACE, name="standup")
    engine._on_the_way.clear()
    engine.wakeups.object_event("Room", "DELETED", body)
    assert engine.operator.objects.get(key) is None


async def test_an_object_that_is_gone_is_no_longer_due(engine: Engine) -> None:
    key = await engine.ready()
    queue = engine.queue
    queue.add_after(key, 3600)
    queue.retry(key)
    gone = engine.body(key)
    gone["metadata"]["finalizers"] = []
    engine.wakeups.object_event("Room", "DELETED", gone)
    assert key not in queue._due
    assert key not in queue._failures
