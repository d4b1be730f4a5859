"""What the real Egress records for Recordings: looked at, listened to, and held against what their status tells."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from roomkeeper.localstack import LocalStack
from roomkeeper.localstack.guest import TONE_HZ, Guest
from roomkeeper.localstack.processes import Guard
from roomkeeper.localstack.stack import ALL_PARTS
from tests import media
from tests.e2e.pages import Page, served_template
from tests.e2e.studio import ROOM
from tests.e2e.studios import Tenant, studios
from tests.e2e.support import OperatorProcess, eventually
from tests.integration.localstack.recorded import a_short_folder, skip_where_egress_cannot_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.manifests.base import JSON

ROOT = Path(__file__).parents[2]
SECONDS = 7
SIZE = {"width": 640, "height": 360, "framerate": 15, "videoBitrateKbps": 1000, "videoCodec": "H264_MAIN"}
MP4 = {"advanced": {**SIZE, "audioCodec": "OPUS"}}  # Debian's GStreamer has no AAC encoder that Egress uses
HLS = {"advanced": SIZE}


class Take(NamedTuple):
    """One Recording that is over: what its status tells, and what is in the bucket."""

    name: str
    state: str
    result: JSON
    keys: list[str]
    sizes: dict[str, int]
    path: Path

    def lasts(self, stream: str = "") -> float:
        """Return how long it plays; that is what status tells, but for what Egress mixes on at the end."""
        told, plays = self.result["durationSeconds"], media.duration(self.path, stream)
        print(
            f"{self.name}: {self.state}, durationSeconds {told}, plays {plays:.2f} s, {sum(self.sizes.values())} bytes"
        )
        assert told >= SECONDS - 1
        assert plays == pytest.approx(told, abs=2)
        return plays

    def is_seen(self) -> None:
        """Fail if its picture is dark."""
        print(f"{self.name}: brightness {media.brightness(self.path, at=3):.0f} of 255")
        assert not media.is_black(self.path, at=3)

    def is_heard(self) -> None:
        """Fail if the tone of the guest is not what is heard."""
        print(f"{self.name}: the tone is {media.tone(self.path, TONE_HZ):.0%} of it")
        assert media.has_tone(self.path, TONE_HZ)


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    """The real Egress in place of the stand-in."""
    skip_where_egress_cannot_run()
    parts = (*ALL_PARTS, "s3", "egress")
    with a_short_folder() as folder, LocalStack(directory=folder, parts=parts) as running:
        running.apply_crds(ROOT / "crds")
        yield running


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with served_template(tmp_path_factory.mktemp("page")) as page:
        yield page


@pytest.fixture(scope="module")
def hall(stack: LocalStack, operator: OperatorProcess, page: Page) -> Iterator[Tenant]:
    """A tenant's Room on a server that allows them one page, and alice in it, who is seen and heard."""
    with studios(stack) as make:
        provider, hall = make(), make()
        provider.host(policy={"customBaseURLs": [page.url]})
        server = {"namespace": provider.namespace, "name": "main"}
        hall.share(default=True, allowedServers=[server])
        hall.apply(hall.uses(provider, "main", ROOM, departureTimeoutSeconds=1))
        eventually("the Room is Ready", lambda: hall.is_ready(ROOM), within=3)
        yield hall


@pytest.fixture(scope="module")
def takes(
    stack: LocalStack, hall: Tenant, page: Page, tmp_path_factory: pytest.TempPathFactory
) -> list[Take]:
    """All that is recorded, two at a time: the first are stopped, the others end with their room."""
    folder = tmp_path_factory.mktemp("media")
    began = time.monotonic()
    hall.apply(
        hall.recording(
            "person",
            source={"participant": {"identity": "alice"}},
            outputs={"file": {"filepath": "people/{publisher_identity}.mp4"}},
            encoding=MP4,
        ),
        hall.recording(
            "room",
            source={"roomComposite": {"layout": "speaker-light", "customBaseURL": page.url}},
            outputs={"file": {"filepath": "rooms/{room_name}.mp4", "type": "MP4"}},
            encoding=MP4,
        ),
    )
    secret = eventually("alice has a token", lambda: hall.secret(f"{ROOM}.host"), within=2)
    guard = Guard()
    alice = Guest(directory=stack.directory, guard=guard, credentials=secret, tone=True, picture=True)
    try:
        alice.start()
        record(hall, "person", "room")
        hall.stop("person")
        hall.stop("room")
        until(hall, "Stopped", "person", "room")
        hall.apply(
            hall.recording(
                "sound",
                source={"roomComposite": {"audioOnly": True}},
                outputs={"file": {"filepath": "rooms/{room_name}", "type": "OGG"}},
            ),
            hall.recording(
                "pictures",
                source={"roomComposite": {"layout": "grid", "videoOnly": True}},
                outputs={"hls": {"directory": "live/{room_name}", "segmentSeconds": 2}},
                encoding=HLS,
            ),
        )
        record(hall, "sound", "pictures")
        alice.stop()
        until(hall, "Complete", "sound", "pictures")
    finally:
        alice.stop()
        guard.close()
    print(f"four recordings of {SECONDS} s took {time.monotonic() - began:.0f} s")
    return [fetched(hall, name, status, folder / name) for name, status in hall.statuses().items()]


def record(hall: Tenant, *names: str) -> None:
    """Wait until they record, and for as long as is recorded then."""
    until(hall, "Active", *names)
    time.sleep(SECONDS)


def until(hall: Tenant, state: str, *names: str) -> None:
    """Wait until Recordings are in a state; a browser takes its time to start."""
    for name in names:
        eventually(f"{name}: {state}", partial(hall.is_, state, name), within=10)


def fetched(hall: Tenant, name: str, status: JSON, folder: Path) -> Take:
    (result,) = status["results"]
    (attempt,) = status["attempts"]
    keys = [key for key in hall.objects() if attempt["marker"] in key]
    folder.mkdir()
    for key in keys:
        (folder / key.rpartition("/")[2]).write_bytes(hall.stack.s3.read(hall.bucket, key))
    sizes = {key: (folder / key.rpartition("/")[2]).stat().st_size for key in keys}
    return Take(name, status["state"], result, keys, sizes, folder / result["filename"].rpartition("/")[2])


def take(takes: list[Take], name: str) -> Take:
    (found,) = [one for one in takes if one.name == name]
    return found


def assert_is_one_file(stack: LocalStack, hall: Tenant, take: Take) -> None:
    assert take.keys == [take.result["filename"]]
    assert take.result["location"] == f"{stack.s3.endpoint}/{hall.bucket}/{take.keys[0]}"
    assert take.result["sizeBytes"] == take.sizes[take.keys[0]]


def test_a_participant_is_seen_and_heard(stack: LocalStack, hall: Tenant, takes: list[Take]) -> None:
    person = take(takes, "person")
    assert person.state == "Stopped"
    assert_is_one_file(stack, hall, person)
    assert person.keys[0].startswith(f"{hall.namespace}/people/alice-")
    assert media.codecs(person.path) == {"h264", "opus"}
    person.lasts("v:0")
    person.is_seen()
    person.is_heard()


def test_a_room_is_seen_and_heard_through_a_page_of_ones_own(
    stack: LocalStack, hall: Tenant, page: Page, takes: list[Take]
) -> None:
    room = take(takes, "room")
    assert room.state == "Stopped"
    assert page.layouts == ["speaker-light"]
    assert_is_one_file(stack, hall, room)
    assert media.codecs(room.path) == {"h264", "opus"}
    assert media.size(room.path) == (640, 360)
    room.lasts("v:0")
    room.is_seen()
    room.is_heard()
    assert media.brightness(room.path, at=3, crop="4:4:0:0") > 200  # the page's, where no tile is


def test_what_is_said_in_a_room_is_heard(stack: LocalStack, hall: Tenant, takes: list[Take]) -> None:
    sound = take(takes, "sound")
    assert sound.state == "Complete"
    assert_is_one_file(stack, hall, sound)
    assert media.codecs(sound.path) == {"opus"}
    sound.lasts()
    sound.is_heard()


def test_a_playlist_of_the_picture_alone_plays(stack: LocalStack, hall: Tenant, takes: list[Take]) -> None:
    pictures = take(takes, "pictures")
    assert pictures.state == "Complete"
    segments = [key for key in pictures.keys if key.endswith(".ts")]
    playlist = pictures.result["filename"]
    assert pictures.keys == sorted([*segments, playlist])
    assert pictures.result["playlistLocation"] == f"{stack.s3.endpoint}/{hall.bucket}/{playlist}"
    assert pictures.result["segmentCount"] == len(segments) >= 3
    assert pictures.result["sizeBytes"] == sum(pictures.sizes[key] for key in segments)
    assert media.codecs(pictures.path) == {"h264"}
    pictures.lasts()
    pictures.is_seen()
