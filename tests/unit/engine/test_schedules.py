"""Schedules on a whole engine: what they ask of the API server and of LiveKit, and what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roomkeeper.adapters.ports import (
    AlreadyExistsError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    KubernetesUnreachableError,
    LiveKitUnreachableError,
)
from roomkeeper.api import common
from roomkeeper.domain.livekit import ParticipantKind, WebhookEvent
from roomkeeper.domain.objects import RECORDING, SCHEDULE, Key
from roomkeeper.domain.outcomes import Done, Outcome, Retry, Stalled, Waiting
from roomkeeper.engine.kinds import KINDS
from tests.unit.engine.harness import CREDENTIALS, NAME
from tests.unit.engine.warehouse import KEYS, TENANT, Warehouse

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import Body, KubernetesError

RECORDS = {"roomRef": {"name": "standup"}, "source": {"roomComposite": {}}, "outputs": {"file": {}}}
IS_DEFAULT = {common.ANNOTATION_IS_DEFAULT_STORAGE: "true"}
ROOM_CALLS = ("livekit list_rooms team-a_standup", "livekit list_participants team-a_standup")


class Studio(Warehouse):
    """A room, a storage, and schedules."""

    def schedule(self, name: str = "daily", *, template: dict[str, Any] | None = None, **spec: Any) -> Key:
        """Create a RecordingSchedule as `kubectl create` does."""
        body = {
            "apiVersion": common.API_VERSION,
            "kind": SCHEDULE,
            "metadata": {"namespace": TENANT, "name": name},
            "spec": {"recordingTemplate": {"spec": template or RECORDS}, **spec},
        }
        self.kubernetes.store.create(KINDS[SCHEDULE], body)
        return Key(SCHEDULE, TENANT, name)

    def recordings(self) -> dict[str, Body]:
        """Return the Recordings that there are, oldest first."""
        bodies = self.kubernetes.store.list(KINDS[RECORDING], namespace=TENANT)
        by_age = sorted(bodies, key=lambda body: int(body["metadata"]["resourceVersion"]))
        return {body["metadata"]["name"]: body for body in by_age}

    def states(self) -> list[str]:
        """Return the states of the Recordings."""
        return sorted(body.get("status", {}).get("state", "") for body in self.recordings().values())

    def put_recording(self, name: str, **metadata: Any) -> Key:
        """Create a Recording that no schedule of here has made."""
        meta = {"namespace": TENANT, "name": name, **metadata}
        body = {"apiVersion": common.API_VERSION, "kind": RECORDING, "metadata": meta, "spec": RECORDS}
        self.kubernetes.store.create(KINDS[RECORDING], body)
        return Key(RECORDING, TENANT, name)

    def message(self, key: Key) -> str:
        """Return the message of its condition Ready."""
        conditions = self.seen(key)["status"]["conditions"]
        return str(next(each["message"] for each in conditions if each["type"] == "Ready"))

    async def outcome(self, key: Key) -> Outcome:
        """Reconcile one schedule alone, with what has arrived."""
        self.deliver()
        return await self.workers.reconcilers[SCHEDULE].reconcile(key)


@pytest.fixture
async def studio() -> Studio:
    """Give a Room that is ready, and a storage."""
    studio = Studio()
    studio.keep_data(KEYS, namespace=TENANT, name="keys")
    studio.add_storage(namespace=TENANT, annotations=IS_DEFAULT)
    await studio.ready(lifecycle="Persistent")
    return studio


async def due(studio: Studio, **spec: Any) -> tuple[Key, str]:
    """Return a schedule whose time has come, and the name of the Recording; it is noon and a minute."""
    assert studio.clock.now().isoformat() == "2026-01-02T12:01:00+00:00"
    key = studio.schedule(schedule="*/5 * * * *", **spec)
    await studio.settle()
    studio.clock.advance(4 * 60)
    return key, f"daily-{int(studio.clock.now().timestamp()) // 60}"


async def test_a_time_makes_a_recording_that_belongs_to_the_schedule(studio: Studio) -> None:
    key, name = await due(studio)
    assert await studio.outcome(key) == Done(300.0)
    body = studio.recordings()[name]
    [owner] = body["metadata"]["ownerReferences"]
    assert owner == {
        "apiVersion": "roomkeeper.dev/v1alpha1",
        "kind": "RecordingSchedule",
        "name": "daily",
        "uid": studio.seen(key)["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": False,
    }
    assert body["metadata"]["labels"] == {"roomkeeper.dev/schedule": "daily"}
    assert body["spec"] == RECORDS
    await studio.settle()
    assert studio.states() == ["Armed"]
    assert [active["name"] for active in studio.seen(key)["status"]["active"]] == [name]


async def test_a_recording_that_gets_further_shows_at_its_schedule(studio: Studio) -> None:
    key, name = await due(studio)
    await studio.reconcile(key)
    studio.livekit.join(NAME, "alice")
    await studio.settle()
    assert studio.states() in (["Starting"], ["Active"])
    studio.patch(Key(RECORDING, TENANT, name), spec={"desiredState": "Stopped"})
    await studio.settle()
    for _ in range(5):
        studio.clock.advance(5)
        studio.livekit.tick()
        await studio.settle()
    assert studio.states() == ["Stopped"]
    status = studio.seen(key)["status"]
    assert "active" not in status
    assert "lastSuccessfulTime" in status


async def test_a_schedule_of_times_asks_livekit_nothing_and_writes_nothing_twice(studio: Studio) -> None:
    key, _ = await due(studio)
    await studio.outcome(key)
    studio.asked()
    await studio.outcome(key)
    assert studio.asked() == []


@pytest.mark.parametrize("after", [True, False], ids=["the answer is lost", "the request is lost"])
async def test_a_create_that_nobody_answers_makes_one(studio: Studio, *, after: bool) -> None:
    key, name = await due(studio)
    studio.kubernetes.fail_next("create", "recordings", KubernetesUnreachableError("no answer"), after=after)
    with pytest.raises(KubernetesUnreachableError):
        await studio.outcome(key)
    studio._on_the_way.clear()  # nor does the watch tell
    assert await studio.outcome(key) == Done(300.0)
    assert list(studio.recordings()) == [name]
    assert studio.reason(key) == "Scheduled"


async def test_a_status_that_is_not_written_makes_no_second_one(studio: Studio) -> None:
    key, name = await due(studio)
    error = KubernetesUnreachableError("no answer")
    studio.kubernetes.fail_next("patch", "recordingschedules/status", error)
    with pytest.raises(KubernetesUnreachableError):
        await studio.outcome(key)
    studio.clock.advance(30)
    await studio.settle()
    assert list(studio.recordings()) == [name]
    assert studio.seen(key)["status"]["lastScheduleTime"] == "2026-01-02T12:05:00Z"


async def test_a_strange_recording_of_that_name_is_left_alone(studio: Studio) -> None:
    key, name = await due(studio)
    stranger = studio.put_recording(name)
    assert await studio.outcome(key) == Stalled(60.0)
    assert studio.reason(key) == "RecordingConflict"
    assert name in studio.message(key)
    assert "ownerReferences" not in studio.seen(stranger)["metadata"]
    studio.kubernetes.store.delete(KINDS[RECORDING], namespace=TENANT, name=name)
    studio.clock.advance(60)
    assert await studio.outcome(key) == Done(240.0)
    assert studio.seen(stranger)["metadata"]["ownerReferences"]


async def test_a_recording_of_an_earlier_schedule_of_this_name_is_waited_for(studio: Studio) -> None:
    key, name = await due(studio)
    owner = {"controller": True, "kind": SCHEDULE, "name": "daily", "uid": "of-an-earlier-one"}
    studio.put_recording(name, ownerReferences=[owner])
    assert await studio.outcome(key) == Waiting(5.0)
    assert studio.reason(key) == "WaitingForGarbageCollection"
    studio.kubernetes.collect_garbage()
    assert await studio.outcome(key) == Done(300.0)
    assert studio.reason(key) == "Scheduled"


@pytest.mark.parametrize("error", [ForbiddenError("403"), InvalidError("422")])
async def test_a_recording_that_the_api_server_refuses_is_said(
    studio: Studio, error: KubernetesError
) -> None:
    key, name = await due(studio)
    studio.kubernetes.fail_next("create", "recordings", error)
    assert await studio.outcome(key) == Stalled(60.0)
    assert studio.reason(key) == "RecordingRefused"
    assert studio.notes.told[-1] == ("Warning", "RecordingRefused")
    assert await studio.outcome(key) == Done(300.0)
    assert list(studio.recordings()) == [name]


async def test_a_recording_that_goes_between_two_looks_is_tried_again(studio: Studio) -> None:
    key, _ = await due(studio)
    studio.kubernetes.fail_next("create", "recordings", AlreadyExistsError("409", status=409))
    with pytest.raises(Exception, match="404"):
        await studio.outcome(key)
    assert await studio.outcome(key) == Done(300.0)


async def test_nothing_is_made_in_a_namespace_that_goes(studio: Studio) -> None:
    key, _ = await due(studio)
    going = {"metadata": {"name": TENANT, "deletionTimestamp": "2026-01-02T12:00:00Z"}}
    studio.wakeups.namespace_event("MODIFIED", going)
    await studio.outcome(key)
    assert studio.recordings() == {}


async def test_nothing_is_made_for_a_schedule_that_goes(studio: Studio) -> None:
    key, _ = await due(studio)
    studio.patch(key, metadata={"finalizers": ["example.com/theirs"]})
    studio.kubernetes.store.delete(KINDS[SCHEDULE], namespace=TENANT, name="daily")
    assert await studio.outcome(key) == Done()
    assert studio.recordings() == {}


async def test_replace_tells_the_earlier_one_to_end(studio: Studio) -> None:
    key, first = await due(studio, concurrencyPolicy="Replace")
    studio.livekit.join(NAME, "alice")
    await studio.reconcile(key)
    studio.clock.advance(300)
    await studio.outcome(key)
    [second] = set(studio.recordings()) - {first}
    assert studio.recordings()[first]["spec"]["desiredState"] == "Stopped"
    assert "desiredState" not in studio.recordings()[second]["spec"]


async def test_a_recording_that_changes_while_it_is_told_to_end_is_looked_at_again(studio: Studio) -> None:
    key, _ = await due(studio, concurrencyPolicy="Replace")
    await studio.reconcile(key)
    studio.clock.advance(300)
    studio.deliver()
    studio.kubernetes.fail_next("patch", "recordings", ConflictError("409"))
    with pytest.raises(ConflictError):
        await studio.workers.reconcilers[SCHEDULE].reconcile(key)
    assert len(studio.recordings()) == 1
    await studio.settle()
    await studio.outcome(key)
    assert len(studio.recordings()) == 2


async def test_old_recordings_are_deleted(studio: Studio) -> None:
    key, first = await due(studio, successfulRecordingsHistoryLimit=0, failedRecordingsHistoryLimit=0)
    await studio.outcome(key)
    body = studio.recordings()[first]
    assert not body["metadata"].get("finalizers")
    studio.kubernetes.store.patch(
        KINDS[RECORDING], namespace=TENANT, name=first, patch={"status": {"state": "Failed"}}, subresource="status"
    )  # fmt: skip
    studio.clock.advance(1)
    await studio.outcome(key)
    assert studio.recordings() == {}
    assert await studio.outcome(key) == Done(299.0)


@pytest.mark.parametrize(
    "zone", ["Europe/Atlantis", "../../etc/passwd", "/etc/localtime", "Europe", "a\0b", "ü"]
)
async def test_what_is_no_time_zone_is_said(studio: Studio, zone: str) -> None:
    key = studio.schedule(schedule="0 9 * * *", timeZone=zone)
    assert await studio.outcome(key) == Stalled()
    assert studio.message(key).startswith("spec.timeZone: ")


async def test_an_unreadable_schedule_names_the_field(studio: Studio) -> None:
    key = studio.schedule(schedule="0 9 * * *", suspend="perhaps")
    assert await studio.outcome(key) == Stalled()
    assert studio.reason(key) == "InvalidSpec"
    assert "spec.suspend" in studio.message(key)


async def every_session(studio: Studio, **spec: Any) -> Key:
    key = studio.schedule(trigger="EverySession", **spec)
    await studio.settle()
    studio.asked()
    return key


async def test_a_session_gets_its_recording_at_the_first_join(studio: Studio) -> None:
    key = await every_session(studio)
    studio.livekit.join(NAME, "alice")
    await studio.settle()  # no time passes
    [body] = studio.recordings().values()
    live = studio.server.sightings.get(NAME)
    assert live is not None
    assert body["metadata"]["annotations"]["roomkeeper.dev/session"] == live.sid
    assert studio.seen(key)["status"]["lastSession"] == live.sid
    assert studio.states() in (["Starting"], ["Active"])


@pytest.mark.parametrize("kind", [ParticipantKind.AGENT, ParticipantKind.EGRESS])
async def test_who_is_no_person_makes_no_session(studio: Studio, kind: ParticipantKind) -> None:
    await every_session(studio)
    studio.livekit.join(NAME, "bot", kind)
    await studio.settle()
    assert studio.recordings() == {}
    studio.livekit.join(NAME, "alice")
    await studio.settle()
    assert len(studio.recordings()) == 1


async def test_a_forged_webhook_makes_no_session(studio: Studio) -> None:
    await every_session(studio)
    now = studio.clock.now()
    studio.wakeups.webhook(
        WebhookEvent("EV_1", "participant_joined", NAME, "RM_forged", CREDENTIALS.api_key, now), CREDENTIALS
    )
    await studio.settle()
    assert studio.recordings() == {}


async def meet(studio: Studio, *guests: str) -> None:
    """Have people meet, and LiveKit close the room behind them."""
    for guest in guests:
        studio.livekit.join(NAME, guest)
        await studio.settle()
    for guest in guests:
        studio.livekit.leave(NAME, guest)
    for _ in range(8):
        studio.clock.advance(5)
        studio.livekit.tick()
        await studio.settle()
        await studio.probe()
        await studio.settle()


async def test_three_meetings_make_three_recordings(studio: Studio) -> None:
    key = await every_session(studio, successfulRecordingsHistoryLimit=10, failedRecordingsHistoryLimit=10)
    for meeting in range(3):
        await meet(studio, "alice", "bob")
        assert len(studio.recordings()) == meeting + 1
    sessions = {
        body["metadata"]["annotations"][common.ANNOTATION_SESSION] for body in studio.recordings().values()
    }
    assert len(sessions) == 3
    assert "active" not in studio.seen(key)["status"]


async def test_a_session_that_began_unheard_is_found_by_the_list(studio: Studio) -> None:
    await every_session(studio)
    studio.livekit.on_event = None
    studio.livekit.join(NAME, "alice")
    await studio.settle()
    assert studio.recordings() == {}
    studio.clock.advance(60)
    await studio.probe()
    await studio.settle()
    assert len(studio.recordings()) == 1


async def test_a_session_that_began_before_its_schedule_is_recorded(studio: Studio) -> None:
    studio.livekit.join(NAME, "alice")
    await studio.settle()
    await every_session(studio)
    assert len(studio.recordings()) == 1


async def test_a_session_that_was_dealt_with_costs_no_calls(studio: Studio) -> None:
    key = await every_session(studio)
    studio.livekit.join(NAME, "alice")
    await studio.settle()
    studio.deliver()
    for guest in ("bob", "carol"):
        studio.livekit.join(NAME, guest)
    studio.deliver()
    assert key not in studio.queue._waiting
    await studio.settle()
    assert len(studio.recordings()) == 1


async def test_a_room_in_which_nothing_happens_costs_no_calls(studio: Studio) -> None:
    await every_session(studio)
    for _ in range(3):
        studio.clock.advance(60)
        await studio.probe()
        await studio.settle()
    assert not set(studio.asked()) & set(ROOM_CALLS)


async def test_a_recording_that_never_began_ends_with_its_session(studio: Studio) -> None:
    waits_for_alice = {**RECORDS, "source": {"participant": {"identity": "alice"}}}
    await every_session(studio, template=waits_for_alice)
    await meet(studio, "bob")
    assert studio.states() == ["Stopped"]
    studio.livekit.join(NAME, "alice")
    await studio.settle()
    assert len(studio.recordings()) == 2
    starts = [call for call in studio.asked() if call.startswith("livekit start_egress")]
    assert len(starts) == 1


async def test_an_armed_recording_leaves_the_next_session_to_its_own(studio: Studio) -> None:
    await every_session(studio, template={**RECORDS, "source": {"participant": {"identity": "alice"}}})
    studio.livekit.join(NAME, "bob")
    await studio.settle()
    [first] = studio.recordings()
    studio.livekit.on_event = None  # nobody hears that the room closes and another one opens
    studio.livekit.leave(NAME, "bob")
    for _ in range(10):
        studio.clock.advance(5)
        studio.livekit.tick()
    studio.livekit.join(NAME, "alice")
    await studio.workers.reconcilers[RECORDING].reconcile(Key(RECORDING, TENANT, first))
    assert "livekit start_egress team-a_standup" not in studio.asked()
    assert "is over" in studio.message(Key(RECORDING, TENANT, first))
    await studio.settle()
    assert "attempts" not in studio.recordings()[first]["status"]
    assert studio.states() in (["Starting", "Stopped"], ["Active", "Stopped"])


async def test_a_session_while_livekit_does_not_answer_is_made_up_for(studio: Studio) -> None:
    key = await every_session(studio)
    studio.livekit.join(NAME, "alice")
    studio.livekit.outage = LiveKitUnreachableError("down")
    assert await studio.outcome(key) == Retry()
    assert studio.reason(key) == "ServerUnreachable"
    studio.livekit.outage = None
    assert await studio.outcome(key) == Done()
    assert len(studio.recordings()) == 1


async def test_a_schedule_waits_for_its_room(studio: Studio) -> None:
    key = await every_session(studio, template={**RECORDS, "roomRef": {"name": "later"}})
    assert studio.reason(key) == "RoomNotFound"
    studio.declare("later")
    await studio.settle()
    assert studio.reason(key) == "Scheduled"
    studio.livekit.join("team-a_later", "alice")
    await studio.settle()
    assert len(studio.recordings()) == 1


async def test_a_schedule_may_name_a_room_that_is_its_namespaces(studio: Studio) -> None:
    template = {"roomName": "team-a_lobby", **{name: RECORDS[name] for name in ("source", "outputs")}}
    await every_session(studio, template=template)
    studio.livekit.join("team-a_lobby", "alice")
    await studio.settle()
    assert len(studio.recordings()) == 1


async def test_who_comes_and_goes_elsewhere_is_nobodys_business(studio: Studio) -> None:
    template = {"roomName": "team-b_secret", **{name: RECORDS[name] for name in ("source", "outputs")}}
    key = await every_session(studio, template=template)
    assert studio.reason(key) == "PolicyViolation"
    studio.livekit.join("team-b_secret", "alice")
    await studio.settle()
    assert studio.recordings() == {}
    assert not [call for call in studio.asked() if "team-b_secret" in call]


async def test_a_schedule_without_a_server_says_so(studio: Studio) -> None:
    template = {
        "roomName": "team-a_lobby",
        "serverRef": {"name": "main", "namespace": "elsewhere"},
        **{name: RECORDS[name] for name in ("source", "outputs")},
    }
    key = await every_session(studio, template=template)
    assert await studio.outcome(key) == Stalled()
    assert studio.reason(key) == "ServerNotAllowed"
    studio.add_livekit()
    studio.keep(namespace="elsewhere")
    studio.add_server(namespace="elsewhere", allowedNamespaces={"from": "All"})
    await studio.settle()
    assert studio.reason(key) == "Scheduled"
    studio.see_namespace(TENANT, tier="gold")
    studio.edit_server(
        Key("LiveKitServer", "elsewhere", "main"),
        spec={"allowedNamespaces": {"from": "Selector", "selector": {"matchLabels": {"tier": "gold"}}}},
    )
    await studio.settle()
    assert studio.reason(key) == "Scheduled"
    studio.see_namespace(TENANT)
    await studio.settle()
    assert studio.reason(key) == "ServerNotAllowed"
