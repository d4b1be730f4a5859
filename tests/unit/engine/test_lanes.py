"""Which keys wait for each other: a tenant's LiveKit that never answers holds up nobody else."""

from __future__ import annotations

import pytest

from roomkeeper.domain.objects import RECORDING, ROOM, SERVER, STORAGE, Key
from roomkeeper.engine.lanes import Lanes
from tests.unit.engine.fleet import MAIN, URL
from tests.unit.engine.recordings import ON_MAIN, Recorder, a_recorder
from tests.unit.engine.warehouse import TENANT


@pytest.fixture
async def recorder() -> Recorder:
    return await a_recorder()


async def test_whose_livekit_it_is_decides_and_not_whose_object(recorder: Recorder) -> None:
    lanes = Lanes(recorder.operator.objects, recorder.operator.servers)
    rooms = {
        "of-the-operator": recorder.declare("one", namespace=TENANT),
        "of-the-provider": recorder.declare("two", namespace=TENANT, serverRef=ON_MAIN["serverRef"]),
        "of-nobody": recorder.declare("three", namespace=TENANT, serverRef={"name": "none"}),
    }
    await recorder.settle()
    assert {name: lanes.of(key) for name, key in rooms.items()} == {
        "of-the-operator": (ROOM, "", False),
        "of-the-provider": (ROOM, MAIN.namespace, False),
        "of-nobody": (ROOM, TENANT, False),
    }
    for kind in (SERVER, STORAGE, ROOM):
        assert lanes.of(Key(kind, "team-b", "unknown")) == (kind, "team-b", False)


async def test_what_runs_does_not_wait_for_what_is_about_to(recorder: Recorder) -> None:
    lanes = Lanes(recorder.operator.objects, recorder.operator.servers)
    key = recorder.record(**ON_MAIN, startAt="2026-01-02T12:30:00Z")
    await recorder.settle()
    assert lanes.of(key) == (RECORDING, MAIN.namespace, False)
    recorder.clock.advance(3600)
    await recorder.reconcile(key)
    assert lanes.of(key) == (RECORDING, MAIN.namespace, True)
    recorder.patch(key, spec={"desiredState": "Stopped"})
    await recorder.settle()
    await recorder.play(3, of=recorder.livekits[URL])
    assert recorder.state(key) == "Stopped"
    assert lanes.of(key) == (RECORDING, MAIN.namespace, False)
