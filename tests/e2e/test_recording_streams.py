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
from tests.e2e.workers import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from livekit import api

    from roomkeeper.localstack import LocalStack

KEYS = {
    "one": "first-stream-key",
    "two": "second-stream-key",
    "three": "third-stream-key",
    "bad": "key-of-a-bad-one",
}
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


def address(name: str) -> str:
    return f"rtmp://{name}.example.com/live/{KEYS[name]}"


def stream_to(here: Meetings, *names: str) -> None:
    """Declare these addresses and no others."""
    keep(here, "addresses", **{name: address(name) for name in names})


def streams(here: Meetings, name: str) -> list[tuple[str, str]]:
    """Return how each address stands that the egress of a room was ever sent to, as LiveKit tells it, sorted."""

    async def ask(client: api.LiveKitAPI) -> Any:
        return await client.egress.list_egress(pb.ListEgressRequest(room_name=here.live_name(name)))

    [found] = asyncio.run(with_livekit(here.media, ask)).items
    return sorted(
        (one.url.split("//")[1].split(".")[0], pb.StreamInfo.Status.Name(one.status))
        for one in found.stream_results
    )


def begin(here: Meetings, *names: str) -> None:
    """Have a meeting streamed to these addresses."""
    stream_to(here, *names)
    here.hold("standup")
    here.record_all(
        "standup", outputs={"stream": {"protocol": "RTMP", "urlsSecretRef": {"name": "addresses"}}}
    )
    here.join("standup")
    eventually("it streams", lambda: here.is_("Active", "standup"), within=5)


def become(here: Meetings, what: str, **wanted: str) -> None:
    """Wait until the addresses stand so, each of them once."""
    eventually(what, lambda: streams(here, "standup") == sorted(wanted.items()), within=RESYNC_SECONDS + 1)


def stay(here: Meetings, **wanted: str) -> None:
    """Fail if that changes within two resyncs."""
    resyncs(here.stack, servers=SERVERS)
    assert streams(here, "standup") == sorted(wanted.items())


def test_addresses_come_and_go_also_after_the_operator_was_started_anew(
    here: Meetings, keeper: OperatorProcess, stack: LocalStack
) -> None:
    begin(here, "one", "two")
    assert streams(here, "standup") == [("one", "ACTIVE"), ("two", "ACTIVE")]
    stream_to(here, "two", "three")
    become(here, "one goes and one comes", one="FINISHED", two="ACTIVE", three="ACTIVE")
    eventually("status has two", lambda: len(here.status("standup")["appliedStreams"]) == 2, within=2)
    stay(here, one="FINISHED", two="ACTIVE", three="ACTIVE")
    assert requests(stack)["UpdateStream"] == 2

    keeper.kill()
    keeper.start()
    resyncs(stack, servers=SERVERS)
    stream_to(here, "three")
    become(here, "what an earlier process has added goes", one="FINISHED", two="FINISHED", three="ACTIVE")
    here.delete("secret", "addresses")
    stay(here, one="FINISHED", two="FINISHED", three="ACTIVE")  # what runs goes on when its Secret is gone
    assert requests(stack)["UpdateStream"] == 1
    assert here.state("standup") == "Active"

    here.leave("standup")
    eventually("it is complete", lambda: here.is_("Complete", "standup"), within=5)
    [attempt] = here.status("standup")["attempts"]
    assert [one.id for one in here.ran("standup")] == [attempt["egressID"]]
    assert "results" not in here.status("standup"), "of a stream nothing is left"


def test_an_address_that_is_refused_keeps_no_other_away_and_is_not_tried_again(
    here: Meetings, stack: LocalStack
) -> None:
    begin(here, "one")
    bad = {"bad": f"http://bad.example.com/{KEYS['bad']}", "one": address("one"), "two": address("two")}
    keep(here, "addresses", **bad)
    become(here, "the good one is added", one="ACTIVE", two="ACTIVE")
    asked = requests(stack)["UpdateStream"]
    stay(here, one="ACTIVE", two="ACTIVE")
    assert requests(stack)["UpdateStream"] == asked
    assert here.state("standup") == "Active"
    [message] = [text for _, reason, text in here.told("standup") if reason == "EgressRejected"]
    print(message)
    stream_to(here, "two")
    become(here, "both others go", one="FINISHED", two="ACTIVE")


def test_an_address_is_added_once_though_the_worker_hangs_or_the_start_was_not_answered(
    here: Meetings, stack: LocalStack
) -> None:
    stack.egress_standin.fault(here.live_name("standup"), "answer_failed")
    begin(here, "one", "two")
    stay(here, one="ACTIVE", two="ACTIVE")
    with frozen(stack.egress_standin):
        stream_to(here, "one", "two", "three")
        before = requests(stack)["UpdateStream"]
        eventually(
            "it is asked for", lambda: requests(stack)["UpdateStream"] > before, within=2 * RESYNC_SECONDS
        )
    become(here, "it is added", one="ACTIVE", two="ACTIVE", three="ACTIVE")
    stay(here, one="ACTIVE", two="ACTIVE", three="ACTIVE")


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
