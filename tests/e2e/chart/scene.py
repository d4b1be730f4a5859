"""A day in a namespace: everything that the operator ever has to ask the API server for."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from roomkeeper.domain.objects import SCHEDULE, CustomObject
from roomkeeper.domain.schedules import name_of
from tests.e2e.asking import Backend
from tests.e2e.studio import ROOM
from tests.e2e.support import RESYNC_SECONDS, eventually
from tests.e2e.tenancy import ROLES

if TYPE_CHECKING:
    from tests.e2e.crowd import Crowd
    from tests.e2e.manifests.base import JSON
    from tests.e2e.studio import Studio


def play(studio: Studio, crowd: Crowd) -> None:
    """Play all of it; at the end the namespace is as it was."""
    studio.open()
    _use_a_server_of_its_own(studio)
    _change_roles(studio)
    _ask_for_too_much(studio)
    _record_a_session(studio, crowd)
    studio.stack.kubectl(
        "delete", "rooms,recordings,recordingschedules,recordingstorages,livekitservers", "--all",
        f"--namespace={studio.namespace}", "--timeout=30s",
    )  # fmt: skip


def ask_for_a_token(studio: Studio) -> None:
    """Ask the token endpoint for one of a dynamic role."""
    role = {"name": "viewer", "dynamic": {"identityPrefix": "viewer-"}}
    studio.apply(studio.room("webinar", roles=[role]))
    eventually(
        "a Room with a dynamic role is Ready", lambda: studio.is_ready("webinar"), within=2 + RESYNC_SECONDS
    )
    assert Backend(studio).may_ask_for("webinar").ask().status == HTTPStatus.OK


def _use_a_server_of_its_own(studio: Studio) -> None:
    studio.offer_livekit("main", studio.stack)
    studio.apply(studio.room("own", serverRef={"name": "main"}, roles=ROLES))
    eventually(
        "a Room on a LiveKitServer is Ready", lambda: studio.is_ready("own"), within=2 + RESYNC_SECONDS
    )


def _change_roles(studio: Studio) -> None:
    before = studio.secret("own.host")
    changed = [{**ROLES[0], "grants": {"canPublish": False}}]
    studio.apply(studio.room("own", serverRef={"name": "main"}, roles=changed))
    eventually("a Secret is written again", lambda: studio.secret("own.host") != before, within=2)
    studio.apply(studio.room("own", serverRef={"name": "main"}, roles=[]))
    eventually("a Secret goes with its role", lambda: studio.secret("own.host") is None, within=2)


def _ask_for_too_much(studio: Studio) -> None:
    """Have an Event made, and counted when it comes again."""
    for grants, ready in ({"hidden": True}, "False"), ({}, "True"), ({"hidden": True}, "False"):
        studio.apply(studio.room("greedy", roles=[{"name": "host", "grants": grants}]))

        def says(ready: str = ready) -> bool:
            return studio.condition("greedy")["status"] == ready

        eventually(f"Ready is {ready} with {grants}", says, within=2)


def _record_a_session(studio: Studio, crowd: Crowd) -> None:
    """Record a session by schedules: one meets a Recording of the name that it would give, one keeps none."""
    template = studio.recording("session", source={"roomComposite": {"audioOnly": True}})["spec"]
    schedules = [_schedule(name, template) for name in ("blocked", "sessions")]
    studio.apply(*schedules)
    studio.apply(studio.recording(_name_of_next(studio, schedules[0]), startAt="2999-01-01T00:00:00Z"))
    secret = studio.secret(f"{ROOM}.host")
    assert secret
    for who in ("alice", "bob"):
        assert crowd.join(who, secret, json.loads(secret["tokens.json"])[who])
        assert crowd.publish(who)
    eventually("one schedule's Recording is Active", lambda: "Active" in _states(studio), within=5)
    eventually(
        "the other's name is taken", lambda: _reason(studio, "blocked") == "RecordingConflict", within=5
    )
    for who in ("alice", "bob"):
        crowd.leave(who)
    eventually("what was recorded is not kept", lambda: _states(studio) == ["Armed"], within=15)


def _schedule(name: str, template: JSON) -> JSON:
    return {
        "apiVersion": "roomkeeper.dev/v1alpha1",
        "kind": "RecordingSchedule",
        "metadata": {"name": name},
        "spec": {
            "trigger": "EverySession",
            "successfulRecordingsHistoryLimit": 0,
            "recordingTemplate": {"spec": template},
        },
    }


def _name_of_next(studio: Studio, schedule: JSON) -> str:
    found = studio.get("recordingschedule", schedule["metadata"]["name"])
    room = studio.get("room", ROOM)
    assert found
    assert room
    return name_of(CustomObject.from_body(SCHEDULE, found), room["status"]["sid"])


def _states(studio: Studio) -> list[str]:
    return [str(body.get("status", {}).get("state")) for body in studio.list("recordings")]


def _reason(studio: Studio, schedule: str) -> str:
    found = studio.get("recordingschedule", schedule)
    conditions = found["status"].get("conditions", []) if found else []
    return next((str(one["reason"]) for one in conditions if one["type"] == "Ready"), "")
