from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode

from .find import find
from .parts import PROGRAMS
from .probe import answers_ok
from .processes import Guard, Part

if TYPE_CHECKING:
    from pathlib import Path

    from .livekit import LiveKit
    from .ports import Ports
    from .redis import Redis
    from .s3 import S3

FaultKind = Literal[
    "refuse",
    "busy",
    "answer_late",
    "answer_failed",
    "answer_unavailable",
    "answer_lost",
    "stay_starting",
    "abort",
    "die",
    "fail_upload",
    "reach_limit",
]

WORKER_BUCKET = "worker"
"""Where the stand-in puts what no storage was given for, if the stack has an S3: the worker's own storage."""


@dataclass(frozen=True, slots=True)
class StandinEgress:
    """One egress that the stand-in was asked to start. LiveKit's own repetitions of a start are one."""

    id: str
    room: str
    """The room's name; of a web egress its url."""
    kind: str
    """room_composite, web, participant, track_composite, track; egress is the second API, which is refused."""
    request: dict[str, Any]
    """As LiveKit shows it in EgressInfo, in JSON's spelling: without secrets."""
    status: str
    """The last it knows, as EGRESS_ACTIVE; "" if it was not taken."""
    running: bool
    """Whether it is not over yet: from being taken until it has uploaded all, or died."""
    started: datetime | None
    ended: datetime | None
    fault: str
    """The fault that its start was struck by; "" is none."""


class EgressStandin(Part):
    """A worker for LiveKit's egress API that records nothing. A test tool: it can be told to fail in many ways.

    It joins rooms as the real one does, and uploads small objects where that would upload recordings. It takes the
    LiveKit server's key and secret whenever it starts: restart it after the server got others.
    """

    def __init__(
        self, *, directory: Path, guard: Guard, ports: Ports, redis: Redis, livekit: LiveKit, s3: S3 | None
    ) -> None:
        super().__init__(
            name="egress-standin", program=find(PROGRAMS["egress-standin"]), directory=directory, guard=guard
        )
        self._redis = redis
        self._livekit = livekit
        self._s3 = s3
        self._port = ports.tcp()
        self.worker_access_key = "WORKERSOWNKEY"

    def arguments(self) -> list[str]:
        """Also writes the configuration, with LiveKit's present credentials."""
        config: dict[str, Any] = {
            "Redis": self._redis.address,
            "URL": self._livekit.url,
            "APIKey": self._livekit.api_key,
            "APISecret": self._livekit.api_secret,
            "Control": f"127.0.0.1:{self._port}",
        }
        if self._s3 is not None:
            self._s3.create_bucket(WORKER_BUCKET)
            config["Storage"] = {
                "access_key": self.worker_access_key,
                "secret": "the worker's own secret",
                "endpoint": self._s3.endpoint,
                "bucket": WORKER_BUCKET,
                "force_path_style": True,
            }
        path = self.directory / "egress-standin.json"
        path.write_text(json.dumps(config, indent=2))
        path.chmod(0o600)
        return ["-config", str(path)]

    def is_ready(self) -> bool:
        """Whether it takes requests."""
        return answers_ok(self._port, "/egresses")

    def fault(self, room: str, kind: FaultKind, *, times: int = 1, seconds: float = 0.0) -> None:
        """Have the next egresses of a room go wrong: each of them takes the oldest fault that is left, and no other's.

        The start is refused (`refuse`: 400), finds no worker (`busy`: 503 after some 20 s), or happens while the answer
        comes after some seconds (`answer_late`), is a 500 (`answer_failed`), a 503 (`answer_unavailable`) or never comes
        (`answer_lost`); `stay_starting` never becomes active, `abort` is aborted with 412. Beside one of those, one of
        these strikes what is started or runs already: `die` leaves the room as a killed worker and says nothing more,
        `fail_upload` fails with 400 when it ends, `reach_limit` ends with 413; `seconds` is then how long it is active
        before. A web egress has no room: its url.
        """
        body = json.dumps({"Room": room, "Kind": kind, "Times": times, "Seconds": seconds}).encode()
        self._call("POST", "/faults", body)

    def clear_faults(self, room: str) -> None:
        """Forget what has not struck yet."""
        self._call("DELETE", f"/faults?{urlencode({'room': room})}")

    def egresses(self, room: str = "") -> list[StandinEgress]:
        """All egresses of a room (a url, "": all) that it was ever asked for since it started, in order."""
        return [
            _egress(shown)
            for shown in json.loads(self._call("GET", f"/egresses?{urlencode({'room': room})}"))
        ]

    def _call(self, method: str, path: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}{path}", method=method, data=body)
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            text: bytes = answer.read()
        return text


def _egress(shown: dict[str, Any]) -> StandinEgress:
    times = {
        name: datetime.fromtimestamp(shown[name], UTC) if shown[name] else None
        for name in ("started", "ended")
    }
    return StandinEgress(**{**shown, **times})
