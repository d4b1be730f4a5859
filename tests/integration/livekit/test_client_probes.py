"""What is asked of a server about itself, and what is refused before anything is asked."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import jwt
import pytest
from aiohttp import web

from roomkeeper.adapters.livekit.calls import Limits
from roomkeeper.adapters.ports import LiveKitCredentialsError, LiveKitError, LiveKitUnreachableError
from tests.integration.livekit.serving import CREDENTIALS, answering, client_of, served, twirp_error

MARKER = "hunter2"


@pytest.mark.parametrize("method", ["ListRooms", "validate"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(method: str, status: int) -> None:
    asked: list[str] = []

    async def redirect(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    async with served(redirect) as url, client_of(url) as client:
        with pytest.raises(LiveKitUnreachableError, match=f"HTTP {status}: this is not LiveKit"):
            await (client.list_rooms() if method == "ListRooms" else client.creates_rooms_on_join())
    assert len(asked) == 1


@pytest.mark.parametrize(("status", "creates"), [(200, True), (404, False)])
async def test_a_join_of_an_absent_room_is_asked_for_with_a_token_that_nobody_else_can_guess(
    status: int, *, creates: bool
) -> None:
    seen: list[tuple[str, str, dict[str, Any]]] = []

    async def note(request: web.Request) -> web.Response:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        claims = jwt.decode(token, CREDENTIALS.api_secret, algorithms=["HS256"])
        seen.append((request.method, request.path_qs, claims))
        return web.Response(status=status)

    async with served(note) as url, client_of(url + "/base/") as client:
        assert await client.creates_rooms_on_join() is creates
        assert await client.creates_rooms_on_join() is creates
    assert {(method, path) for method, path, _ in seen} == {("GET", "/base/rtc/validate")}
    first, second = (claims for _, _, claims in seen)
    assert first["video"].keys() == {"roomJoin", "room"}
    assert first["exp"] - first["nbf"] == 60
    assert len({c["sub"] for c in (first, second)} | {c["video"]["room"] for c in (first, second)}) == 4
    assert len(first["video"]["room"]) > 32


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, LiveKitCredentialsError),
        (403, LiveKitCredentialsError),
        (400, LiveKitUnreachableError),
        (429, LiveKitUnreachableError),
        (500, LiveKitUnreachableError),
        (503, LiveKitUnreachableError),
    ],
)
async def test_whatever_else_a_join_is_answered_tells_nothing_about_auto_create(
    status: int, expected: type[LiveKitError]
) -> None:
    async with served(answering(status=status, text=MARKER)) as url, client_of(url) as client:
        with pytest.raises(LiveKitError, match=f"HTTP {status}") as raised:
            await client.creates_rooms_on_join()
    assert type(raised.value) is expected
    assert MARKER not in str(raised.value)


async def test_a_silent_server_does_not_hold_up_the_question_for_auto_create() -> None:
    async def silent(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with served(silent) as url, client_of(url, limits=Limits(timeout_seconds=0.2)) as client:
        with pytest.raises(LiveKitUnreachableError, match="time limit"):
            await client.creates_rooms_on_join()


@pytest.mark.parametrize(
    ("status", "code", "has_redis"),
    [(500, "internal", False), (500, "unknown", None), (401, "unknown", None)],
)
async def test_only_an_internal_error_means_that_there_is_no_redis(
    status: int, code: str, *, has_redis: bool | None
) -> None:
    async with served(twirp_error(status, code)) as url, client_of(url) as client:
        if has_redis is None:
            with pytest.raises(LiveKitError):
                await client.has_redis()
        else:
            assert await client.has_redis() is has_redis


@pytest.mark.parametrize("method", ["ListRooms", "validate"])
@pytest.mark.parametrize(("ahead", "skew"), [(300, 300), (-300, -300), (30, 0), (None, 0)])
async def test_a_refusal_is_told_from_one_that_the_clocks_explain(
    method: str, ahead: int | None, skew: int
) -> None:
    when = datetime.now(UTC) + timedelta(seconds=ahead or 0)
    date = "a long time ago" if ahead is None else format_datetime(when, usegmt=True)
    refusing = answering(status=401, text=MARKER, headers={"Date": date})
    async with served(refusing) as url, client_of(url) as client:
        with pytest.raises(LiveKitCredentialsError) as raised:
            await (client.list_rooms() if method == "ListRooms" else client.creates_rooms_on_join())
    assert raised.value.skew_seconds == pytest.approx(skew, abs=5)
    assert ("s behind the operator's" in str(raised.value)) is (skew < 0)
    assert ("s ahead of the operator's" in str(raised.value)) is (skew > 0)
    assert MARKER not in str(raised.value)
