"""Egresses that are ending when ten minutes have gone by: one uploads still, and of the other the worker has died over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roomkeeper.domain.recording_stop import UPLOAD_SECONDS
from tests.e2e.looks import requests, resyncs
from tests.e2e.meetings import Meetings, meetings
from tests.e2e.support import RESYNC_SECONDS, eventually
from tests.e2e.tenancy import another_livekit
from tests.e2e.workers import another_worker, frozen, nothing_is_stored

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from roomkeeper.localstack import LocalStack
    from tests.e2e.traveller import Traveller

PARTS = ("redis", "livekit", "egress_standin")
ANSWER_SECONDS = 3  # until LiveKit says that nobody answers


@pytest.fixture
def here(stack: LocalStack, traveller: Traveller, tmp_path: Path) -> Iterator[Meetings]:
    media = another_livekit(stack, tmp_path / "media", parts=PARTS)
    with media, meetings(stack, media=media) as here:
        yield here


def begin(here: Meetings, name: str) -> None:
    """Record a room in which somebody is."""
    here.record_all(name)
    here.join(name)
    eventually(f"{name} is being recorded", lambda: here.is_("Active", name), within=5)


def test_an_upload_is_waited_for_and_a_dead_worker_is_not(
    here: Meetings, stack: LocalStack, traveller: Traveller, tmp_path: Path
) -> None:
    here.hold("lasts", "dies")
    begin(here, "lasts")
    with another_worker(here.media, tmp_path) as second:
        with frozen(here.media.egress_standin):
            begin(here, "dies")
        with nothing_is_stored(stack):
            here.leave("dies")
            eventually("it is ending", lambda: here.is_("Ending", "dies"), within=5)
            second.kill()
    resyncs(stack, number=2, livekit=here.media.livekit)
    assert here.state("dies") == "Ending"
    traveller.move(wall=UPLOAD_SECONDS, monotonic=UPLOAD_SECONDS)
    within = 3 * RESYNC_SECONDS + 2 * ANSWER_SECONDS
    eventually("it is given up", lambda: here.is_("Failed", "dies"), within=within)
    is_told(here)

    asked = requests(stack)["StopEgress"]
    with nothing_is_stored(stack):  # for this operator, it ends for ten minutes as soon as it does
        here.leave("lasts")
        eventually("it is ending", lambda: here.is_("Ending", "lasts"), within=5)
        eventually("it is asked", lambda: requests(stack)["StopEgress"] > asked, within=RESYNC_SECONDS)
        assert here.state("lasts") == "Ending"
    eventually("it is complete", lambda: here.is_("Complete", "lasts"), within=5)
    [attempt] = here.status("lasts")["attempts"]
    assert [attempt["egressID"]] == [one.id for one in here.ran("lasts")]
    assert here.recording_condition("lasts", "EgressResponsive")["status"] == "True"


def is_told(here: Meetings) -> None:
    """Fail unless status says what became of it, and that it has recorded no longer than until it was ending."""
    ready = here.recording_condition("dies")
    assert (ready["status"], ready["reason"]) == ("False", "EgressUnresponsive")
    status = here.status("dies")
    [attempt] = status["attempts"]
    assert (attempt["state"], attempt["error"]) == ("Failed", "EgressUnresponsive")
    assert status["recordedSeconds"] < UPLOAD_SECONDS
    [result] = status["results"]
    assert attempt["marker"] in result["filename"]
    assert "location" not in result
