"""What the tests of both workers do with LiveKit's own API: start, stop, look, wait."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
import uuid
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from livekit import api

from roomkeeper.localstack.egress import missing
from roomkeeper.localstack.guest import Guest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from roomkeeper.localstack import LocalStack
    from roomkeeper.localstack.processes import Guard

BUCKET = "recordings"
KEY = "KEYOFTHEREQUEST"


def skip_where_egress_cannot_run() -> None:
    """Not under CI: there it is a failure."""
    lacking = missing()
    if lacking and os.environ.get("CI") != "true":
        pytest.skip(lacking)


@contextmanager
def a_short_folder() -> Iterator[Path]:
    """Chromium's sockets lie deep below it, and a socket's path is short; pytest's own folders are long."""
    with tempfile.TemporaryDirectory(prefix="rk-") as folder:
        yield Path(folder)


class Guests:
    """Real people who come in when they are told to."""

    def __init__(self, stack: LocalStack, guard: Guard) -> None:
        self._stack = stack
        self._guard = guard
        self._all: list[Guest] = []

    def join(self, room: str, *, tone: bool = False, picture: bool = False) -> None:
        livekit = self._stack.livekit
        token = api.AccessToken(livekit.api_key, livekit.api_secret).with_identity("alice")
        token = token.with_grants(api.VideoGrants(room_join=True, room=room))
        guest = Guest(
            directory=self._stack.directory,
            guard=self._guard,
            credentials={"LIVEKIT_URL": livekit.url, "LIVEKIT_TOKEN": token.to_jwt()},
            name=f"guest-{room}",
            tone=tone,
            picture=picture,
        )
        self._all.append(guest)
        guest.start()

    def leave(self) -> None:
        for guest in self._all:
            guest.stop()


@asynccontextmanager
async def calling(stack: LocalStack) -> AsyncIterator[api.LiveKitAPI]:
    async with api.LiveKitAPI(
        stack.livekit.http_url, stack.livekit.api_key, stack.livekit.api_secret, failover=False
    ) as livekit:
        yield livekit


async def new_room(livekit: api.LiveKitAPI) -> str:
    name = f"room-{uuid.uuid4().hex[:8]}"
    await livekit.room.create_room(api.CreateRoomRequest(name=name))
    return name


def storage(stack: LocalStack, **more: Any) -> api.S3Upload:
    return api.S3Upload(
        **{
            "access_key": KEY,
            "secret": "secret-of-the-request",
            "endpoint": stack.s3.endpoint,
            "region": "eu-central-1",
            "bucket": BUCKET,
            "force_path_style": True,
            **more,
        }
    )


async def info_of(livekit: api.LiveKitAPI, egress_id: str) -> api.EgressInfo:
    return (await livekit.egress.list_egress(api.ListEgressRequest(egress_id=egress_id))).items[0]


async def until(
    livekit: api.LiveKitAPI,
    egress_id: str,
    holds: Callable[[api.EgressInfo], bool],
    patience: float = 20,
) -> api.EgressInfo:
    deadline = time.monotonic() + patience
    while True:
        info = await info_of(livekit, egress_id)
        if holds(info):
            return info
        assert time.monotonic() < deadline, info
        await asyncio.sleep(0.1)


async def until_status(
    livekit: api.LiveKitAPI, egress_id: str, status: str, patience: float = 20
) -> api.EgressInfo:
    wanted = api.EgressStatus.Value(f"EGRESS_{status}")
    return await until(livekit, egress_id, lambda info: info.status == wanted, patience)


async def is_there(livekit: api.LiveKitAPI, room: str, identity: str) -> bool:
    try:
        await livekit.room.get_participant(api.RoomParticipantIdentity(room=room, identity=identity))
    except api.TwirpError as error:
        if error.status == 404:
            return False
        raise
    return True


async def until_there(
    livekit: api.LiveKitAPI, room: str, identity: str, *, there: bool = True, patience: float = 20
) -> None:
    deadline = time.monotonic() + patience
    while await is_there(livekit, room, identity) is not there:
        assert time.monotonic() < deadline, f"{identity} was {'never' if there else 'always'} there"
        await asyncio.sleep(0.1)


async def stop(livekit: api.LiveKitAPI, egress_id: str) -> api.EgressInfo:
    return await livekit.egress.stop_egress(api.StopEgressRequest(egress_id=egress_id))
