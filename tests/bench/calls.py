"""What was asked of the API server, followed in its audit log while it grows."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter, defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from roomkeeper.localstack.kubernetes import OPERATOR_USER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.localstack import LocalStack

LOOK_SECONDS = 0.2
FIRST_ERROR = 300
READS = (b'"verb":"get"', b'"verb":"list"', b'"verb":"watch"')
FINALIZER = ("patch", "rooms")
STATUS = ("patch", "rooms/status")


class Call(NamedTuple):
    """One answered write."""

    kind: tuple[str, str]  # verb and resource; rooms/status for a subresource
    name: str
    came: float  # seconds since the epoch, by the API server's clock
    answered: float
    code: int


class Calls:
    """The writes of one user since this object was made. What is no write is not even parsed: looking costs little."""

    def __init__(self, stack: LocalStack, user: str = OPERATOR_USER) -> None:
        self._path = stack.apiserver.audit_log
        self._at = stack.audit.mark()
        self._user = user
        self.seen: list[Call] = []
        self.counted: Counter[tuple[str, str]] = Counter()  # by verb and resource, refused attempts included
        self._done: defaultdict[tuple[str, str], set[str]] = defaultdict(set)

    def read(self) -> None:
        """Take what has been added to the log."""
        with self._path.open("rb") as log:
            log.seek(self._at)
            complete, end, _ = log.read().rpartition(b"\n")
        self._at += len(complete) + len(end)
        for call in _parsed(complete, self._user):
            self.seen.append(call)
            self.counted[call.kind] += 1
            if call.code < FIRST_ERROR:
                self._done[call.kind].add(call.name)

    def done(self, kind: tuple[str, str]) -> int:
        """Return for how many objects a verb has succeeded."""
        return len(self._done[kind])

    def last(self, kind: tuple[str, str]) -> float:
        """Return when the last of them was answered."""
        return max(call.answered for call in self.seen if call.kind == kind)

    async def until(self, kind: tuple[str, str], number: int, *, within: float) -> None:
        """Follow the log until a verb has succeeded for so many objects."""
        ends = time.monotonic() + within
        self.read()
        while self.done(kind) < number:
            if time.monotonic() > ends:
                raise TimeoutError(f"after {within:.0f} s only {self.counted}")
            await asyncio.sleep(LOOK_SECONDS)
            self.read()


def _parsed(lines: bytes, user: str) -> Iterator[Call]:
    for line in lines.splitlines():
        if any(read in line for read in READS):
            continue
        event = json.loads(line)
        if event["stage"] != "ResponseComplete" or event["user"].get("username") != user:
            continue
        target = event.get("objectRef", {})
        resource, sub = target.get("resource", ""), target.get("subresource", "")
        yield Call(
            kind=(event["verb"], f"{resource}/{sub}" if sub else resource),
            name=target.get("name", ""),
            came=_seconds(event["requestReceivedTimestamp"]),
            answered=_seconds(event["stageTimestamp"]),
            code=event.get("responseStatus", {}).get("code", 0),
        )


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
