"""The life of a Room: made, edited, lost and made again, deleted; and what stands in its way."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from livekit import api

from tests.e2e.support import RESYNC_SECONDS, eventually, http_status, settle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.localstack import LocalStack
    from tests.e2e.conftest import LiveKitView
    from tests.e2e.support import Cluster, OperatorProcess

KEYS = {"LIVEKIT_URL", "LIVEKIT_ROOM", "LIVEKIT_IDENTITY", "LIVEKIT_TOKEN", "tokens.json"}
HOST = {"name": "host", "identities": ["alice", "bob"], "grants": {"canPublish": True}}
VIEWER = {"name": "viewer"}


def ready(cluster: Cluster, name: str = "standup", **spec: Any) -> str:
    """Apply a Room, wait until it is Ready, and return its name on LiveKit."""
    cluster.apply(cluster.room(name, **spec))
    eventually("the Room is Ready", lambda: cluster.is_ready(name), within=2)
    return f"{cluster.namespace}_{name}"


def metadata_of(livekit: LiveKitView, name: str) -> Any:
    return json.loads(livekit.room(name).metadata or "{}")


def status(cluster: Cluster, name: str = "standup") -> dict[str, Any]:
    room = cluster.get("room", name)
    assert room
    found: dict[str, Any] = room["status"]
    return found


def reasons(cluster: Cluster, name: str) -> list[str]:
    """Return the reasons of a Room's Events."""
    return [one["reason"] for one in cluster.list("events") if one["involvedObject"]["name"] == name]


def stalled_with(cluster: Cluster, reason: str, name: str = "standup") -> dict[str, Any]:
    """Return the condition Ready, once the Room is Stalled with that reason."""
    eventually(
        f"the Room is Stalled: {reason}",
        lambda: (
            (cluster.condition(name, "Stalled")["status"], cluster.condition(name)["reason"])
            == ("True", reason)
        ),
        within=2,
    )
    return cluster.condition(name)


def test_an_applied_room_is_live_with_its_secrets(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess, stack: LocalStack
) -> None:
    name = ready(
        cluster,
        emptyTimeoutSeconds=600,
        departureTimeoutSeconds=30,
        maxParticipants=7,
        metadata={"topic": "standup"},
        roles=[HOST, VIEWER],
    )
    room, uid = livekit.room(name), cluster.get("room", "standup")["metadata"]["uid"]  # type: ignore[index]
    assert (room.empty_timeout, room.departure_timeout, room.max_participants) == (600, 30, 7)
    assert json.loads(room.metadata) == {"topic": "standup"}
    assert status(cluster)["sid"] == room.sid
    for secret in ("standup.host", "standup.viewer"):
        assert owners(cluster, secret) == [("Room", "standup", uid, True)]
    data = cluster.secret("standup.host")
    assert data
    assert data.keys() == KEYS
    assert (data["LIVEKIT_URL"], data["LIVEKIT_ROOM"], data["LIVEKIT_IDENTITY"]) == (
        stack.livekit.url,
        name,
        "alice",
    )
    tokens = json.loads(data["tokens.json"])
    assert tokens.keys() == {"alice", "bob"}
    assert tokens["alice"] == data["LIVEKIT_TOKEN"]


def owners(cluster: Cluster, secret: str) -> list[tuple[Any, ...]]:
    found = cluster.get("secret", secret)
    assert found
    return [
        (owner["kind"], owner["name"], owner["uid"], owner["controller"])
        for owner in found["metadata"]["ownerReferences"]
    ]


def test_kubectl_shows_the_columns(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess, stack: LocalStack
) -> None:
    name = ready(cluster, roles=[HOST])
    header, *rows = stack.kubectl("get", "livekit", "-A").splitlines()
    print(header, *rows, sep="\n")
    assert header.split() == ["NAMESPACE", "NAME", "ROOM", "READY", "PARTICIPANTS", "AGE"]
    row = next(row.split() for row in rows if row.split()[0] == cluster.namespace)
    assert row[1].removeprefix("room.roomkeeper.dev/") == "standup"  # the kind is told once there are several
    assert row[2:5] == [name, "True", "0"]
    header, row_text = stack.kubectl("get", "lkroom", "-n", cluster.namespace, "-o", "wide").splitlines()
    assert header.split() == ["NAME", "ROOM", "READY", "PARTICIPANTS", "SERVER", "SID", "STATUS", "AGE"]
    assert row_text[header.index("SID") :].startswith(livekit.room(name).sid)


def test_edited_metadata_is_merged_and_the_application_keeps_its_keys(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess, stack: LocalStack
) -> None:
    name = ready(cluster, metadata={"topic": "standup", "old": 1})
    settle(stack)  # from here on, what the operator listed is older than what the application writes
    sid = livekit.room(name).sid
    livekit.set_metadata(name, json.dumps({"topic": "standup", "old": 1, "raised-hands": ["bob"]}))
    cluster.apply(cluster.room("standup", metadata={"topic": "retro"}))
    eventually(
        "LiveKit has the new metadata, the application's key, and not the withdrawn one",
        lambda: metadata_of(livekit, name) == {"topic": "retro", "raised-hands": ["bob"]},
        within=2,
    )
    cluster.apply(cluster.room("standup", metadata={"topic": "retro"}, metadataPolicy="Enforce"))
    eventually(
        "under Enforce the application's key goes",
        lambda: metadata_of(livekit, name) == {"topic": "retro"},
        within=2,
    )
    livekit.set_metadata(name, json.dumps({"topic": "chaos"}))
    eventually(
        "metadata that LiveKit tells nobody of is put right by the resync",
        lambda: metadata_of(livekit, name) == {"topic": "retro"},
        within=RESYNC_SECONDS + 1,
    )
    assert livekit.room(name).sid == sid


def test_edited_roles_change_their_secrets_and_no_others(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess, stack: LocalStack
) -> None:
    name = ready(cluster, roles=[HOST, VIEWER])
    sid, viewer = livekit.room(name).sid, cluster.get("secret", "standup.viewer")
    assert not claims(stack, cluster, "standup.host").video.can_publish_data
    grants = {"canPublish": True, "canPublishData": True}
    cluster.apply(cluster.room("standup", roles=[{**HOST, "grants": grants}, VIEWER, {"name": "guest"}]))
    eventually("a new role has its Secret", lambda: cluster.secret("standup.guest"), within=2)
    eventually(
        "the tokens of an edited role grant what it says now",
        lambda: claims(stack, cluster, "standup.host").video.can_publish_data,
        within=2,
    )
    assert cluster.get("secret", "standup.viewer") == viewer
    cluster.apply(cluster.room("standup", roles=[{**HOST, "grants": grants}, {"name": "guest"}]))
    eventually(
        "a removed role's Secret is gone", lambda: cluster.get("secret", "standup.viewer") is None, within=2
    )
    assert cluster.get("secret", "standup.host")
    assert livekit.room(name).sid == sid


def claims(stack: LocalStack, cluster: Cluster, secret: str) -> api.Claims:
    """Return what LiveKit's own verifier reads in a Secret's token."""
    data = cluster.secret(secret)
    assert data
    verifier = api.TokenVerifier(stack.livekit.api_key, stack.livekit.api_secret)
    return verifier.verify(data["LIVEKIT_TOKEN"])


def test_a_secret_that_is_deleted_or_edited_is_right_again(
    cluster: Cluster, operator: OperatorProcess, stack: LocalStack
) -> None:
    ready(cluster, roles=[HOST, VIEWER])
    cluster.delete("secret", "standup.host", wait=True)
    eventually("a deleted Secret is back", lambda: cluster.secret("standup.host"), within=2)
    assert claims(stack, cluster, "standup.host").identity == "alice"

    patch = {"stringData": {"LIVEKIT_TOKEN": "edited", "more": "x"}}
    stack.kubectl("patch", "secret", "standup.host", "-n", cluster.namespace, "-p", json.dumps(patch))
    eventually("an edited Secret is right again", lambda: is_right(cluster, "standup.host"), within=2)
    assert claims(stack, cluster, "standup.host").identity == "alice"
    right = cluster.get("secret", "standup.host")
    settle(stack)
    assert (
        cluster.get("secret", "standup.host") == right
    )  # a key that somebody added is no reason to write again

    label = "app.kubernetes.io/managed-by-"
    stack.kubectl("label", "secret", "standup.viewer", "-n", cluster.namespace, label)
    eventually("a Secret has its label again", lambda: is_labelled(cluster, "standup.viewer"), within=2)


def is_right(cluster: Cluster, secret: str) -> bool:
    data = cluster.secret(secret)
    return bool(data) and data["LIVEKIT_TOKEN"] != "edited" and data["more"] == "x"


def is_labelled(cluster: Cluster, secret: str) -> bool:
    found = cluster.get("secret", secret)
    assert found
    return bool(found["metadata"]["labels"].get("app.kubernetes.io/managed-by") == "roomkeeper")


def recreated(cluster: Cluster, livekit: LiveKitView, name: str, *, within: float) -> str:
    """Delete a room behind the operator's back and return the SID with which it is back."""
    before = livekit.room(name).sid
    livekit.delete(name)
    sid: str = eventually(
        "a room that was deleted in LiveKit is back",
        lambda: (room := livekit.room(name)) and room.sid != before and room.sid,
        within=within,
    )
    eventually(
        "status shows the new session",
        lambda: cluster.is_ready("standup") and status(cluster)["sid"] == sid,
        within=2,
    )
    return sid


def test_a_room_deleted_in_livekit_is_back_once_by_the_webhook(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess, stack: LocalStack
) -> None:
    name = ready(cluster, metadata={"topic": "standup"})
    sid = recreated(cluster, livekit, name, within=2)
    assert metadata_of(livekit, name) == {"topic": "standup"}
    settle(stack)
    assert livekit.room(name).sid == sid
    assert livekit.names().count(name) == 1
    assert reasons(cluster, "standup") == ["RoomRecreated"]
    assert status(cluster)["recreations"] == 1


@pytest.fixture
def deaf(operator: OperatorProcess, stack: LocalStack) -> Iterator[None]:
    """Let the operator listen where LiveKit's webhooks do not go, for one test."""
    operator.stop()
    port = stack._ports.tcp()
    operator.start(ready=False, ROOMKEEPER_HTTP_PORT=str(port))
    url = f"http://127.0.0.1:{port}/readyz"
    eventually("the deaf operator is ready", lambda: http_status(url) == 200, within=10)
    yield
    operator.stop()
    operator.start()


@pytest.mark.usefixtures("deaf")
def test_a_room_deleted_in_livekit_is_back_once_without_webhooks(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess
) -> None:
    name = ready(cluster)
    # Its absence soon after its creation counts only after 5 s more; a long-lived room has no such grace.
    made = time.time()
    eventually("the room is no longer new", lambda: time.time() > made + 5, within=6)
    sid = recreated(cluster, livekit, name, within=RESYNC_SECONDS + 1)
    assert status(cluster)["recreations"] == 1
    assert livekit.room(name).sid == sid


def test_a_deleted_room_takes_everything_with_it(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess
) -> None:
    name = ready(cluster, roles=[HOST, VIEWER])
    assert len(cluster.list("secrets")) == 2
    cluster.delete("room", "standup")
    eventually(
        "the Room is gone, and its finalizer", lambda: cluster.get("room", "standup") is None, within=2
    )
    assert livekit.room(name) is None
    eventually("its Secrets are collected", lambda: not cluster.list("secrets"), within=5)
    assert name not in livekit.names()


def test_a_retained_room_stays(cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess) -> None:
    name = ready(cluster, deletionPolicy="Retain", roles=[VIEWER])
    sid = livekit.room(name).sid
    cluster.delete("room", "standup", wait=True)
    eventually("its Secrets are collected", lambda: not cluster.list("secrets"), within=5)
    assert livekit.room(name).sid == sid


def test_a_room_deleted_and_applied_again_is_ready_again(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess, stack: LocalStack
) -> None:
    name = ready(cluster, roles=[HOST])
    first = livekit.room(name).sid
    cluster.delete("room", "standup", wait=True)
    cluster.apply(cluster.room("standup", roles=[HOST]))
    eventually("the new Room is Ready", lambda: cluster.is_ready("standup"), within=5)
    assert livekit.room(name).sid not in ("", first)
    assert status(cluster).get("recreations", 0) == 0
    uid = cluster.get("room", "standup")["metadata"]["uid"]  # type: ignore[index]
    eventually(
        "the Secret is the new Room's",
        lambda: owners(cluster, "standup.host") == [("Room", "standup", uid, True)],
        within=5,
    )


def test_somebody_elses_secret_is_left_alone(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess, stack: LocalStack
) -> None:
    stack.kubectl(
        "create",
        "secret",
        "generic",
        "standup.host",
        "-n",
        cluster.namespace,
        "--from-literal=LIVEKIT_TOKEN=x",
    )
    foreign = cluster.get("secret", "standup.host")
    cluster.apply(cluster.room("standup", roles=[HOST, VIEWER]))
    assert "standup.host" in stalled_with(cluster, "SecretConflict")["message"]
    assert cluster.secret("standup.viewer")
    assert livekit.room(f"{cluster.namespace}_standup")
    cluster.apply(cluster.room("standup", roles=[HOST, VIEWER], metadata={"edited": True}))
    eventually(
        "an edit is seen",
        lambda: metadata_of(livekit, f"{cluster.namespace}_standup") == {"edited": True},
        within=2,
    )
    stalled_with(cluster, "SecretConflict")
    assert cluster.get("secret", "standup.host") == foreign

    cluster.delete("secret", "standup.host", wait=True)
    cluster.apply(cluster.room("standup", roles=[HOST, VIEWER], metadata={"edited": "again"}))
    eventually("once it is gone, the tokens are issued", lambda: cluster.is_ready("standup"), within=2)
    assert claims(stack, cluster, "standup.host").identity == "alice"


def test_adopted_rooms_are_merged_and_kept_unless_deletion_is_asked_for(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess
) -> None:
    kept, dropped = f"{cluster.namespace}_kept", f"{cluster.namespace}_dropped"
    sids = {
        name: livekit.create(name, metadata=json.dumps({"theirs": 1}), empty_timeout=60).sid
        for name in (kept, dropped)
    }
    made = time.time()
    eventually("the rooms are older than clocks differ", lambda: time.time() > made + 7, within=8)
    ready(cluster, "kept", metadata={"topic": "x"})
    ready(cluster, "dropped", metadata={"topic": "x"}, deletionPolicy="Delete")
    assert {name: livekit.room(name).sid for name in sids} == sids
    assert metadata_of(livekit, kept) == {"theirs": 1, "topic": "x"}
    pending = {change["field"]: change["live"] for change in status(cluster, "kept")["pendingChanges"]}
    assert pending["emptyTimeoutSeconds"] == "60"
    assert cluster.condition("kept", "UpToDate")["reason"] == "RequiresRecreate"
    eventually("an Event tells of the adoption", lambda: "RoomAdopted" in reasons(cluster, "kept"), within=2)
    cluster.delete("room", "kept", wait=True)
    cluster.delete("room", "dropped", wait=True)
    assert livekit.room(kept).sid == sids[kept]
    assert livekit.room(dropped) is None


def test_the_younger_of_two_rooms_with_one_name_waits_for_its_turn(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess
) -> None:
    name = ready(cluster, "older", metadata={"of": "older"}, roles=[HOST])
    sid = livekit.room(name).sid
    cluster.apply(cluster.room("younger", roomName=name, metadata={"of": "younger"}, roles=[HOST]))
    assert "older" in stalled_with(cluster, "RoomConflict", "younger")["message"]
    assert cluster.get("secret", "younger.host") is None
    assert metadata_of(livekit, name) == {"of": "older"}
    assert cluster.is_ready("older")
    assert livekit.room(name).sid == sid

    cluster.delete("room", "older", wait=True)
    eventually("the younger takes over", lambda: cluster.is_ready("younger"), within=2)
    assert metadata_of(livekit, name)["of"] == "younger"
    assert cluster.secret("younger.host")


def test_deleting_the_younger_of_two_rooms_leaves_the_olders_room(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess
) -> None:
    name = ready(cluster, "older")
    sid = livekit.room(name).sid
    cluster.apply(cluster.room("younger", roomName=name))
    stalled_with(cluster, "RoomConflict", "younger")
    cluster.delete("room", "younger", wait=True)
    assert livekit.room(name).sid == sid
    assert cluster.is_ready("older")


REFUSED = [
    pytest.param("MetadataTooLarge", {"metadata": {"big": "x" * 65_536}}, id="metadata over 64 KiB"),
    pytest.param(
        "DuplicateIdentity",
        {"roles": [HOST, {"name": "viewer", "identities": ["alice"]}]},
        id="an identity in two roles",
    ),
]


@pytest.mark.parametrize(("reason", "spec"), REFUSED)
def test_what_only_the_operator_can_refuse_is_stalled_and_asks_livekit_nothing(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess, reason: str, spec: dict[str, Any]
) -> None:
    cluster.apply(cluster.room("standup", **spec))
    message = stalled_with(cluster, reason)["message"]
    print(message)
    assert message.startswith(f"spec.{next(iter(spec))}: ")
    assert f"{cluster.namespace}_standup" not in livekit.names()
    log = cluster.stack.livekit.log
    name = ready(cluster, "control")
    eventually(
        "LiveKit tells of a room it was asked for", lambda: name in log.read_text(errors="replace"), within=2
    )
    assert f"{cluster.namespace}_standup" not in log.read_text(errors="replace")
    assert not cluster.list("secrets")
    room = cluster.get("room", "standup")
    assert room
    assert "finalizers" not in room["metadata"]


def test_a_live_room_that_is_edited_into_the_impossible_stays_as_it_was(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess
) -> None:
    name = ready(cluster, metadata={"topic": "x"}, roles=[HOST])
    sid, secret = livekit.room(name).sid, cluster.get("secret", "standup.host")
    cluster.apply(cluster.room("standup", metadata={"topic": "y" * 65_536}, roles=[HOST]))
    stalled_with(cluster, "MetadataTooLarge")
    assert metadata_of(livekit, name) == {"topic": "x"}
    assert cluster.get("secret", "standup.host") == secret
    ready(cluster, metadata={"topic": "z"}, roles=[HOST])
    assert metadata_of(livekit, name) == {"topic": "z"}
    assert livekit.room(name).sid == sid
    assert "Stalled" not in {condition["type"] for condition in status(cluster)["conditions"]}
