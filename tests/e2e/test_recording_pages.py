"""A page that is recorded beside a room ends with the room, though nothing but the operator ties the two together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import LiveKitView
from tests.e2e.meetings import Meetings, meetings
from tests.e2e.support import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.localstack import LocalStack
    from tests.e2e.support import OperatorProcess


@pytest.fixture
def here(stack: LocalStack, operator: OperatorProcess) -> Iterator[Meetings]:
    with meetings(stack) as here:
        yield here


def test_it_ends_with_the_room_also_when_that_is_there_again(here: Meetings, stack: LocalStack) -> None:
    page = f"https://pages.example.com/{here.namespace}"
    here.hold("wall")
    here.record_all("wall", source={"web": {"url": page}}, outputs={"file": {}}, start="WhenRoomActive")
    assert here.state("wall") in ("", "Armed")
    here.join("wall")
    eventually("the page is being recorded", lambda: here.is_("Active", "wall"), within=5)
    room = LiveKitView(stack).room(here.live_name("wall"))
    [attempt] = here.status("wall")["attempts"]
    assert attempt["roomSID"] == room.sid

    here.leave("wall")
    eventually("it is complete", lambda: here.is_("Complete", "wall"), within=5)
    again = LiveKitView(stack).room(here.live_name("wall"))
    assert again is None or again.sid != room.sid
    assert here.status("wall")["stopReason"] == "RoomClosed"
    [ran] = stack.egress_standin.egresses(page)
    assert (ran.id, ran.running) == (attempt["egressID"], False)
    assert len(here.objects()) == 1
