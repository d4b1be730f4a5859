"""What is sent live: addresses come and go while it streams, and their keys are told to LiveKit alone."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any

import pytest
from livekit.protocol import egress as pb

from tests.e2e.looks import requests, resyncs
from tests.e2e.meetings import Meetings, meetings
from tests.e2e.support import (
    RESYNC_SECONDS,
    OperatorProcess,
    assert_tells_no_secret,
    eventually,
    with_livekit,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from livekit import api

    from roomkeeper.localstack import LocalStack

KEYS = {"one": "first-stream-key", "two": "second-stream-key", "three": "third-stream-key"}
SOCKET_KEY = "key-of-the-websocket"
SERVERS = 2


@pytest.fixture
def keeper(stack: LocalStack, tmp_path: Path) -> Iterator[OperatorProcess]:
    """Return an operator of the test's own, running."""
    process = OperatorProcess(stack, tmp_path / "operator.log")
    process.start()
    yield process
    process.stop()


@pytest.fixture
def here(stack: LocalStack, keeper: OperatorProcess) -> Iterator[Meetings]:
    webhook = f"http://127.0.0.1:{stack.operator_port}/livekit/webhook"
    with meetings(stack, webhook={"url": webhook}) as here:
        yield here
        told = stack.kubectl("get", "recordings,rooms,events", "-n", here.namespace, "-o", "json")
        for where, text in {"a status or an Event": told, "the log": keeper.output()}.items():
            assert_tells_no_secret(stack, where, text, *KEYS.values(), SOCKET_KEY)


def keep(here: Meetings, name: str, **entries: str) -> None:
    """Apply a Secret with these entries and no others."""
    data = {key: base64.b64encode(value.encode()).decode() for key, value in entries.items()}
    here.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data})


def stream_to(here: Meetings, *names: str) -> None:
    keep(here, "addresses", **{name: f"rtmp://{name}.example.com/live/{KEYS[name]}" for name in names})


def streams(here: Meetings, name: str) -> dict[str, str]:
    """Return how each address stands that the egress of a room was ever sent to, as LiveKit tells it."""

    async def ask(client: api.LiveKitAPI) -> Any:
        return await client.egress.list_egress(pb.ListEgressRequest(room_name=here.live_name(name)))

    [found] = asyncio.run(with_livekit(here.media, ask)).items
    return {
        one.url.split("//")[1].split(".")[0]: pb.StreamInfo.Status.Name(one.status)
        for one in found.stream_results
    }


def test_addresses_come_and_go_also_after_the_operator_was_started_anew(
    here: Meetings, keeper: OperatorProcess, stack: LocalStack
) -> None:
    stream_to(here, "one", "two")
    here.hold("standup")
    here.record_all(
        "standup", outputs={"stream": {"protocol": "RTMP", "urlsSecretRef": {"name": "addresses"}}}
    )
    here.join("standup")
    eventually("it streams", lambda: here.is_("Active", "standup"), within=5)
    assert streams(here, "standup") == {"one": "ACTIVE", "two": "ACTIVE"}

    stream_to(here, "two", "three")
    wanted = {"one": "FINISHED", "two": "ACTIVE", "three": "ACTIVE"}
    eventually(
        "one goes and one comes", lambda: streams(here, "standup") == wanted, within=RESYNC_SECONDS + 1
    )
    eventually("status has two", lambda: len(here.status("standup")["appliedStreams"]) == 2, within=2)
    resyncs(stack, servers=SERVERS)
    assert requests(stack)["UpdateStream"] == 1

    keeper.kill()
    keeper.start()
    resyncs(stack, servers=SERVERS)
    stream_to(here, "three")
    wanted["two"] = "FINISHED"
    eventually(
        "what an earlier process has added goes",
        lambda: streams(here, "standup") == wanted,
        within=RESYNC_SECONDS + 1,
    )
    here.delete("secret", "addresses")
    resyncs(stack, servers=SERVERS)
    assert streams(here, "standup") == wanted, "what runs goes on when its Secret is gone"
    assert requests(stack)["UpdateStream"] == 1
    assert here.state("standup") == "Active"

    here.leave("standup")
    eventually("it is complete", lambda: here.is_("Complete", "standup"), within=5)
    [attempt] = here.status("standup")["attempts"]
    assert [one.id for one in here.ran("standup")] == [attempt["egressID"]]
    assert "results" not in here.status("standup"), "of a stream nothing is left"


def test_a_microphone_is_sent_to_a_websocket(here: Meetings) -> None:
    keep(here, "socket", url=f"ws://127.0.0.1:9/audio?token={SOCKET_KEY}")
    here.hold("standup")
    here.record_all(
        "standup",
        source={"track": {"identity": "alice", "source": "microphone"}},
        outputs={"websocket": {"urlSecretRef": {"name": "socket"}}},
    )
    here.join("standup")
    eventually("it is sent", lambda: here.is_("Active", "standup"), within=5)
    [ran] = here.ran("standup")
    assert ran.kind == "track"
    assert ran.request["track"]["websocketUrl"]
    here.leave("standup")
    eventually("it is complete", lambda: here.is_("Complete", "standup"), within=5)
