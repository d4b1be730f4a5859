"""What an armed Recording waits for is found without any webhook, though no count of the list of rooms tells of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roomkeeper.domain.outcomes import Stalled
from roomkeeper.domain.recording_status import SECRETS_SECONDS
from tests.unit.engine.fleet import MAIN, URL
from tests.unit.engine.recordings import ON_MAIN, a_recorder
from tests.unit.engine.warehouse import KEYS, TENANT

if TYPE_CHECKING:
    from roomkeeper.adapters.livekit.memory import InMemoryLiveKit

ROOM = f"{TENANT}_standup"
CAMERA = {"trackComposite": {"identity": "alice", "audioSource": "microphone", "videoSource": "camera"}}


def bob_for_alice(livekit: InMemoryLiveKit) -> None:
    livekit.leave(ROOM, "alice")
    livekit.join(ROOM, "bob", is_publisher=True)


def a_camera(livekit: InMemoryLiveKit) -> None:
    livekit.publish(ROOM, "alice", "camera")


CASES: list[tuple[dict[str, Any], Any]] = [
    ({"participant": {"identity": "bob"}}, bob_for_alice),
    (CAMERA, a_camera),
    ({"track": {"identity": "alice", "source": "camera"}}, a_camera),
]


@pytest.mark.parametrize(("source", "happens"), CASES, ids=["participant", "composite", "track"])
async def test_who_and_what_comes_is_found_with_a_list_of_rooms(source: dict[str, Any], happens: Any) -> None:
    recorder = await a_recorder()
    livekit = recorder.livekits[URL]
    livekit.on_event = None
    key = recorder.record(**ON_MAIN, source=source, start="WhenRoomActive")
    await recorder.settle()
    assert recorder.state(key) == "Armed"
    happens(livekit)
    for _ in range(2):
        recorder.clock.advance(60)
        await recorder.reconcile(MAIN)
    assert recorder.state(key) == "Starting"


async def test_nobody_is_asked_for_where_nobody_is() -> None:
    recorder = await a_recorder()
    livekit = recorder.livekits[URL]
    livekit.leave(ROOM, "alice")
    await recorder.settle()
    recorder.record(**ON_MAIN, source={"participant": {"identity": "bob"}}, start="WhenRoomActive")
    recorder.record("anybody", **ON_MAIN, start="WhenRoomActive")
    await recorder.settle()
    recorder.clock.advance(60)
    await recorder.reconcile(MAIN)
    livekit.calls.clear()
    recorder.clock.advance(60)
    await recorder.reconcile(MAIN)
    assert [call for call in livekit.calls if call[0] != "list_rooms"] == []


OWN = {"storage": {"s3": {"bucket": "own", "credentialsSecretRef": {"name": "keys"}}}, "storageRef": None}
STREAM = {"outputs": {"stream": {"urlsSecretRef": {"name": "urls"}}, "file": {}}}
SECRETS: list[tuple[dict[str, Any], str, dict[str, str]]] = [
    (OWN, "keys", KEYS),
    (STREAM, "urls", {"one": "rtmp://media.example.com/live/key"}),
]


@pytest.mark.parametrize(("spec", "name", "data"), SECRETS, ids=["storage", "stream"])
async def test_a_secret_that_is_missing_is_told_before_there_is_anything_to_record(
    spec: dict[str, Any], name: str, data: dict[str, str]
) -> None:
    recorder = await a_recorder(streams="Allowed")
    recorder.livekits[URL].leave(ROOM, "alice")
    await recorder.settle()
    key = recorder.record(**{**ON_MAIN, **spec}, start="WhenRoomActive")
    await recorder.settle()
    assert (recorder.state(key), recorder.reason(key)) == ("Armed", "SecretNotFound")
    recorder.keep_data(data, namespace=TENANT, name=name)
    await recorder.reconcile(key)
    assert (recorder.state(key), recorder.reason(key)) == ("Armed", "Armed")
    recorder.asked()
    for _ in range(3):  # and what is there is not looked at again and again
        recorder.clock.advance(60)
        await recorder.reconcile(key)
    assert not [call for call in recorder.asked() if "secrets" in call]
    recorder.livekits[URL].join(ROOM, "alice", is_publisher=True)
    await recorder.settle()
    assert recorder.state(key) == "Starting"


async def test_a_secret_that_is_missing_is_looked_for_again() -> None:
    recorder = await a_recorder()
    recorder.livekits[URL].leave(ROOM, "alice")
    await recorder.settle()
    key = recorder.record(**{**ON_MAIN, **OWN}, start="WhenRoomActive")
    await recorder.settle()
    [outcome] = await recorder.reconcile(key)
    assert outcome == Stalled(SECRETS_SECONDS)
