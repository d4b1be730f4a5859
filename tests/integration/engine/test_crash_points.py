"""An operator may end at any call it makes, before or after it took effect: the next one finishes the work."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from roomkeeper.adapters.kubernetes.resources import ROOMS, SECRETS
from roomkeeper.api.common import API_VERSION, FINALIZER
from tests.integration.engine.worlds import Fuse, World

if TYPE_CHECKING:
    from collections.abc import Callable

    from roomkeeper.adapters.ports import Body

PATIENCE_SECONDS = 10.0
ROOM = "team-a_standup"


class Scene:
    """One Room that is created, edited and deleted, while its operator may end and be replaced by another."""

    def __init__(self, world: World, fuse: Fuse) -> None:
        self.world = world
        self.fuse = fuse

    async def play(self) -> None:
        """Create, edit and delete, and check each time that what is declared comes true."""
        await self.world.start(self.fuse)
        try:
            await self._create()
            await self._edit()
            await self._delete()
        finally:
            await self.world.stop()

    async def _create(self) -> None:
        spec = {"metadata": {"topic": "standup"}, "roles": _roles(viewer={})}
        self.world.kubernetes.store.create(ROOMS, _room(spec))
        await self._until(self._is_created)

    async def _edit(self) -> None:
        spec = {"metadata": {"topic": "review"}, "roles": _roles(viewer={"canPublishData": True})}
        self.world.kubernetes.store.patch(ROOMS, namespace="team-a", name="standup", patch={"spec": spec})
        await self._until(self._is_edited)

    async def _delete(self) -> None:
        self.world.kubernetes.store.delete(ROOMS, namespace="team-a", name="standup")
        await self._until(self._is_deleted)
        self.world.kubernetes.collect_garbage()
        assert not self.world.kubernetes.store.list(SECRETS)

    async def _until(self, check: Callable[[], Any]) -> None:
        """Wait until it is so; when the operator ends meanwhile, start another."""
        seen = ""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while True:
                    if self.fuse.blown.is_set():
                        await self.world.stop()
                        self.fuse = Fuse()
                        await self.world.start(self.fuse)
                    try:
                        check()
                    except AssertionError as error:
                        seen = str(error)
                        await asyncio.sleep(0.001)
                    else:
                        return
        except TimeoutError:
            raise AssertionError(f"{check.__name__}: {seen}") from None

    def _is_created(self) -> None:
        self._is_made({"topic": "standup"}, viewer_data=False)

    def _is_edited(self) -> None:
        self._is_made({"topic": "review"}, viewer_data=True)

    def _is_made(self, metadata: dict[str, str], *, viewer_data: bool) -> None:
        """Check the room, the Secrets and the status against each other and against what is declared."""
        room = self.world.kubernetes.store.get(ROOMS, namespace="team-a", name="standup")
        status = room.get("status", {})
        live = self.world.livekit._rooms
        assert list(live) == [ROOM]
        assert json.loads(live[ROOM].live.metadata) == metadata
        assert room["metadata"]["finalizers"] == [FINALIZER]
        assert (status.get("sid"), status.get("recreations")) == (live[ROOM].live.sid, 0)
        assert status["observedGeneration"] == room["metadata"]["generation"]
        assert {
            condition["type"]: (condition["status"], condition["observedGeneration"])
            for condition in status["conditions"]
        } == dict.fromkeys(
            ("Ready", "RoomAvailable", "TokensIssued", "UpToDate"), ("True", room["metadata"]["generation"])
        )
        assert len(self.world.sessions) == 1, "a room was made twice"
        secrets = {secret["metadata"]["name"]: secret for secret in self.world.kubernetes.store.list(SECRETS)}
        assert sorted(secrets) == ["standup.host", "standup.viewer"]
        _check_tokens(secrets["standup.host"], room, ["alice", "bob"], can_publish_data=False)
        _check_tokens(secrets["standup.viewer"], room, ["viewer"], can_publish_data=viewer_data)

    def _is_deleted(self) -> None:
        assert not self.world.livekit._rooms
        assert not self.world.kubernetes.store.list(ROOMS)


def _check_tokens(secret: Body, room: Body, identities: list[str], *, can_publish_data: bool) -> None:
    assert [owner["uid"] for owner in secret["metadata"]["ownerReferences"]] == [room["metadata"]["uid"]]
    tokens = json.loads(base64.b64decode(secret["data"]["tokens.json"]))
    assert sorted(tokens) == identities
    for identity, token in tokens.items():
        claims = jwt.decode(token, options={"verify_signature": False})
        assert (claims["sub"], claims["video"]["room"]) == (identity, ROOM)
        assert claims["video"]["canPublishData"] is can_publish_data


def _roles(*, viewer: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": "host", "identities": ["alice", "bob"], "grants": {"canPublish": True}},
        {"name": "viewer", "grants": viewer},
    ]


def _room(spec: dict[str, Any]) -> Body:
    return {
        "apiVersion": API_VERSION,
        "kind": "Room",
        "metadata": {"name": "standup", "namespace": "team-a"},
        "spec": spec,
    }


@pytest.mark.parametrize("after", [False, True], ids=["before it took effect", "after it took effect"])
async def test_another_operator_finishes_what_one_left_at_any_call(*, after: bool) -> None:
    dry = Fuse()
    await Scene(World(), dry).play()
    assert {"CreateRoom", "UpdateRoomMetadata", "DeleteRoom", "patch rooms status"} <= set(dry.calls)
    print(f"{len(dry.calls)} calls: {', '.join(dry.calls)}")
    ends: Counter[str] = Counter()
    for name, number in [
        (name, number) for name, times in Counter(dry.calls).items() for number in range(1, times + 1)
    ]:
        fuse = Fuse(number, name, after=after)
        try:
            await Scene(World(), fuse).play()
        except AssertionError as error:
            raise AssertionError(
                f"ended at {name}, number {number}, of {', '.join(fuse.calls)}: {error}"
            ) from None
        ends[name] += fuse.blown.is_set()  # how often it reads again depends on time
    print(f"{ends.total()} ends, {'after' if after else 'before'} the call took effect; all were made good")
    assert all(ends.values()), f"never ended at {[name for name, times in ends.items() if not times]}"


@pytest.mark.parametrize("after", [False, True], ids=["before it took effect", "after it took effect"])
async def test_a_room_that_is_deleted_while_nobody_works_leaves_nothing(*, after: bool) -> None:
    """The finalizer comes first: without it the object would go at once, and its room stay in LiveKit."""
    dry = Fuse()
    scene = Scene(World(), dry)
    await scene.world.start(dry)
    await scene._create()
    await scene.world.stop()
    for number, name in enumerate(dry.calls, start=1):
        scene = Scene(World(), Fuse(number, after=after))
        await scene.world.start(scene.fuse)
        scene.world.kubernetes.store.create(ROOMS, _room({"roles": _roles(viewer={})}))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await scene.fuse.blown.wait()
        await scene.world.stop()
        try:
            await scene._delete()
        except AssertionError as error:
            raise AssertionError(f"ended at call {number}, {name}: {error}") from None
        finally:
            await scene.world.stop()
    print(f"{len(dry.calls)} ends {'after' if after else 'before'} a call took effect left nothing behind")
