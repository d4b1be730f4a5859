"""Every source with every output that it takes: no start is answered, and each egress is found by all that carries its mark.

What LiveKit shows of an egress is read through its own API; there a mark can stand in paths, in the metadata of objects
in S3, and in the webhook URL of the egress.
"""

from __future__ import annotations

import asyncio
import copy
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from livekit.protocol import egress as pb

from roomkeeper.adapters.livekit import egress_convert
from roomkeeper.domain import markers
from tests.e2e.meetings import Meetings, meetings
from tests.e2e.support import eventually, with_livekit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livekit import api

    from roomkeeper.localstack import LocalStack
    from roomkeeper.localstack.egress_standin import StandinEgress
    from tests.e2e.manifests.base import JSON
    from tests.e2e.support import OperatorProcess

BOTH = {"identity": "alice", "audioSource": "microphone", "videoSource": "camera"}
SOURCES: dict[str, JSON] = {
    "room": {"roomComposite": {"layout": "grid"}},
    "room-sound": {"roomComposite": {"audioOnly": True}},
    "participant": {"participant": {"identity": "alice"}},
    "tracks": {"trackComposite": BOTH},
    "tracks-sound": {"trackComposite": {"identity": "alice", "audioSource": "microphone"}},
    "track": {"track": {"identity": "alice", "source": "microphone"}},
    "page": {"web": {}},
    "page-sound": {"web": {"audioOnly": True}},
    "page-with-room": {"web": {}},
}
ROOMS = tuple(name for name in SOURCES if name not in ("page", "page-sound"))
STREAM = {"stream": {"urlsSecretRef": {"name": "addresses"}}}
OUTPUTS: dict[str, JSON] = {
    "mp4": {"file": {"type": "MP4"}},
    "ogg": {"file": {"type": "OGG"}},
    "raw": {"file": {}},
    "hls": {"hls": {}},
    "images": {"images": {}},
    "stream": STREAM,
    "all": {"file": {}, "hls": {}, "images": {}, **STREAM},
    "websocket": {"websocket": {"urlSecretRef": {"name": "socket"}}},
}
SIGHT = ("mp4", "hls", "images", "all", "stream")
TAKES = {
    "room": SIGHT,
    "room-sound": ("ogg",),
    "participant": SIGHT,
    "tracks": SIGHT,
    "tracks-sound": ("ogg",),
    "track": ("raw", "websocket"),
    "page": SIGHT,
    "page-sound": ("ogg",),
    "page-with-room": ("mp4", "stream"),
}
# Where LiveKit shows the path of an output, and the metadata of its objects.
PATHS = {
    "file": ("fileOutputs", "filepath"),
    "hls": ("segmentOutputs", "filenamePrefix"),
    "images": ("imageOutputs", "filenamePrefix"),
}
METADATA = f"s3.metadata.{markers.METADATA_KEY}"
WEBHOOK = "webhooks.url"


@dataclass(frozen=True)
class Row:
    """A Recording: what of, what it makes of it, and where that is put."""

    source: str
    output: str
    storage: str  # s3; worker: the worker's own; nowhere

    def __str__(self) -> str:
        """Return its name."""
        return f"{self.source}-{self.output}-{self.storage}"

    @property
    def stored(self) -> list[str]:
        """What of it is put into a storage."""
        return [output for output in OUTPUTS[self.output] if output in PATHS]

    def spec(self, url: str) -> JSON:
        """Return what is declared."""
        source = copy.deepcopy(SOURCES[self.source])
        if "web" in source:
            source["web"]["url"] = url
        room: JSON = {"roomRef": {"name": self.source}}
        if self.source not in ROOMS:
            room = {"roomRef": None, "serverRef": {"name": "main"}}
        storage = {"storageRef": {"name": "archive"}} if self.storage == "s3" else {}
        return {"source": source, "outputs": OUTPUTS[self.output], **room, **storage}

    def places(self, *, is_told: bool) -> set[str]:
        """Return where LiveKit is to show the mark, and nowhere else."""
        found = {WEBHOOK} if is_told else set()
        for output in self.stored:
            listed, path = PATHS[output]
            at = "file" if self.source == "track" else listed
            found |= {f"{at}.{path}", f"{at}.{METADATA}"} if self.storage == "s3" else {f"{at}.{path}"}
        return found


def rows() -> Iterator[Row]:
    for source, outputs in TAKES.items():
        for output in outputs:
            is_sent = output in ("stream", "websocket")
            for storage in ("nowhere",) if is_sent else ("s3", "worker"):
                yield Row(source, output, storage)


ROWS = tuple(rows())


def pieces(shown: Any, at: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text that LiveKit shows of a request, and where it stands; in which one of a list does not matter."""
    if isinstance(shown, str):
        yield at, shown
    for name, value in shown.items() if isinstance(shown, dict) else ():
        yield from pieces(value, f"{at}.{name}".lstrip("."))
    for value in shown if isinstance(shown, list) else ():
        yield from pieces(value, at)


def without(shown: Any, mark: str, *, kept: str, at: str = "") -> Any:
    """Return the request as it would be if the mark stood nowhere but in one place."""
    if isinstance(shown, str):
        return shown.replace(mark, "x") if at != kept else shown
    if isinstance(shown, dict):
        return {
            name: without(value, mark, kept=kept, at=f"{at}.{name}".lstrip("."))
            for name, value in shown.items()
        }
    if isinstance(shown, list):
        return [without(value, mark, kept=kept, at=at) for value in shown]
    return shown


class Starts:
    """All of them, none of whose starts was answered, and what came of them."""

    def __init__(self, here: Meetings, *, is_told: bool) -> None:
        self.here = here
        self.is_told = is_told  # whether there is a webhook URL
        self.marked = [row for row in ROWS if row.places(is_told=is_told)]
        self.statuses: dict[str, JSON] = {}
        self.running: dict[str, pb.EgressInfo] = {}
        self.over: dict[str, pb.EgressInfo] = {}

    def scope(self, source: str) -> str:
        """Return what the worker knows a source by: its room, or its page."""
        if "web" in SOURCES[source]:
            return f"https://pages.example.com/{self.here.namespace}/{source}"
        return self.here.live_name(source)

    def asked(self, source: str) -> list[StandinEgress]:
        """Return whatever the worker was ever asked for."""
        return self.here.media.egress_standin.egresses(self.scope(source))

    def happen(self) -> None:
        """Declare all at once, see what LiveKit shows of what runs though nothing was answered, and end it."""
        for source in SOURCES:
            times = sum(row.source == source for row in self.marked)
            self.here.media.egress_standin.fault(self.scope(source), "answer_failed", times=times)
        self.here.apply(*(self.here.recording(str(row), **row.spec(self.scope(row.source))) for row in ROWS))
        eventually("all run or are refused", self.are_settled, within=10)
        self.statuses = self.here.statuses()
        self.running = self.listed()
        self.here.delete_all("recordings")
        eventually("all that ran has ended", self.are_over, within=5)

    def are_settled(self) -> bool:
        """Tell whether nothing more is to come; the error names those that are on their way."""
        shown = self.here.statuses()
        settled = {str(row) for row in self.marked if shown[str(row)].get("state") == "Active"}
        settled |= {name for name, status in shown.items() if "Stalled" in str(status.get("conditions"))}
        on_their_way = {name: shown[name].get("state") for name in shown.keys() - settled}
        assert not on_their_way, on_their_way
        return True

    def are_over(self) -> bool:
        """Tell whether nothing runs any more of what was adopted."""
        self.over = self.listed()
        return all(self.over[self.statuses[str(row)]["egressID"]].ended_at for row in self.marked)

    def listed(self) -> dict[str, pb.EgressInfo]:
        """Return all egresses as LiveKit lists them, by their ids."""

        async def ask(client: api.LiveKitAPI) -> dict[str, pb.EgressInfo]:
            listed = await client.egress.list_egress(pb.ListEgressRequest())
            return {one.egress_id: one for one in listed.items}

        return asyncio.run(with_livekit(self.here.media, ask))


@pytest.fixture(scope="module", params=[False, True], ids=["without-webhook-url", "with-webhook-url"])
def starts(request: pytest.FixtureRequest, stack: LocalStack, operator: OperatorProcess) -> Iterator[Starts]:
    with ExitStack() as opened:
        if request.param:
            url = f"http://127.0.0.1:{stack.operator_port}/livekit/webhook"
            opened.enter_context(operator.started_with("--webhook-url", url))
        here = opened.enter_context(meetings(stack))
        here.apply(here.storage("archive"))  # no default any more: whoever names none gets the worker's own
        here.apply(
            secret("addresses", one="rtmp://one.example.com/live/a-stream-key"),
            secret("socket", url="ws://127.0.0.1:9/audio"),
        )
        here.hold(*ROOMS)
        here.join(*ROOMS, sources=("microphone", "camera"))
        starts = Starts(here, is_told=request.param)
        starts.happen()
        yield starts


def secret(name: str, **entries: str) -> JSON:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": entries}


def check_it_was_found(starts: Starts, row: Row) -> None:
    """One egress, by one attempt, whose mark is where it is to be; each place is enough to know it by."""
    status = starts.statuses[str(row)]
    [attempt] = status["attempts"]
    info = starts.running[status["egressID"]]
    [ran] = [one for one in starts.asked(row.source) if one.id == info.egress_id]
    assert ran.fault == "answer_failed"
    assert (attempt["number"], attempt["egressID"]) == (1, info.egress_id)
    mark = attempt["marker"]
    assert mark.endswith("-1")
    name = str(info.WhichOneof("request"))
    request = MessageToDict(getattr(info, name))
    places = row.places(is_told=starts.is_told)
    assert {at for at, text in pieces(request) if mark in text} == places
    for kept in (*sorted(places), ""):
        alone = pb.EgressInfo(egress_id=info.egress_id)
        ParseDict(without(request, mark, kept=kept), getattr(alone, name))
        known = {str(one) for one in markers.of(egress_convert.egress(alone))}
        assert known == ({mark} if kept else set()), kept


def check_its_end(starts: Starts, row: Row) -> None:
    """When the Recording was deleted, its egress ended well, and all that it stored bears the mark."""
    [attempt] = starts.statuses[str(row)]["attempts"]
    ended = starts.over[attempt["egressID"]]
    assert pb.EgressStatus.Name(ended.status) == "EGRESS_COMPLETE"
    made = [
        *(file.filename for file in ended.file_results),
        *(segments.playlist_name for segments in ended.segment_results),
        *(images.filename_prefix for images in ended.image_results),
    ]
    assert len(made) == len(row.stored)
    assert all(attempt["marker"] in filename for filename in made), made


def check_it_was_refused(starts: Starts, row: Row) -> None:
    """Nothing would carry the mark, so nothing was asked for."""
    status = starts.statuses[str(row)]
    assert row.output in ("stream", "websocket")
    assert "attempts" not in status
    said = {one["type"]: (one["status"], one["reason"]) for one in status["conditions"]}
    assert said["Ready"] == ("False", "WebhookURLRequired")
    assert said["Stalled"] == ("True", "WebhookURLRequired")


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_one_egress_is_started_and_found_or_none(starts: Starts, row: Row) -> None:
    if row in starts.marked:
        check_it_was_found(starts, row)
        check_its_end(starts, row)
    else:
        check_it_was_refused(starts, row)


@pytest.mark.parametrize("source", SOURCES)
def test_the_worker_was_asked_for_nothing_else(starts: Starts, source: str) -> None:
    asked = [one.id for one in starts.asked(source)]
    adopted = [starts.statuses[str(row)]["egressID"] for row in starts.marked if row.source == source]
    assert sorted(asked) == sorted(adopted)
