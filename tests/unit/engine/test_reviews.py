"""Whoever sends a token may write anything into it: nobody is asked about nonsense, and nothing breaks of it."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomkeeper.engine.reviews import AUDIENCE, KEPT_SECONDS, MOST_TOKEN_BYTES, Reviews
from tests.unit.engine.clock import HandClock

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import Body, Kubernetes, Resource

FAR = 99_999_999_999


class ApiServer:
    """Knows whoever asks, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def create(self, _: Resource, body: Body) -> Body:
        self.asked += 1
        user = {"username": "system:serviceaccount:team-a:backend"}
        return {**body, "status": {"authenticated": True, "audiences": [AUDIENCE], "user": user}}


def token(payload: bytes, signature: str = "s") -> str:
    return f"h.{base64.urlsafe_b64encode(payload).decode().rstrip('=')}.{signature}"


def of(**claims: Any) -> str:
    return token(json.dumps({"aud": [AUDIENCE], "exp": FAR, **claims}).encode())


def reviews(server: ApiServer, clock: HandClock) -> Reviews:
    kubernetes: Kubernetes = server  # type: ignore[assignment]
    return Reviews(kubernetes, clock)


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "nonsense",
        token(b"\xff"),
        token(b"[" * 5000),
        token(b"[]"),
        token(b'{"aud":"roomkeeper","exp":' + b"9" * 400 + b"}"),
        token(json.dumps({"aud": AUDIENCE, "exp": FAR}).encode(), "\udcff"),
        of(aud=5),
        of(aud=None),
        of(aud=["another"]),
        of(exp=None),
        of(exp=1),
        of(padding="x" * MOST_TOKEN_BYTES),
    ],
    ids=range(13),
)
async def test_nobody_is_asked_about_nonsense(sent: str) -> None:
    server = ApiServer()
    assert await reviews(server, HandClock()).caller(sent) is None
    assert server.asked == 0


@given(st.one_of(st.text(), st.binary(max_size=200).map(token)))
async def test_nothing_that_is_sent_breaks_anything(sent: str) -> None:
    server = ApiServer()
    assert await reviews(server, HandClock()).caller(sent) is None


async def test_a_token_that_ends_is_refused_though_the_answer_is_remembered() -> None:
    server, clock = ApiServer(), HandClock()
    asked, sent = reviews(server, clock), of(exp=HandClock().now().timestamp() + 3)
    assert await asked.caller(sent)
    assert await asked.caller(sent)
    assert server.asked == 1
    clock.advance(3)
    assert clock.monotonic() < 1000 + KEPT_SECONDS
    assert await asked.caller(sent) is None
