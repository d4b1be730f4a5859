"""Addresses that a Recording streams to: how many there may be, and what becomes of new ones under another policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roomkeeper.api.recording_outputs import MAX_STREAM_URLS
from tests.unit.engine.fleet import URL
from tests.unit.engine.recordings import ON_MAIN, Recorder, a_recorder
from tests.unit.engine.warehouse import TENANT

if TYPE_CHECKING:
    from roomkeeper.domain.objects import Key

STREAM: dict[str, Any] = {
    "outputs": {"file": {"filepath": "talk.mp4"}, "stream": {"urlsSecretRef": {"name": "addresses"}}}
}


def addresses(*names: object) -> dict[str, str]:
    return {f"to-{name}": f"rtmp://media.example.com/live/key-of-{name}" for name in names}


@pytest.fixture
async def recorder() -> Recorder:
    return await a_recorder(streams="Allowed")


async def streaming(recorder: Recorder, *names: object) -> Key:
    """Return a Recording that streams to these addresses."""
    recorder.keep_data(addresses(*names), namespace=TENANT, name="addresses")
    key = recorder.record(**ON_MAIN, **STREAM)
    await recorder.settle()
    await recorder.play(2, of=recorder.livekits[URL])
    assert recorder.state(key) == "Active"
    return key


async def look(recorder: Recorder, key: Key, *names: object) -> list[tuple[str, str]]:
    """Return what LiveKit is told of a stream when the Secret has these addresses now."""
    livekit = recorder.livekits[URL]
    recorder.keep_data(addresses(*names), namespace=TENANT, name="addresses")
    livekit.calls.clear()
    await recorder.reconcile(key)
    await recorder.reconcile(key)
    return [call for call in livekit.calls if call[0] == "update_stream"]


async def test_more_addresses_than_there_may_be_are_refused(recorder: Recorder) -> None:
    recorder.keep_data(addresses(*range(MAX_STREAM_URLS + 1)), namespace=TENANT, name="addresses")
    key = recorder.record(**ON_MAIN, **STREAM)
    await recorder.settle()
    assert recorder.reason(key) == "SecretNotFound"
    assert recorder.message(key) == "Secret 'addresses' has 17 addresses, and 16 are the most"
    assert recorder.livekits[URL].egress.starts == []
    recorder.keep_data(addresses(*range(MAX_STREAM_URLS)), namespace=TENANT, name="addresses")
    await recorder.reconcile(key)
    assert recorder.state(key) == "Starting"
    assert len(recorder.shown(key)["appliedStreams"]) == MAX_STREAM_URLS


async def test_more_of_them_while_it_runs_change_nothing(recorder: Recorder) -> None:
    key = await streaming(recorder, 0)
    assert await look(recorder, key, *range(MAX_STREAM_URLS + 1)) == []
    assert len(recorder.shown(key)["appliedStreams"]) == 1
    assert len(await look(recorder, key, *range(MAX_STREAM_URLS))) == MAX_STREAM_URLS - 1
    assert len(recorder.shown(key)["appliedStreams"]) == MAX_STREAM_URLS


async def test_a_secret_that_is_emptied_ends_the_streams(recorder: Recorder) -> None:
    key = await streaming(recorder, "a", "b")
    assert len(await look(recorder, key)) == 2
    assert recorder.shown(key)["appliedStreams"] == []


async def test_all_of_them_are_replaced_with_never_more_than_there_may_be(recorder: Recorder) -> None:
    key = await streaming(recorder, *range(MAX_STREAM_URLS))
    [job] = recorder.livekits[URL].egress._jobs.values()
    others = [f"other-{number}" for number in range(MAX_STREAM_URLS)]
    assert len(await look(recorder, key, *others)) == 2 * MAX_STREAM_URLS
    assert sorted(job.streams) == sorted(addresses(*others).values())
    assert len(recorder.shown(key)["appliedStreams"]) == MAX_STREAM_URLS


async def test_an_update_that_is_not_answered_is_made_up_for(recorder: Recorder) -> None:
    key = await streaming(recorder, "a")
    [job] = recorder.livekits[URL].egress._jobs.values()
    before = recorder.shown(key)["appliedStreams"]
    job.is_dead = True
    await look(recorder, key, "a", "b")
    assert recorder.shown(key)["appliedStreams"] == before
    job.is_dead = False
    await look(recorder, key, "a", "b")
    assert sorted(job.streams) == sorted(addresses("a", "b").values())
    assert len(recorder.shown(key)["appliedStreams"]) == 2


async def test_addresses_that_nobody_knows_any_more_leave_no_room_for_others(recorder: Recorder) -> None:
    """A new process has only their hashes, and LiveKit cannot be told to leave them."""
    key = await streaming(recorder, *range(MAX_STREAM_URLS))
    recorder.workers.reconcilers["Recording"].gatherer.watch._streams.clear()  # type: ignore[attr-defined]
    assert await look(recorder, key, *range(1, MAX_STREAM_URLS), "new") == []
    assert len(recorder.shown(key)["appliedStreams"]) == MAX_STREAM_URLS


async def test_new_addresses_are_not_streamed_to_once_the_policy_forbids_it(recorder: Recorder) -> None:
    key = await streaming(recorder, "a", "b")
    before = recorder.shown(key)["appliedStreams"]
    recorder.edit_server(spec={"policy": {"recordings": {"streams": "Forbidden"}}})
    await recorder.settle()
    assert await look(recorder, key, "a", "b", "new") == []
    assert recorder.shown(key)["appliedStreams"] == before
    assert len(await look(recorder, key, "a", "new")) == 1
    assert len(recorder.shown(key)["appliedStreams"]) == 1
    assert recorder.state(key) == "Active"
