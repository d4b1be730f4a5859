"""One sequence of steps, and what has to be true after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.properties.declared import wrong
from tests.integration.properties.quiet import calls_while_quiet
from tests.integration.properties.world import RESYNC_SECONDS, running_world

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.integration.properties.steps import Step

# Tokens of a replaced key are replaced over ten minutes, and metadata that was contested rests for as long.
LONG_SECONDS = 600.0 + 3 * RESYNC_SECONDS
MOST_RECONCILES = 80  # of a Room, meanwhile; each resync is one where people are moderated


async def run(steps: Sequence[Step]) -> None:
    """Let the steps happen, wait, and compare the world with what is declared."""
    async with running_world() as world:
        for step in steps:
            await step.happen(world)
        if world.operator is None:
            await world.start()
        world.fuse.calls_left = None
        world.webhooks_arrive = True
        world.reconciles.clear()
        await world.pass_time(LONG_SECONDS)
        assert not wrong(world), wrong(world)
        rooms = max(1, len(world.rooms()))
        assert world.reconciles["Room"] <= MOST_RECONCILES * rooms, world.reconciles
        asked = await calls_while_quiet(world)
        assert not asked, asked
        assert not wrong(world), wrong(world)
