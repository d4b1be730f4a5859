"""The web client of the examples, in real Chromium on a real LiveKit: what people see, hear and are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.browsers import Browsers, Tab
from tests.e2e.line import Line
from tests.e2e.looks import somebody, tracks
from tests.e2e.meetings import Meetings, meetings
from tests.e2e.support import eventually
from tests.e2e.venue import Venue, venue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from roomkeeper.localstack import LocalStack
    from tests.e2e.conftest import LiveKitView
    from tests.e2e.support import OperatorProcess

TALK = {"canPublish": True, "canPublishData": True}
HOST = {"name": "host", "identities": ["alice", "bob"], "grants": TALK}
VIEWER = {"name": "viewer", "identities": ["dora"]}
PUBLISHING = {"Microphone", "Camera", "Share screen"}


@pytest.fixture(scope="module")
def line(stack: LocalStack) -> Iterator[Line]:
    with Line(stack.livekit.url) as line:
        yield line


@pytest.fixture(scope="module")
def here(stack: LocalStack, operator: OperatorProcess, line: Line) -> Iterator[Meetings]:
    with meetings(stack, url=line.url, apiURL=stack.livekit.url) as here:
        yield here


@pytest.fixture(scope="module")
def browsers() -> Iterator[Browsers]:
    with Browsers() as browsers:
        yield browsers


@pytest.fixture
def place(here: Meetings, browsers: Browsers, tmp_path: Path) -> Iterator[Venue]:
    with venue(here, browsers, tmp_path) as place:
        yield place


def sees(tab: Tab, text: str, *, within: float = 3) -> None:
    eventually(f"it is to be read: {text}", lambda: text in tab.text(), within=within)


def sees_and_hears(tab: Tab, whom: str, *, within: float = 5) -> None:
    """Wait until pictures and sounds arrive that had not arrived before."""
    before = tab.received()

    def more() -> bool:
        now = tab.received()
        return now.frames > before.frames + 2 and now.energy > before.energy

    eventually(f"{whom} is seen and heard", more, within=within)


def only_hears(tab: Tab) -> bool:
    """Wait for the next sound, and tell whether no picture came with it."""
    before = tab.received()
    eventually("a sound", lambda: tab.received().energy > before.energy, within=3)
    return tab.received().frames <= before.frames


def edit(here: Meetings, room: str, **spec: Any) -> None:
    here.apply(here.room(room, serverRef={"name": "main"}, departureTimeoutSeconds=1, **spec))


def test_hosts_and_a_viewer_meet_and_an_edit_of_the_role_lets_the_viewer_speak(
    here: Meetings, place: Venue, livekit: LiveKitView
) -> None:
    here.hold("standup", roles=[HOST, VIEWER], metadata={"topic": "Tuesday at ten"})
    room = here.live_name("standup")
    hosts, viewers = place.serve("standup", "host"), place.serve("standup", "viewer")
    alice, bob, dora = hosts.enter(), hosts.enter(), viewers.enter()
    for host in (alice, bob):
        host.click("Microphone")
        host.click("Camera")
    for tab, whom in ((alice, "bob"), (bob, "alice"), (dora, "a host")):
        sees_and_hears(tab, whom)
    sees(dora, "Tuesday at ten")
    sees(dora, "3 people")

    sees(dora, "You may watch and listen.")
    assert not PUBLISHING & set(dora.buttons())
    assert not somebody(livekit, room, "dora").permission.can_publish

    alice.write("Message", "Good morning")
    for tab in (bob, dora):
        sees(tab, "Good morning")
    assert "Send" not in dora.buttons()

    alice.click("Share screen")
    eventually("it is sent as what has detail", lambda: "detail" in alice.sent_hints(), within=3)
    eventually("the others see a screen", lambda: bob.count(".tile.screen video") == 1, within=3)
    bob.click("Grid")
    eventually("the grid shows all", lambda: bob.count(".grid > .tile") == 4, within=2)

    edit(here, "standup", roles=[HOST, {**VIEWER, "grants": TALK}], metadata={"topic": "Tuesday at ten"})
    eventually("the viewer may speak", lambda: set(dora.buttons()) >= PUBLISHING, within=3)
    bob.close()
    eventually("bob has left", lambda: somebody(livekit, room, "bob") is None, within=5)
    dora.click("Microphone")
    dora.click("Camera")
    eventually(
        "LiveKit has what the viewer sends",
        lambda: tracks(livekit, room, "dora") == ["CAMERA", "MICROPHONE"],
        within=3,
    )
    sees_and_hears(alice, "the viewer")


def test_each_browser_has_an_identity_of_its_own_until_it_is_gone(here: Meetings, place: Venue) -> None:
    here.hold("lease", roles=[HOST])
    hosts = place.serve("lease", "host")
    alice, bob = hosts.enter(), hosts.enter()
    sees(alice, "2 people")
    carol = hosts.enter()
    sees(carol, "The room is full")
    bob.reload()
    bob.click("Join")
    sees(bob, "2 people")
    carol.click("Try again")
    sees(carol, "The room is full")

    bob.close()

    def is_in() -> bool:
        if "Try again" in carol.buttons():
            carol.click("Try again")
        return "2 people" in carol.text()

    eventually("the place of who has left is given away", is_in, within=3)


def test_a_second_tab_of_the_same_browser_takes_over_and_the_first_says_so(
    here: Meetings, place: Venue
) -> None:
    here.hold("tabs", roles=[HOST])
    first = place.serve("tabs", "host").enter()
    sees(first, "alice")
    second = first.another()
    second.click("Join")
    sees(second, "alice")
    sees(first, "You are in this meeting elsewhere")
    first.click("Join here instead")
    sees(first, "1 person")
    sees(second, "You are in this meeting elsewhere")


def test_who_is_blocked_is_put_out_and_told_so(here: Meetings, place: Venue) -> None:
    here.hold("blocked", roles=[HOST])
    hosts = place.serve("blocked", "host")
    alice, bob = hosts.enter(), hosts.enter()
    sees(bob, "2 people")
    moderation = {"blockedIdentities": ["bob"]}
    edit(here, "blocked", roles=[{**HOST, "identities": ["alice"]}], moderation=moderation)
    sees(bob, "You were removed")
    sees(alice, "1 person")
    eventually(
        "the token is gone from the Secret",
        lambda: "bob" not in here.secret("blocked.host")["tokens.json"],
        within=3,
    )
    hosts.refresh()
    bob.click("Try again")
    sees(bob, "The room is full")


def test_a_room_that_is_closed_says_so(here: Meetings, place: Venue) -> None:
    here.hold("closed", roles=[HOST])
    alice = place.serve("closed", "host").enter()
    sees(alice, "1 person")
    here.delete("room", "closed", wait=True)
    sees(alice, "The room was closed")


def test_a_recording_is_seen_for_as_long_as_it_runs(here: Meetings, place: Venue) -> None:
    here.hold("recorded", roles=[HOST])
    alice = place.serve("recorded", "host").enter()
    alice.click("Microphone")
    sees(alice, "1 person")
    assert "Recording" not in alice.text()
    here.record_all("recorded", source={"roomComposite": {}}, outputs={"file": {}})
    sees(alice, "Recording", within=5)
    here.stack.kubectl(
        "patch",
        "recording",
        "recorded",
        "-n",
        here.namespace,
        "--type=merge",
        "-p",
        '{"spec":{"desiredState":"Stopped"}}',
    )
    eventually("it is not shown any more", lambda: "Recording" not in alice.text(), within=5)


def test_the_audience_watches_and_may_save_the_video(here: Meetings, place: Venue) -> None:
    here.hold("stage", roles=[HOST, VIEWER])
    dora = place.serve("stage", "viewer").visit("audience")
    dora.click("Watch")
    sees(dora, "Nobody is on stage yet.")
    alice = place.serve("stage", "host").enter()
    alice.click("Microphone")
    alice.click("Camera")
    sees_and_hears(dora, "alice")
    assert dora.buttons() == ["Audio only", "Leave"]

    dora.click("Audio only")
    eventually("there is no video", lambda: dora.count("video") == 0, within=2)
    eventually("only the sound goes on", lambda: only_hears(dora), within=4)
    dora.click("Audio only")
    sees_and_hears(dora, "alice")


def test_it_is_back_after_a_lost_connection_and_after_a_restart_of_livekit(
    here: Meetings, place: Venue, livekit: LiveKitView, line: Line, stack: LocalStack
) -> None:
    here.hold("steady", roles=[HOST])
    hosts = place.serve("steady", "host")
    alice, bob = hosts.enter(), hosts.enter()
    alice.click("Microphone")
    alice.click("Camera")
    sees_and_hears(bob, "alice")
    sid = livekit.room(here.live_name("steady")).sid

    line.cut()
    sees(bob, "Reconnecting…")
    line.mend()
    eventually("it is back", lambda: "Reconnecting…" not in bob.text(), within=10)
    sees_and_hears(bob, "alice")
    assert livekit.room(here.live_name("steady")).sid == sid

    stack.livekit.stop()
    sees(bob, "Trying again…", within=5)
    stack.livekit.start()
    sees(bob, "2 people", within=10)
    sees_and_hears(bob, "alice", within=10)
    assert livekit.room(here.live_name("steady")).sid != sid
