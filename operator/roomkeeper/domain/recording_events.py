"""What people are told of a Recording in Events: failure and recovery, adoption, another attempt, what was left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from roomkeeper.domain import attempts, events
from roomkeeper.domain.events import Note
from roomkeeper.domain.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from roomkeeper.domain.recordings import RecordingWorld


def notes(*, before: Mapping[str, Any], world: RecordingWorld, after: Mapping[str, Any]) -> Iterator[Note]:
    """Yield what is worth an Event between two statuses of a Recording."""
    was, now = attempts.read(before), attempts.read(after)
    marks = {attempt.marker for attempt in was}
    yield from (Note("Warning", Reason.ORPHANED_EGRESS, _orphaned(one, marks)) for one in world.orphans)
    for attempt in now:
        earlier = next((one for one in was if one.number == attempt.number), None)
        if earlier and earlier.is_ambiguous and attempt.egress_id and not world.was_asked:
            text = f"egress {attempt.egress_id} of attempt {attempt.number} was found again and goes on"
            yield Note("Normal", Reason.EGRESS_ADOPTED, text)
    is_news = len(now) > len(was) or bool(was and was[-1].is_live)
    if now and not now[-1].is_live and after.get("state") == "Armed" and is_news:
        text = f"attempt {now[-1].number} failed ({now[-1].error or now[-1].state}); another one follows"
        yield Note("Warning", Reason.ATTEMPT_FAILED, text)
    if world.refused_streams:
        text = (
            f"LiveKit refuses {world.refused_streams} of the addresses to stream to; others are not affected"
        )
        yield Note("Warning", Reason.EGRESS_REJECTED, text)
    yield from events.turn(before, after)


def _orphaned(orphan: str, marks: Collection[str]) -> str:
    """Name the command that ends an egress; of one that nobody has seen, only its mark is known."""
    if orphan in marks:
        return (
            "LiveKit could not be told in time to stop an egress of which no answer came; if it runs, `lk egress list"
            f" --json` shows it with {orphan} in its request: lk egress stop --id ID"
        )
    return f"LiveKit could not be told in time to stop egress {orphan}; if it still runs: lk egress stop --id {orphan}"
