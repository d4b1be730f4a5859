"""What is remembered of a server's egresses: no more than runs, and what a Recording has to hear of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pytest

from roomkeeper.domain.egress import Egress, EgressState
from roomkeeper.engine.egresses import EgressSightings
from tests.unit.engine.clock import HandClock

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import LiveKit

ACTIVE, COMPLETE = EgressState.ACTIVE, EgressState.COMPLETE


@dataclass
class Worker:
    """The part of the port that lists egresses; it counts the reads of one alone."""

    egresses: dict[str, Egress] = field(default_factory=dict)
    reads: int = 0

    def has(self, egress_id: str, state: EgressState = ACTIVE) -> Egress:
        """Have an egress in a state."""
        self.egresses[egress_id] = Egress(egress_id, "standup", state)
        return self.egresses[egress_id]

    async def list_egress(self, *, egress_id: str = "", active: bool = False) -> list[Egress]:
        """List as the server does."""
        if egress_id:
            self.reads += 1
            return [self.egresses[egress_id]] if egress_id in self.egresses else []
        return [one for one in self.egresses.values() if one.state.is_live or not active]


class Server:
    """Sightings of the egresses of one server."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.worker = Worker()
        self.sightings = EgressSightings(self.clock)

    async def probe(self) -> None:
        self.clock.advance(60)
        await self.sightings.probe(cast("LiveKit", self.worker))

    async def read(self, egress_id: str) -> Egress | None:
        return await self.sightings.read(cast("LiveKit", self.worker), egress_id)

    @property
    def remembered(self) -> int:
        kept = (
            self.sightings._egresses,
            self.sightings._seen_at,
            self.sightings._unanswered,
            self.sightings._hints,
        )
        return max(map(len, kept))


@pytest.fixture
def server() -> Server:
    return Server()


async def test_egresses_of_others_are_forgotten_when_they_run_no_more(server: Server) -> None:
    for number in range(100):
        egress = f"EG_{number}"
        server.worker.has(egress)
        server.sightings.hint(egress)
        server.sightings.was_not_answered(egress)
        await server.probe()
        server.worker.has(egress, COMPLETE)
        server.sightings.hint(egress)
    await server.probe()
    assert server.remembered <= 2


async def test_one_that_runs_no_more_is_read_once_and_then_known(server: Server) -> None:
    server.worker.has("EG_1")
    await server.probe()
    assert await server.read("EG_1") == server.worker.egresses["EG_1"]
    assert server.worker.reads == 0
    ended = server.worker.has("EG_1", COMPLETE)
    await server.probe()
    for _ in range(3):
        assert await server.read("EG_1") == ended
    assert server.worker.reads == 1


async def test_one_that_ended_is_not_believed_to_run_by_a_list_that_is_late(server: Server) -> None:
    running = server.worker.has("EG_1")
    ended = server.worker.has("EG_1", COMPLETE)
    server.sightings.saw(ended)
    assert server.sightings.saw(running) == ended


async def test_a_webhook_about_one_that_is_not_known_yet_is_kept_until_it_is(server: Server) -> None:
    """It may come before the answer to the start that it is about."""
    server.worker.has("EG_1", ACTIVE)
    server.sightings.hint("EG_1")
    server.sightings.saw(Egress("EG_1", "standup", EgressState.STARTING))
    found = await server.read("EG_1")
    assert found
    assert found.state is ACTIVE
