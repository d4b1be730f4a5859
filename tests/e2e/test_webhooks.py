"""The running operator's HTTP side: what webhooks are answered, and whom they wake."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import socket
import time
import uuid
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from livekit import api

from tests.e2e.support import eventually, http_status, metric, settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from roomkeeper.localstack import LocalStack
    from tests.e2e.support import Cluster, OperatorProcess

FLOOD = 1000
BIG = 10 * 1024 * 1024


class Sender:
    """Sends webhooks as LiveKit does, and as LiveKit never would."""

    def __init__(self, stack: LocalStack) -> None:
        self._livekit = stack.livekit
        self.url = f"http://127.0.0.1:{stack.operator_port}/livekit/webhook"

    def sign(self, body: bytes, *, key: str = "", secret: str = "") -> str:
        """Return the Authorization for a body, by LiveKit's own SDK."""
        sha256 = base64.b64encode(hashlib.sha256(body).digest()).decode()
        token = api.AccessToken(key or self._livekit.api_key, secret or self._livekit.api_secret)
        return token.with_sha256(sha256).to_jwt()

    def send(self, body: bytes, authorization: str | None = None) -> int:
        """Send a body and return the answer; signed as it should be unless told otherwise."""
        signature = self.sign(body) if authorization is None else authorization
        headers = {"Content-Type": "application/webhook+json"}
        if signature:
            headers["Authorization"] = signature
        return http_status(self.url, data=body, headers=headers)

    async def flood(self, bodies: list[bytes]) -> list[int]:
        """Send all bodies, fifty at a time, and return the answers."""
        signed = [(body, {"Authorization": self.sign(body)}) for body in bodies]
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=50)) as session:

            async def post(body: bytes, headers: dict[str, str]) -> int:
                async with session.post(self.url, data=body, headers=headers) as answer:
                    return answer.status

            started = time.monotonic()
            answers = await asyncio.gather(*(post(body, headers) for body, headers in signed))
            print(f"[{time.monotonic() - started:6.2f} s of 1 s] {len(answers)} webhooks are answered")
            assert time.monotonic() - started < 5
            return answers


def event(room: str, kind: str = "participant_joined") -> bytes:
    """Return a webhook's body."""
    body: dict[str, Any] = {
        "event": kind,
        "id": f"EV_{uuid.uuid4().hex[:12]}",
        "createdAt": str(int(time.time())),
        "room": {"name": room, "sid": "RM_unknown"},
    }
    return json.dumps(body).encode()


@pytest.fixture
def sender(stack: LocalStack, operator: OperatorProcess) -> Sender:
    return Sender(stack)


ANSWERS: list[Any] = [
    pytest.param(200, lambda s, body: s.send(body), id="signed"),
    pytest.param(200, lambda s, body: s.send(body, f"Bearer {s.sign(body)}"), id="signed, with Bearer"),
    pytest.param(401, lambda s, body: s.send(body, ""), id="unsigned"),
    pytest.param(401, lambda s, body: s.send(body, "nonsense"), id="not a token"),
    pytest.param(401, lambda s, body: s.send(body, s.sign(body, secret="x" * 40)), id="forged signature"),
    pytest.param(401, lambda s, body: s.send(body, s.sign(body, key="APIother")), id="wrong key"),
    pytest.param(401, lambda s, body: s.send(body + b" ", s.sign(body)), id="another body"),
    pytest.param(401, lambda s, body: s.send(body[:-20], s.sign(body)), id="truncated on the way"),
    pytest.param(400, lambda s, body: s.send(body[:-20]), id="signed but cut off"),
    pytest.param(400, lambda s, _: s.send(b"\xff\x00"), id="signed but not text"),
    pytest.param(400, lambda s, _: s.send(b"[]"), id="signed but no event"),
    pytest.param(413, lambda s, _: s.send(b"x" * BIG, "nonsense"), id="10 MB"),
    pytest.param(413, lambda s, _: s.send(b"x" * BIG), id="10 MB, signed"),
]


@pytest.mark.parametrize(("expected", "send"), ANSWERS)
def test_a_webhook_is_answered_by_what_it_is(
    sender: Sender, stack: LocalStack, expected: int, send: Callable[[Sender, bytes], int]
) -> None:
    assert send(sender, event("some-room")) == expected
    assert http_status(f"http://127.0.0.1:{stack.operator_port}/healthz") == 200


def test_only_news_of_a_declared_room_wakes_it(sender: Sender, cluster: Cluster, stack: LocalStack) -> None:
    cluster.apply(cluster.room("standup"))
    eventually("the Room is Ready", lambda: cluster.is_ready("standup"), within=2)
    name = f"{cluster.namespace}_standup"
    settle(stack)
    before = metric(stack, "roomkeeper_reconciles_total")

    for _ in range(20):
        body = event(name)
        assert sender.send(body, sender.sign(body, secret="x" * 40)) == 401
        assert sender.send(body, sender.sign(body, key="APIother")) == 401
        assert sender.send(body[:-9], sender.sign(body)) == 401
        assert sender.send(event("unknown-room")) == 200
    # A genuine one comes behind them: when it has been worked off, so would they have been.
    genuine = event(name)
    assert sender.send(genuine) == 200
    eventually(
        "the genuine webhook woke the Room, and it alone",
        lambda: metric(stack, "roomkeeper_reconciles_total") - before == 1,
        within=1,
    )
    assert [sender.send(genuine) for _ in range(5)] == [200] * 5
    assert sender.send(event(name)) == 200
    eventually(
        "replays woke nobody",
        lambda: metric(stack, "roomkeeper_reconciles_total") - before == 2,
        within=1,
    )


def test_a_thousand_webhooks_in_a_second_are_taken(
    sender: Sender, cluster: Cluster, stack: LocalStack, operator: OperatorProcess
) -> None:
    cluster.apply(cluster.room("standup", metadata={"topic": "x"}))
    eventually("the Room is Ready", lambda: cluster.is_ready("standup"), within=2)
    name = f"{cluster.namespace}_standup"
    before = metric(stack, "roomkeeper_reconciles_total")
    answers = asyncio.run(sender.flood([event(name) for _ in range(FLOOD)]))
    assert answers == [200] * FLOOD
    assert operator.is_ready()
    cluster.apply(cluster.room("standup", metadata={"topic": "y"}))
    eventually("an edit is done as ever", lambda: cluster.is_ready("standup"), within=2)
    reconciles = metric(stack, "roomkeeper_reconciles_total") - before
    print(f"{FLOOD} webhooks made {reconciles:g} reconciles")
    assert reconciles < FLOOD / 4


def test_a_sender_that_breaks_off_harms_nobody(
    sender: Sender, operator: OperatorProcess, stack: LocalStack
) -> None:
    body = event("some-room")
    head = f"POST /livekit/webhook HTTP/1.1\r\nHost: x\r\nAuthorization: {sender.sign(body)}\r\n"
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", stack.operator_port)) as connection:
            connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:-20])
        with socket.create_connection(("127.0.0.1", stack.operator_port)) as connection:
            connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\nnonsense\r\n".encode())
            assert b" 400 " in connection.recv(1000)
        with socket.create_connection(("127.0.0.1", stack.operator_port)) as connection:
            # The suite looks for the token in the log when the operator ends.
            connection.sendall(head.rstrip().encode() + b"\x01\r\n\r\n")
            assert b" 400 " in connection.recv(1000)
    assert sender.send(body) == 200
    assert "Traceback" not in operator.output()
    assert operator.output().count("Error handling request") == 6


@pytest.mark.parametrize("path", ["healthz", "readyz", "metrics"])
def test_probes_and_metrics_answer(stack: LocalStack, operator: OperatorProcess, path: str) -> None:
    assert http_status(f"http://127.0.0.1:{stack.operator_port}/{path}") == 200


def test_other_methods_and_paths_are_refused(sender: Sender) -> None:
    assert http_status(sender.url) == 405
    assert http_status(f"{sender.url}/more", data=b"x") == 404
