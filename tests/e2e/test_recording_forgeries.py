"""What somebody copies, forges or takes away so that a recording of another ends, or one of their own never does."""

from __future__ import annotations

import base64
import hashlib
import json
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from roomkeeper.localstack.kubectl import KubectlError
from tests.e2e.studio import ROOM
from tests.e2e.studios import ALL, Tenant, studios
from tests.e2e.support import eventually, settle
from tests.e2e.test_webhooks import Sender

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roomkeeper.localstack import LocalStack
    from roomkeeper.localstack.egress_standin import StandinEgress
    from tests.e2e.conftest import LiveKitView
    from tests.e2e.support import OperatorProcess

FINALIZER = "roomkeeper.dev/finalizer"


@pytest.fixture
def make(stack: LocalStack) -> Iterator[Callable[..., Tenant]]:
    with studios(stack) as make:
        yield make


@pytest.fixture(scope="module")
def hooked(operator: OperatorProcess, stack: LocalStack) -> OperatorProcess:
    """The operator with a webhook URL, which each egress gets with its marker."""
    operator.stop()
    return operator.start(ROOMKEEPER_WEBHOOK_URL=f"http://127.0.0.1:{stack.operator_port}/livekit/webhook")


def mark(tenant: Tenant, name: str, number: int = 1) -> str:
    """Return the marker of an attempt as anybody can make it who knows the uid."""
    found = tenant.get("recording", name)
    assert found
    digest = hashlib.sha256(found["metadata"]["uid"].encode()).digest()
    return f"rk{base64.b32encode(digest).decode().lower()[:13]}-{number}"


def of(tenant: Tenant, room: str) -> list[StandinEgress]:
    """Return the egresses of a room that put their file below the prefix of a namespace."""
    return [one for one in tenant.egresses(room) if f'"{tenant.namespace}/' in json.dumps(one.request)]


def test_a_copied_marker_neither_takes_an_egress_over_nor_ends_one(
    make: Callable[..., Tenant], livekit: LiveKitView, operator: OperatorProcess, stack: LocalStack
) -> None:
    provider, attacker, victim = make(), make(), make()
    lobby = f"lobby-{victim.namespace}"
    policy = {"roomNamePatterns": ["lobby-*"]}
    provider.offer_livekit("main", stack, **ALL, policy=policy)
    provider.share(**ALL)
    livekit.create(lobby)
    where = {"roomName": lobby, "start": "Immediately", **provider.main(), **provider.archive()}
    victim.record("talk", startAt="2099-01-01T00:00:00Z", **where)
    eventually("the victim waits", lambda: victim.is_("Armed", "talk"), within=2)
    copied = mark(victim, "talk")
    attacker.record(
        "copy",
        **where,
        outputs={
            "file": {"filepath": f"{copied}/{copied}/{copied}.mp4"},
            "hls": {"directory": f"{copied}/{copied}", "playlistName": f"{copied}.m3u8"},
            "images": {"directory": copied},
        },
    )
    attacker.record("prefix", **where, outputs={"hls": {"segmentPrefix": f"a-{copied}"}})
    attacker.run("copy")
    attacker.is_refused("prefix", "InvalidSpec", "spec.outputs.hls.segmentPrefix")

    # The victim's start works, but its answer is a 503: so it is looked for, and the copy is there to be found.
    stack.egress_standin.fault(lobby, "answer_unavailable")
    victim.patch("recording", "talk", {"spec": {"startAt": "2020-01-01T00:00:00Z"}})
    victim.run("talk")
    assert victim.status()["attempts"][0]["marker"] == copied
    [ours], [theirs] = of(victim, lobby), of(attacker, lobby)
    assert victim.status()["egressID"] == ours.id
    assert theirs.running
    settle(stack)
    [result] = victim.results("talk")
    assert result["filename"].startswith(f"{victim.namespace}/")
    assert of(attacker, lobby)[0].running, "the end of one is no end of the other"
    attacker.end("copy")
    assert [len(of(who, lobby)) for who in (victim, attacker)] == [1, 1]


def ended(egress: str, room: str, **more: Any) -> bytes:
    """Return a webhook that tells of the end of an egress."""
    info = {"egressId": egress, "roomName": room, "status": "EGRESS_FAILED", "error": "forged", **more}
    body = {
        "event": "egress_ended",
        "id": f"EV_{uuid.uuid4().hex[:12]}",
        "createdAt": str(int(time.time())),
        "egressInfo": info,
    }
    return json.dumps(body).encode()


def test_a_forged_or_repeated_webhook_of_an_egress_changes_nothing(
    make: Callable[..., Tenant], hooked: OperatorProcess, stack: LocalStack
) -> None:
    attacker, victim = make(), make()
    victim.share(default=True)
    victim.move_in()
    victim.begin("talk")
    victim.run("talk")
    attacker.offer("own", stack.livekit.url, "attackers-key", "attackers-secret-of-a-decent-length")
    before = victim.get("recording", "talk")
    assert before
    egress = before["status"]["egressID"]
    [webhook] = victim.egresses()[0].request["roomComposite"]["webhooks"]
    assert webhook["url"].endswith(f"/livekit/webhook/{mark(victim, 'talk')}")
    sender = Sender(stack)
    sender.url = webhook["url"]
    body = ended(egress, victim.room_name)
    stale = sender.sign(body, key="attackers-key", secret="attackers-secret-of-a-decent-length")
    eventually("the attacker's key is known", lambda: sender.send(body, stale) == 200, within=3)
    answers = {
        "unsigned": sender.send(body, ""),
        "of another body": sender.send(body, sender.sign(b"{}")),
        "by a wrong secret": sender.send(
            body, sender.sign(body, secret="a-secret-that-is-made-up-by-somebody")
        ),
        "repeated": [sender.send(body), sender.send(body)],
        "signed, and a lie": sender.send(ended(egress, victim.room_name, status="EGRESS_COMPLETE")),
        "of another egress": sender.send(ended("EG_unknown", victim.room_name)),
        "of another room": sender.send(ended(egress, "another-room")),
    }
    for marker in ("rkaaaaaaaaaaaaa-1", mark(victim, "talk", 2), "%2e%2e%2fmetrics", "x" * 4000):
        sender.url = f"http://127.0.0.1:{stack.operator_port}/livekit/webhook/{marker}"
        answers[marker[:20]] = sender.send(ended(egress, victim.room_name))
    print(answers)
    assert [answers[name] for name in ("unsigned", "of another body", "by a wrong secret")] == [401] * 3
    settle(stack)
    assert victim.get("recording", "talk") == before
    assert victim.egresses()[0].running
    victim.end("talk")
    assert len(victim.egresses()) == 1


def finalizers(tenant: Tenant, name: str = "talk") -> list[str]:
    found = tenant.get("recording", name)
    assert found
    return list(found["metadata"].get("finalizers", []))


def test_a_finalizer_that_is_taken_away_leaves_no_egress_behind(
    make: Callable[..., Tenant], operator: OperatorProcess
) -> None:
    provider, tenant = make(), make()
    provider.host(policy={"maxActivePerNamespace": 1})
    provider.share(**ALL)
    tenant.move_in(provider)
    tenant.begin("talk", **provider.archive())
    tenant.run("talk")
    tenant.patch("recording", "talk", {"metadata": {"finalizers": None}})
    eventually("it is back", lambda: finalizers(tenant) == [FINALIZER], within=2)

    # As whoever wants more to run than may does it: away with the finalizer, and with the object before it is back.
    path = f"/apis/roomkeeper.dev/v1alpha1/namespaces/{tenant.namespace}/recordings/talk"
    operator.pause()
    tenant.patch("recording", "talk", {"metadata": {"finalizers": None}})
    tenant.stack.kubectl("delete", "--raw", path)
    assert tenant.list("recordings") == []
    assert tenant.egresses()[0].running
    operator.go_on()
    eventually("its egress ends", lambda: not tenant.egresses()[0].running, within=3)
    tenant.begin("next", **provider.archive())
    tenant.run("next")
    assert [one.running for one in tenant.egresses()] == [False, True]


def test_annotations_and_labels_that_are_forged_change_nothing(
    make: Callable[..., Tenant], operator: OperatorProcess, stack: LocalStack
) -> None:
    tenant = make()
    tenant.share(default=True)
    tenant.move_in()
    schedule = {
        "apiVersion": "roomkeeper.dev/v1alpha1",
        "kind": "RecordingSchedule",
        "metadata": {"name": "daily"},
        "spec": {
            "schedule": "0 0 1 1 *",
            "successfulRecordingsHistoryLimit": 0,
            "recordingTemplate": {"spec": tenant.recording("talk")["spec"]},
        },
    }
    tenant.apply(schedule)
    tenant.begin("talk", "other")
    tenant.run("talk", "other")
    forged = {
        "annotations": {
            "roomkeeper.dev/last-attempt": '{"attempt":9,"egressID":"EG_other","state":"Complete"}',
            "roomkeeper.dev/session": "RM_other",
            "roomkeeper.dev/is-default-storage": "true",
        },
        "labels": {"roomkeeper.dev/schedule": "daily", "app.kubernetes.io/managed-by": "roomkeeper"},
    }
    tenant.patch("recording", "talk", {"metadata": forged})
    settle(stack)
    assert all(one.running for one in tenant.egresses())
    tenant.end("talk", "other")

    def mirrored() -> bool:
        found = tenant.get("recording", "talk")
        assert found
        text = json.loads(found["metadata"]["annotations"]["roomkeeper.dev/last-attempt"])
        return bool(text == {"attempt": 1, "egressID": found["status"]["egressID"], "state": "Stopped"})

    eventually("its real end is mirrored", mirrored, within=2)
    tenant.patch("recording", "talk", {"metadata": {"annotations": {"roomkeeper.dev/last-attempt": None}}})
    eventually("it is mirrored again", mirrored, within=2)
    settle(stack)
    found = tenant.get("recordingschedule", "daily")
    assert found
    assert not found["status"].get("active")
    assert tenant.get("recording", "talk"), "it is none of the schedule's"
    assert len(tenant.egresses()) == 2


def test_what_has_begun_is_frozen(make: Callable[..., Tenant], operator: OperatorProcess) -> None:
    tenant = make()
    tenant.share(default=True)
    tenant.share("other")
    tenant.move_in()
    tenant.begin("talk", startAt="2099-01-01T00:00:00Z")
    tenant.patch("recording", "talk", {"spec": {"storageRef": {"name": "other"}, "startAt": None}})
    tenant.run("talk")
    assert tenant.status()["storageRef"]["name"] == "other"
    edits: dict[str, Any] = {
        "storageRef": {"name": "archive"},
        "outputs": {"file": {"filepath": "elsewhere.mp4"}},
        "source": {"roomComposite": {"audioOnly": True}},
        "start": "WhenPublishing",
        "disableManifest": True,
        "storage": {"s3": {"bucket": "mine"}},
    }
    for field, value in edits.items():
        with pytest.raises(KubectlError) as refused:
            tenant.patch("recording", "talk", {"spec": {field: value}})
        assert "is frozen once an attempt has begun" in str(refused.value)
    for field, value in {"roomRef": {"name": "x"}, "serverRef": {"name": "x"}}.items():
        with pytest.raises(KubectlError, match="is immutable"):
            tenant.patch("recording", "talk", {"spec": {field: value}})
    tenant.patch("recording", "talk", {"spec": {"source": {"roomComposite": {"layout": "speaker"}}}})
    tenant.end("talk")
    assert ROOM in tenant.room_name
