"""One real stack for all end-to-end tests, an operator that runs beside it, and a namespace for each test."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from livekit.protocol import room as pb

from roomkeeper.localstack import LocalStack
from roomkeeper.localstack.stack import ALL_PARTS
from tests.e2e.crowd import Crowd
from tests.e2e.studio import Studio, opened
from tests.e2e.support import Cluster, OperatorProcess, with_livekit
from tests.e2e.traveller import Traveller

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livekit import api

ROOT = Path(__file__).parents[2]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of them need the stack."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.stack)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A real API server and a real LiveKit, with our CRDs."""
    parts = (*ALL_PARTS, "s3", "egress_standin")
    with LocalStack(directory=tmp_path_factory.mktemp("stack"), parts=parts) as running:
        running.apply_crds(ROOT / "crds")
        yield running


@pytest.fixture(scope="module")
def operator(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    """The operator, running and in sync."""
    process = OperatorProcess(stack, tmp_path_factory.mktemp("operator") / "operator.log")
    process.start()
    try:
        yield process
    finally:
        process.stop()


@pytest.fixture
def traveller(stack: LocalStack, tmp_path: Path) -> Iterator[Traveller]:
    """Return an operator whose clock can be moved, running and in sync."""
    one = Traveller(stack, tmp_path)
    one.process.start()
    yield one
    one.process.stop()


@pytest.fixture
def cluster(stack: LocalStack) -> Iterator[Cluster]:
    """A namespace of the test's own; its objects are deleted afterwards, whether or not an operator runs."""
    namespace = f"t-{uuid.uuid4().hex[:8]}"
    stack.kubectl("create", "namespace", namespace)
    here = Cluster(stack, namespace)
    yield here
    here.clear()


@pytest.fixture
def studio(stack: LocalStack) -> Iterator[Studio]:
    """A namespace of the test's own in which a Room is recorded."""
    with opened(Studio(stack, f"t-{uuid.uuid4().hex[:8]}")) as here:
        yield here


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    """Real clients, to join what a test declares."""
    with Crowd() as people:
        yield people


class LiveKitView:
    """What the real server says, asked through its own SDK."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack

    def room(self, name: str) -> Any:
        """Return the room as ListRooms shows it; None when it is not there."""

        async def ask(client: api.LiveKitAPI) -> Any:
            return next(iter((await client.room.list_rooms(pb.ListRoomsRequest(names=[name]))).rooms), None)

        return asyncio.run(with_livekit(self._stack, ask))

    def rooms(self) -> list[Any]:
        """Return all rooms."""

        async def ask(client: api.LiveKitAPI) -> list[Any]:
            return list((await client.room.list_rooms(pb.ListRoomsRequest())).rooms)

        return asyncio.run(with_livekit(self._stack, ask))

    def names(self) -> list[str]:
        """Return the names of all rooms; a duplicate would come twice."""
        return [room.name for room in self.rooms()]

    def participants(self, name: str) -> list[Any]:
        """Return who is in a room; nobody when it is not there."""

        async def ask(client: api.LiveKitAPI) -> list[Any]:
            answer = await client.room.list_participants(pb.ListParticipantsRequest(room=name))
            return list(answer.participants)

        return asyncio.run(with_livekit(self._stack, ask))

    def publisher(self, name: str, identity: str) -> Any:
        """Return that participant once they publish; None before."""
        found = (one for one in self.participants(name) if one.identity == identity and one.tracks)
        return next(found, None)

    def sids(self, prefix: str) -> list[tuple[str, str]]:
        """Return name and SID of all rooms whose name begins so, sorted."""

        async def ask(client: api.LiveKitAPI) -> list[tuple[str, str]]:
            rooms = (await client.room.list_rooms(pb.ListRoomsRequest())).rooms
            return sorted((room.name, room.sid) for room in rooms if room.name.startswith(prefix))

        return asyncio.run(with_livekit(self._stack, ask))

    def delete(self, name: str) -> None:
        """Delete a room behind the operator's back."""

        async def ask(client: api.LiveKitAPI) -> Any:
            return await client.room.delete_room(pb.DeleteRoomRequest(room=name))

        asyncio.run(with_livekit(self._stack, ask))

    def set_metadata(self, name: str, metadata: str) -> None:
        """Change a room's metadata as an application does."""

        async def ask(client: api.LiveKitAPI) -> Any:
            return await client.room.update_room_metadata(
                pb.UpdateRoomMetadataRequest(room=name, metadata=metadata)
            )

        asyncio.run(with_livekit(self._stack, ask))

    def create(self, name: str, **fields: Any) -> Any:
        """Create a room as somebody else."""

        async def ask(client: api.LiveKitAPI) -> Any:
            return await client.room.create_room(pb.CreateRoomRequest(name=name, **fields))

        return asyncio.run(with_livekit(self._stack, ask))


@pytest.fixture(scope="session")
def livekit(stack: LocalStack) -> LiveKitView:
    """The real LiveKit, seen with its own SDK."""
    return LiveKitView(stack)
