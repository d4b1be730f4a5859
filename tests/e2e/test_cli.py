"""The command line's shortcuts, as people call them, on a real cluster and a real LiveKit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import yaml

from tests.e2e.looks import somebody, tracks
from tests.e2e.support import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import LiveKitView
    from tests.e2e.crowd import Crowd
    from tests.e2e.manifests.base import JSON
    from tests.e2e.studio import Studio
    from tests.e2e.support import OperatorProcess


def call(studio: Studio, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Call the command line in the namespace of a studio."""
    livekit = studio.stack.livekit
    own = {
        "LIVEKIT_URL": livekit.url,
        "LIVEKIT_API_KEY": livekit.api_key,
        "LIVEKIT_API_SECRET": livekit.api_secret,
    }
    return subprocess.run(
        [sys.executable, "-m", "roomkeeper", *arguments, "-n", studio.namespace],
        env={**os.environ, **own, "KUBECONFIG": str(studio.stack.kubeconfig)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def roomkeeper(studio: Studio, *arguments: str, check: bool = True) -> str:
    """Return what the command line prints."""
    done = call(studio, *arguments)
    assert (done.returncode == 0) is check, done.stderr
    return (done.stdout if check else done.stderr).strip()


def test_a_token_is_printed_and_opens_the_room(
    studio: Studio, livekit: LiveKitView, operator: OperatorProcess, crowd: Crowd
) -> None:
    secret = studio.secret("standup.host")
    assert secret
    token = roomkeeper(studio, "token", "standup", "--role", "host", "--identity", "bob")
    assert token == json.loads(secret["tokens.json"])["bob"]
    assert crowd.join("bob", {**secret, "LIVEKIT_TOKEN": token})
    assert somebody(livekit, studio.room_name, "bob")

    claims = json.loads(roomkeeper(studio, "token", "standup", "--role", "host", "--decode"))
    assert (claims["sub"], claims["video"]["room"]) == ("alice", studio.room_name)
    assert claims["exp"].endswith("+00:00")


def test_what_is_not_there_is_told_with_what_is(studio: Studio, operator: OperatorProcess) -> None:
    no_role = roomkeeper(studio, "token", "standup", "--role", "guest", check=False)
    assert no_role.startswith("Error: room 'standup' has no token for role 'guest': it has host.")
    nobody = roomkeeper(studio, "token", "standup", "--role", "host", "--identity", "eve", check=False)
    assert nobody == "Error: role 'host' has no identity 'eve': it has alice, bob"
    no_room = roomkeeper(studio, "stop", "talk", check=False)
    assert no_room == f"Error: there is no recording 'talk' in namespace '{studio.namespace}'"


def test_a_room_is_recorded_until_it_is_stopped(
    studio: Studio, operator: OperatorProcess, crowd: Crowd
) -> None:
    secret = studio.secret("standup.host")
    assert secret
    assert crowd.join("alice", secret)
    said = roomkeeper(studio, "record", "standup", "--name", "talk", "--audio-only")
    assert said.startswith("recording/talk created")
    eventually("it records", lambda: studio.is_("Active"), within=5)
    roomkeeper(studio, "stop", "talk")
    eventually("it has ended", lambda: studio.is_("Stopped"), within=5)
    [key] = studio.objects()
    assert key.endswith(".ogg")


def test_who_is_muted_stays_so_until_it_is_undone(
    studio: Studio, livekit: LiveKitView, operator: OperatorProcess, crowd: Crowd
) -> None:
    secret = studio.secret("standup.host")
    assert secret
    assert crowd.join("alice", secret)
    assert crowd.publish("alice")
    roomkeeper(studio, "mute", "standup", "alice")
    eventually(
        "LiveKit has no track of hers", lambda: tracks(livekit, studio.room_name, "alice") == [], within=2
    )
    room = studio.get("room", "standup")
    assert room
    assert room["spec"]["moderation"] == {"deniedSources": [{"identity": "alice", "sources": ["microphone"]}]}
    roomkeeper(studio, "mute", "standup", "alice", "--source", "camera")
    roomkeeper(studio, "mute", "standup", "alice", "--undo", "--source", "camera", "--source", "microphone")
    room = studio.get("room", "standup")
    assert room
    assert room["spec"]["moderation"] == {"deniedSources": []}


def test_who_is_removed_is_out_until_it_is_undone(
    studio: Studio, livekit: LiveKitView, operator: OperatorProcess, crowd: Crowd
) -> None:
    secret = studio.secret("standup.host")
    assert secret
    assert crowd.join("alice", secret)
    roomkeeper(studio, "remove", "standup", "mallory")
    roomkeeper(studio, "remove", "standup", "alice")
    eventually("she is out", lambda: somebody(livekit, studio.room_name, "alice") is None, within=2)
    room = studio.get("room", "standup")
    assert room
    assert room["spec"]["moderation"] == {"blockedIdentities": ["mallory", "alice"]}
    assert room["spec"]["roles"][0]["identities"] == ["bob"]

    last = roomkeeper(studio, "remove", "standup", "bob", check=False)
    assert last == (
        "Error: 'bob' is whom role 'host' is for: take the role out of spec.roles, then remove them"
    )
    roomkeeper(studio, "remove", "standup", "alice", "--undo")
    room = studio.get("room", "standup")
    assert room
    assert room["spec"]["moderation"] == {"blockedIdentities": ["mallory"]}
    where = ("-n", studio.namespace, "-o", "json", "--show-managed-fields")
    fields = json.loads(studio.stack.kubectl("get", "room", "standup", *where))["metadata"]["managedFields"]
    assert "roomkeeper-cli" in {one["manager"] for one in fields}


def manifest(tmp_path: Path, *objects: JSON) -> str:
    """Write manifests into a file."""
    path = tmp_path / "manifests.yaml"
    path.write_text(yaml.safe_dump_all(objects))
    return str(path)


def foreseen(studio: Studio, path: str) -> tuple[int, list[str]]:
    """Return the exit code of a plan, and its lines."""
    done = call(studio, "plan", path)
    return done.returncode, done.stdout.splitlines()


def test_a_plan_says_who_would_be_disconnected_and_changes_nothing(
    studio: Studio, livekit: LiveKitView, operator: OperatorProcess, crowd: Crowd, tmp_path: Path
) -> None:
    secret = studio.secret("standup.host")
    assert secret
    assert crowd.join("alice", secret)
    room = studio.get("room", "standup")
    assert room
    declared = studio.room("standup", **room["spec"])
    key = f"Room {studio.namespace}/standup"
    assert foreseen(studio, manifest(tmp_path, declared)) == (0, ["1 object looked at, 0 would change"])

    waits = studio.room("standup", **{**room["spec"], "maxParticipants": 7})
    assert foreseen(studio, manifest(tmp_path, waits)) == (
        2,
        [
            f"{key}: edited",
            "  issue tokens of role host (the room's configuration or the validity differs)",
            "  maxParticipants 0 -> 7 waits: LiveKit takes it only when it creates the room, and 1 person is in it",
            "1 object looked at, 1 would change",
        ],
    )
    always = studio.room("standup", **{**room["spec"], "maxParticipants": 7, "updatePolicy": "Always"})
    _, lines = foreseen(studio, manifest(tmp_path, always))
    assert f"  replace room {studio.room_name}: 1 people would be disconnected" in lines

    other = studio.room("retro", roles=[{"name": "host"}])
    assert foreseen(studio, manifest(tmp_path, other, studio.recording("talk"))) == (
        2,
        [
            f"Room {studio.namespace}/retro: new",
            f"  create room {studio.namespace}_retro",
            "  issue tokens of role host (the Secret is missing)",
            f"Recording {studio.namespace}/talk: new",
            "  start attempt 1",
            "2 objects looked at, 2 would change",
        ],
    )
    after = studio.get("room", "standup")
    assert after
    assert after["metadata"]["resourceVersion"] == room["metadata"]["resourceVersion"]
    assert studio.get("room", "retro") is None
    assert livekit.room(f"{studio.namespace}_retro") is None


def test_what_is_declared_is_shown_beside_what_livekit_has(
    studio: Studio, livekit: LiveKitView, operator: OperatorProcess, crowd: Crowd
) -> None:
    secret = studio.secret("standup.host")
    assert secret
    assert crowd.join("alice", secret)
    [room] = json.loads(roomkeeper(studio, "get", "rooms", "-o", "json"))
    live = livekit.room(studio.room_name)
    assert room == {
        "namespace": studio.namespace,
        "name": "standup",
        "ready": "True",
        "room": studio.room_name,
        "lifecycle": "Persistent",
        "max": "",
        "live_sid": live.sid,
        "live_people": 1,
        "live_max": "",
        "live_recording": "false",
    }
    roomkeeper(studio, "record", "standup", "--name", "talk")
    eventually("it records", lambda: studio.is_("Active"), within=5)
    head, row = roomkeeper(studio, "get", "recordings").splitlines()
    assert head.split() == ["NAMESPACE", "NAME", "READY", "ROOM", "STATE", "LIVE", "EGRESS", "LIVE", "STATE"]
    [egress] = studio.egresses()
    assert row.split() == [studio.namespace, "talk", "True", studio.room_name, "Active", egress.id, "Active"]


def test_a_live_room_is_imported_and_adopted_as_it_is(
    studio: Studio, livekit: LiveKitView, operator: OperatorProcess, tmp_path: Path
) -> None:
    name = f"Board Meeting {studio.namespace}"
    before = livekit.create(name, empty_timeout=600, max_participants=9, metadata='{"topic":"budget"}')
    written = roomkeeper(studio, "import")
    found = [one for one in yaml.safe_load_all(written) if one["spec"].get("roomName") == name]
    assert found == [
        {
            "apiVersion": "roomkeeper.dev/v1alpha1",
            "kind": "Room",
            "metadata": {"name": f"board-meeting-{studio.namespace}", "namespace": studio.namespace},
            "spec": {
                "roomName": name,
                "emptyTimeoutSeconds": 600,
                "departureTimeoutSeconds": 20,
                "maxParticipants": 9,
                "metadata": {"topic": "budget"},
                "metadataPolicy": "Initial",
            },
        }
    ]
    _, lines = foreseen(studio, manifest(tmp_path, *found))
    refused = f"  refused (PolicyViolation): spec.roomName: {name!r}"
    assert any(line.startswith(refused) for line in lines), (
        lines
    )  # the operator's own server lets no tenant have it
    assert livekit.room(name).sid == before.sid
    livekit.delete(name)


def doctor(studio: Studio, *arguments: str) -> dict[str, list[tuple[str, str]]]:
    """Return what the doctor found, by subject: verdict and sentence."""
    done = subprocess.run(
        [sys.executable, "-m", "roomkeeper", "doctor", "-o", "json", *arguments],
        env={**os.environ, "KUBECONFIG": str(studio.stack.kubeconfig)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    told: dict[str, list[tuple[str, str]]] = {}
    for one in json.loads(done.stdout):
        told.setdefault(one["subject"], []).append((one["verdict"], one["found"]))
    failed = any(verdict == "failed" for found in told.values() for verdict, _ in found)
    assert done.returncode == failed, done.stderr
    return told


def test_the_doctor_finds_what_is_wrong_with_an_installation(
    studio: Studio, operator: OperatorProcess
) -> None:
    account = f"{studio.namespace}/roomkeeper"
    told = doctor(studio, "--service-account", account)
    assert told["CRD rooms.roomkeeper.dev"] == [("ok", "is that of this version")]
    [(verdict, found)] = told["permissions"]
    assert (verdict, found.split(" may not ")[0]) == ("failed", f"ServiceAccount {account}")

    for role in ("local-roomkeeper", "local-roomkeeper-cluster", "local-roomkeeper-lease"):
        binding = f"{studio.namespace}-{role}"
        studio.stack.kubectl(
            "create",
            "clusterrolebinding",
            binding,
            f"--clusterrole={role}",
            f"--serviceaccount={account.replace('/', ':')}",
        )
    told = doctor(studio, "--service-account", account)
    assert told["permissions"] == [("ok", f"ServiceAccount {account} may do what it has to")]
    assert told["leader"] == [("warning", f"there is no Lease roomkeeper in namespace {studio.namespace}")]


def test_the_doctor_finds_what_is_wrong_with_a_server(studio: Studio, operator: OperatorProcess) -> None:
    livekit = studio.stack.livekit
    key, secret = livekit.api_key, livekit.api_secret
    here = f"http://127.0.0.1:{operator.port}"
    for name, url, given, webhook in (
        ("right", livekit.url, secret, f"{here}/livekit/webhook"),
        ("wrong-path", livekit.url, secret, f"{here}/webhook"),
        ("wrong-secret", livekit.url, "not-the-secret-of-this-server", ""),
        ("nobody-there", "ws://127.0.0.1:9", secret, ""),
    ):
        data = {"LIVEKIT_API_KEY": key, "LIVEKIT_API_SECRET": given}
        metadata = {"name": name, "namespace": studio.namespace}
        spec = {
            "url": url,
            "credentialsSecretRef": {"name": name},
            **({"webhook": {"url": webhook}} if webhook else {}),
        }
        studio.apply(
            {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data},
            {
                "apiVersion": "roomkeeper.dev/v1alpha1",
                "kind": "LiveKitServer",
                "metadata": metadata,
                "spec": spec,
            },
        )

    def looked_at() -> bool:
        servers = studio.list("livekitservers")
        return len(servers) == 4 and all(one.get("status", {}).get("conditions") for one in servers)

    eventually("the operator has looked at them", looked_at, within=5)
    told = {
        subject.rpartition("/")[2]: found for subject, found in doctor(studio).items() if "Server" in subject
    }
    assert told["right"] == [
        ("ok", "a webhook that is sent to its webhook.url arrives"),
        ("ok", "answers, takes the key, and its clock is right"),
    ]
    assert told["wrong-path"][0] == ("failed", "its webhook.url answers 404")
    assert told["wrong-secret"][-1] == ("failed", "refuses the API key or its secret, asked from here")
    assert told["wrong-secret"][0][1].startswith("InvalidCredentials: ")
    assert told["nobody-there"][0][1].startswith("ServerUnreachable: ")
    assert told["nobody-there"][-1][0] == "warning"
    studio.stack.kubectl("delete", "livekitservers", "--all", "-n", studio.namespace)
