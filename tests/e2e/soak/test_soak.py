"""A day of work in minutes: a clock that is moved, objects that come and go, a LiveKit that is restarted; nothing grows.

SOAK_MINUTES=30 is a day: the clock of the operator is moved ahead by 48 times the time that passes.
"""

from __future__ import annotations

import os
import time
import uuid
from typing import TYPE_CHECKING

import pytest

from tests.e2e.churn import Churn
from tests.e2e.soak.samples import Samples
from tests.e2e.studio import S3_SECRET
from tests.e2e.support import eventually, metric
from tests.e2e.traveller import Traveller

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from roomkeeper.localstack import LocalStack
    from tests.e2e.conftest import LiveKitView

SECONDS = float(os.environ.get("SOAK_MINUTES", "1")) * 60
TIMES_FASTER = 48
JUMP_SECONDS = 10  # between two moves of the clock, each by 8 minutes
RESTART_SECONDS = min(180.0, SECONDS)  # between two of LiveKit; the first is part of the warm-up
WARM_UP = 1 / 3  # of the time
SAMPLES = 60
ROOMS = 40
FLAT = 1.1
RECOVERY_SECONDS = 30
SEED = 24

pytestmark = [pytest.mark.alone, pytest.mark.timeout(SECONDS + 600)]


class DayOfChurn(Churn):
    """Recordings end with the session when LiveKit is restarted, and go by themselves an hour later."""

    def recording(self, name: str, **spec: object) -> dict[str, object]:
        return super().recording(name, ttlSecondsAfterFinished=3600, **spec)

    def _check_recordings(self) -> None:
        names = {name for kind, name in self.declared if kind == "Recording"}
        running = self.running()
        assert set(running) <= names, f"recorded for nobody: {set(running) - names}"
        assert len(running) == len(set(running)), f"recorded twice: {running}"
        active = {
            one["metadata"]["name"] for one in self.list("recordings") if one["status"]["state"] == "Active"
        }
        assert active == set(running), f"Active: {active}, recorded: {running}"


@pytest.fixture
def churn(stack: LocalStack) -> Iterator[DayOfChurn]:
    """Return a namespace whose objects come and go."""
    here = DayOfChurn(stack, f"t-{uuid.uuid4().hex[:8]}", SEED, most_rooms=ROOMS)
    stack.kubectl("create", "namespace", here.namespace)
    yield here
    here.clear(S3_SECRET)


@pytest.fixture
def traveller(stack: LocalStack, tmp_path: Path) -> Iterator[Traveller]:
    """Return an operator whose clock can be moved and whose inside is counted, running."""
    one = Traveller(stack, tmp_path, program=("-m", "tests.e2e.soak.entry"))
    one.process.start(ROOMKEEPER_RESYNC_SECONDS="60")
    yield one
    one.process.stop()


def test_a_day_of_churn_leaves_nothing_behind(
    churn: DayOfChurn, livekit: LiveKitView, stack: LocalStack, traveller: Traveller
) -> None:
    churn.move_in(stack.livekit.url, resyncSeconds=60)
    churn.fill()
    eventually("the Rooms are Ready", lambda: len(churn.ready_rooms()) == ROOMS + 1, within=10)
    began = time.monotonic()
    jumps = steps = restarts = 0
    with Samples(stack.operator_port, SECONDS / SAMPLES) as samples:
        while (passed := time.monotonic() - began) < SECONDS:
            churn.step()
            steps += 1
            churn.disturb(livekit)
            if passed > jumps * JUMP_SECONDS:
                jumps += 1
                ahead = passed * (TIMES_FASTER - 1)
                traveller.move(wall=ahead, monotonic=ahead)
            if passed > (restarts + 1 / 6) * RESTART_SECONDS:
                restarts += 1
                stack.livekit.restart()
    renewed = metric(stack, "roomkeeper_kubernetes_requests_total", verb="apply", resource="secrets")
    webhooks = metric(stack, "roomkeeper_webhook_events_total")
    reconciles = metric(stack, "roomkeeper_reconciles_total")
    print(
        f"{steps} steps, {jumps} jumps of the clock, {restarts} restarts of LiveKit, {reconciles:.0f} reconciles, "
        f"{webhooks:.0f} webhooks, {renewed:.0f} Secrets renewed"
    )
    eventually("all is as declared", lambda: churn.is_as_declared(livekit), within=RECOVERY_SECONDS)
    assert renewed > jumps * ROOMS / 2, "tokens are not renewed"
    for value in ("rss", "tasks", "files"):
        early, late = samples.growth(value, warm_up=WARM_UP)
        print(f"{value}: {early:.1f} after the warm-up, {late:.1f} at the end")
        assert late <= early * FLAT, f"{value} grows"
    queued = samples.growth("queued", warm_up=WARM_UP)[1]
    delayed, objects = (samples.growth(value, warm_up=WARM_UP)[1] for value in ("delayed", "objects"))
    print(f"at the end {queued:.0f} keys wait, and {delayed:.0f} are due later, of {objects:.0f} objects")
    assert queued < 10, "the queue grows"
    assert delayed <= objects * FLAT + 1, "more is due than there is"
