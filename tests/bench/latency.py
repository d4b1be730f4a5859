"""How long single things take: an edit until LiveKit has it, a webhook until status shows it."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from typing import TYPE_CHECKING, Any

from tests.bench.calls import STATUS, Calls
from tests.bench.fleet import on_livekit
from tests.e2e.crowd import Crowd

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from roomkeeper.localstack import LocalStack
    from tests.bench.fleet import Fleet
    from tests.bench.sessions import LiveKit

LOOK_SECONDS = 0.003  # the figures are late by as much
PATIENCE_SECONDS = 60.0


def edits(names: Sequence[str], number: int) -> Iterator[str]:
    """Return whose turn it is, so many times."""
    return itertools.islice(itertools.cycle(names), number)


async def edit(fleet: Fleet, livekit: LiveKit, name: str, *, pause: float) -> float:
    """Edit the metadata of a Room, and return how many seconds later its room on LiveKit had it."""
    await asyncio.sleep(pause)
    room, wanted = on_livekit(fleet.namespace, name), str(time.monotonic_ns())
    began = time.monotonic()
    await fleet.set_metadata(name, edit=wanted)
    while json.loads(await livekit.metadata(room) or "{}").get("edit") != wanted:
        assert time.monotonic() - began < PATIENCE_SECONDS, f"the edit of {name} has no effect"
        await asyncio.sleep(LOOK_SECONDS)
    return time.monotonic() - began


async def joins(stack: LocalStack, fleet: Fleet, livekit: LiveKit, names: Sequence[str]) -> list[float]:
    """Have somebody join each Room; return the seconds from LiveKit's webhook to the status that counts them."""
    calls, log = Calls(stack), stack.livekit.log
    began = log.stat().st_size
    with Crowd() as crowd:
        for name in names:
            room = on_livekit(fleet.namespace, name)
            token = livekit.sign(
                {"sub": name, "exp": time.time() + 600, "video": {"roomJoin": True, "room": room}}
            )
            joined = await asyncio.to_thread(crowd.join, name, {"LIVEKIT_URL": stack.livekit.url}, token)
            assert joined, f"nobody can join {name}"
        await calls.until(STATUS, len(names), within=PATIENCE_SECONDS)
    with log.open("rb") as file:
        file.seek(began)
        told = dict(_told(file.read()))
    shown: dict[str, float] = {}
    for call in calls.seen:
        sent = told.get(on_livekit(fleet.namespace, call.name))
        if call.kind == STATUS and sent is not None and call.answered > sent:
            shown.setdefault(call.name, call.answered - sent)
    return list(shown.values())


def _told(log: bytes) -> Iterator[tuple[str, float]]:
    """Yield of which rooms LiveKit told that somebody has joined, and since when it had that to tell."""
    for line in log.splitlines():
        if b'"sent webhook"' in line and b'"participant_joined"' in line:
            said: dict[str, Any] = json.loads(line)
            yield said["room"], said["ts"] - said["sendDuration"] - said["queueDuration"]
