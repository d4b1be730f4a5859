"""The benchmark with 300 Rooms: what is written for them is counted, and how long it takes is not judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bench import steps
from tests.bench.fleet import Fleet
from tests.bench.report import Results, markdown
from tests.bench.sessions import Kube, LiveKit
from tests.e2e.support import OperatorProcess

if TYPE_CHECKING:
    from pathlib import Path

    from roomkeeper.localstack import LocalStack
    from tests.e2e.support import Cluster

ROOMS = 300
WRITES = {("patch", "rooms"): 1, ("create", "secrets"): 2, ("patch", "rooms/status"): 1}


@pytest.mark.alone
async def test_three_hundred_rooms_cost_what_they_must_and_nothing_when_nothing_changes(
    cluster: Cluster, stack: LocalStack, tmp_path: Path
) -> None:
    results = Results(ROOMS)
    livekit = LiveKit(stack.livekit.http_url, stack.livekit.api_key, stack.livekit.api_secret)
    async with Kube(stack.kubeconfig) as kube, livekit:
        bench = steps.Bench(
            stack=stack,
            operator=OperatorProcess(stack, tmp_path / "operator.log"),
            fleet=Fleet(kube, cluster.namespace),
            livekit=livekit,
            results=results,
            idle_seconds=2,
            settle_seconds=1,
            edits=20,
        )
        try:
            for step in (
                steps.create,
                steps.restart,
                steps.idle,
                steps.edit_idle,
                steps.tokens,
                steps.delete,
            ):
                await step(bench)
        finally:
            bench.operator.stop()
    print(markdown([results]))
    print(*(line for line in bench.operator.output().splitlines() if " WARNING " in line), sep="\n")
    writes = {bulk.what: bulk.writes for bulk in results.bulks}
    assert writes == {
        "create": {write: number * ROOMS for write, number in WRITES.items()},
        "restart": {},
        "delete": {("patch", "rooms"): ROOMS},
    }
    assert results.idle
    assert results.idle.writes == {}
