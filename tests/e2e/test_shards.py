"""Two operators on one stack, each with its shard: nobody works on what is the other's, and moving it disturbs nobody."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from roomkeeper.domain.objects import ROOM as ROOM_KIND
from roomkeeper.domain.objects import CustomObject
from roomkeeper.domain.shards import Shard
from roomkeeper.localstack.errors import LocalStackError
from tests.e2e.halves import LABEL, SYSTEM, Halves, halves, move, shard_of
from tests.e2e.looks import is_in, log_size, own_server, resyncs, somebody, status, writes_to
from tests.e2e.studio import ROOM, Studio
from tests.e2e.support import RESYNC_SECONDS, Cluster, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.localstack import LocalStack
    from tests.e2e.conftest import LiveKitView
    from tests.e2e.crowd import Crowd

ROLES = [{"name": "host", "identities": ["alice"], "grants": {"canPublish": True}}]
PAGE = Path(__file__).parents[2] / "docs/sharding.md"
HELD = "roomkeeper.dev/in-use"


@pytest.fixture(scope="module")
def two(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Halves]:
    """Both operators, running."""
    with halves(stack, tmp_path_factory.mktemp("shards")) as running:
        yield running


def test_each_has_a_lease_of_its_own(stack: LocalStack, two: Halves) -> None:
    leases = stack.kubectl("get", "leases", "-n", SYSTEM, "-o", "name").split()
    assert {"lease.coordination.k8s.io/roomkeeper-a", "lease.coordination.k8s.io/roomkeeper-rest"} <= set(
        leases
    )


def labelled(manifest: dict[str, Any], value: str) -> dict[str, Any]:
    """Return the manifest with the label."""
    return {**manifest, "metadata": {**manifest["metadata"], "labels": {LABEL: value}}}


def acknowledged(cluster: Cluster, resource: str, mark: str) -> None:
    """Ask for a reconcile, and wait until somebody has done it."""
    cluster.stack.kubectl(
        "annotate", "--overwrite", resource, "-n", cluster.namespace, f"roomkeeper.dev/reconcile-at={mark}"
    )
    done = f"--for=jsonpath={{.status.lastHandledReconcileAt}}={mark}"
    cluster.stack.kubectl("wait", resource, "-n", cluster.namespace, done, "--timeout=30s")


def test_each_works_on_its_own_and_nothing_else(stack: LocalStack, two: Halves, cluster: Cluster) -> None:
    mark = stack.audit.mark()
    mine, other, nobodys = (cluster.room(name, roles=ROLES) for name in ("mine", "other", "nobodys"))
    cluster.apply(labelled(mine, "a"), other, labelled(nobodys, "b"))
    for name in ("mine", "other"):
        eventually(f"{name} is Ready", lambda name=name: cluster.is_ready(name), within=2)
    for name in ("mine", "other"):
        cluster.delete("room", name, wait=True)
    assert two.a.wrote(cluster, mark) == budget("mine")
    assert two.rest.wrote(cluster, mark) == budget("other")
    untouched = cluster.get("room", "nobodys")
    assert untouched
    assert untouched["status"] == {"observedGeneration": -1}
    assert "finalizers" not in untouched["metadata"]


def budget(name: str) -> list[str]:
    """Return what the life of a Room with a role costs: finalizer, Secret, status, finalizer."""
    finalizers = [f"patch rooms {name}"] * 2
    return [f"create secrets {name}.host", *finalizers, f"patch rooms/status {name}"]


def test_a_room_moves_with_people_in_it(
    stack: LocalStack, two: Halves, cluster: Cluster, crowd: Crowd, livekit: LiveKitView
) -> None:
    cluster.apply(cluster.room("standup", roles=ROLES))
    eventually("it is Ready", lambda: cluster.is_ready("standup"), within=2)
    room = f"{cluster.namespace}_standup"
    held = cluster.secret("standup.host")
    assert held
    assert crowd.join("alice", held)
    assert is_in(livekit, room, "alice")
    eventually("she is counted", lambda: status(cluster)["numParticipants"] == 1, within=7)
    alice, sid = somebody(livekit, room, "alice").sid, livekit.room(room).sid
    secret = cluster.get("secret", "standup.host")
    assert secret

    mark, log = stack.audit.mark(), log_size(stack)
    move(cluster, "a", "room/standup")
    eventually("the Secret follows", lambda: shard_of(cluster, "secret", "standup.host") == "a", within=1)
    acknowledged(cluster, "room/standup", "moved")
    assert writes_to(stack, room, since=log) == []
    assert (somebody(livekit, room, "alice").sid, livekit.room(room).sid) == (alice, sid)
    after = cluster.get("secret", "standup.host")
    assert after
    assert after["metadata"]["uid"] == secret["metadata"]["uid"]
    assert two.rest.wrote(cluster, mark) == []
    assert [one for one in two.a.wrote(cluster, mark) if "status" not in one] == [
        "patch secrets standup.host"
    ]

    edit = json.dumps({"spec": {"metadata": {"topic": "moved"}}})
    stack.kubectl("patch", "room/standup", "-n", cluster.namespace, "--type=merge", "-p", edit)
    eventually("a works on it", lambda: livekit.room(room).metadata == '{"topic":"moved"}', within=1)
    move(cluster, "", "room/standup")
    eventually("it is back", lambda: shard_of(cluster, "secret", "standup.host") is None, within=1)
    cluster.delete("room", "standup", wait=True)
    assert livekit.room(room) is None


def test_what_is_recorded_moves_and_is_recorded_on(
    stack: LocalStack, two: Halves, studio: Studio, crowd: Crowd
) -> None:
    held = studio.secret(f"{ROOM}.host")
    assert held
    assert crowd.join("alice", held)
    assert crowd.publish("alice")
    studio.record(start="Immediately")
    eventually("it is recorded", lambda: studio.is_("Active"), within=5)
    egress = studio.status()["egressID"]

    mark = stack.audit.mark()
    move(studio, "a", f"room/{ROOM}", "recording/talk")
    acknowledged(studio, "recording/talk", "moved")
    assert "get recordings talk" in reads(stack, two, mark)  # it looked whether the Recording is gone
    assert [one for one in two.rest.wrote(studio, mark) if "recordings" in one] == []
    resyncs(stack, number=2, servers=2)  # of both operators
    [running] = studio.egresses()
    assert (running.id, running.ended, studio.state()) == (egress, None, "Active")

    studio.stop()
    eventually("a ends it", lambda: studio.is_("Stopped"), within=RESYNC_SECONDS + 3)
    assert [one.id for one in studio.egresses()] == [egress]
    assert studio.objects()
    assert [one for one in two.rest.wrote(studio, mark) if "recordings" in one] == []


def reads(stack: LocalStack, two: Halves, mark: int) -> list[str]:
    """Return what the rest has read by name."""
    calls = stack.audit.calls(two.rest.user, mark)
    return [f"get {call.resource} {call.name}" for call in calls if call.verb == "get"]


def test_a_session_is_recorded_in_the_shard_of_its_schedule(
    two: Halves, studio: Studio, crowd: Crowd
) -> None:
    template = studio.recording("any")["spec"]
    schedule = {
        "apiVersion": "roomkeeper.dev/v1alpha1",
        "kind": "RecordingSchedule",
        "metadata": {"name": "meetings"},
        "spec": {"trigger": "EverySession", "recordingTemplate": {"spec": template}},
    }
    move(studio, "a", f"room/{ROOM}")
    studio.apply(labelled(schedule, "a"))
    held = studio.secret(f"{ROOM}.host")
    assert held
    assert crowd.join("alice", held)
    assert crowd.publish("alice")
    [made] = eventually("a makes the Recording", lambda: studio.list("recordings"), within=RESYNC_SECONDS + 2)
    name = made["metadata"]["name"]
    assert made["metadata"]["labels"][LABEL] == "a"
    eventually("it is recorded", lambda: studio.is_("Active", name), within=5)

    move(studio, "", "recordingschedule/meetings", f"room/{ROOM}")
    eventually(
        "the Recording follows its schedule",
        lambda: shard_of(studio, "recording", name) is None,
        within=1,
    )
    acknowledged(studio, f"recording/{name}", "moved")
    assert (studio.state(name), len(studio.egresses())) == ("Active", 1)
    assert len(studio.list("recordings")) == 1


def test_one_shard_writes_the_status_of_a_server_and_each_holds_it(
    stack: LocalStack, two: Halves, cluster: Cluster
) -> None:
    own_server(cluster)
    move(cluster, "a", "livekitserver/main")
    server = {"serverRef": {"name": "main"}}
    cluster.apply(cluster.room("other", roles=ROLES, **server))
    eventually("it is Ready", lambda: cluster.is_ready("other"), within=2)
    eventually("it is held", lambda: finalizers(cluster) == [f"{HELD}-rest"], within=2)
    mark = stack.audit.mark()
    acknowledged(cluster, "livekitserver/main", "now")
    assert two.a.wrote(cluster, mark) == ["patch livekitservers/status main"]
    assert two.rest.wrote(cluster, mark) == []

    cluster.delete("livekitserver", "main")
    eventually(
        "it says who holds it", lambda: says(cluster, "objects of shard rest still use this server"), within=2
    )
    cluster.delete("room", "other", wait=True)
    eventually("it is let go", lambda: cluster.get("livekitserver", "main") is None, within=2)


def finalizers(cluster: Cluster) -> list[str]:
    found = cluster.get("livekitserver", "main")
    assert found
    names: list[str] = found["metadata"].get("finalizers", [])
    return names


def says(cluster: Cluster, message: str) -> bool:
    found = cluster.get("livekitserver", "main")
    conditions = found["status"]["conditions"] if found else []
    return message in [one["message"] for one in conditions if one["type"] == "Ready"]


@pytest.mark.parametrize(
    "selector",
    [
        f"{LABEL}=a",
        f"{LABEL}!=a",
        f"{LABEL} in (a, b)",
        f"{LABEL} notin (a,b)",
        f"!{LABEL}",
        LABEL,
        f"{LABEL},{LABEL} notin ( a ),{LABEL}!=c",
    ],
)
def test_a_selector_is_read_as_the_api_server_reads_it(
    stack: LocalStack, nobodys: Cluster, selector: str
) -> None:
    bodies = nobodys.list("rooms")
    shard = Shard.of("x", selector)
    taken = {
        body["metadata"]["name"] for body in bodies if shard.takes(CustomObject.from_body(ROOM_KIND, body))
    }
    selected = stack.kubectl("get", "rooms", "-n", nobodys.namespace, "-l", selector, "-o", "name").split()
    assert {f"room.roomkeeper.dev/{name}" for name in taken} == set(selected)


@pytest.fixture(scope="module")
def nobodys(stack: LocalStack) -> Iterator[Cluster]:
    """Rooms with all kinds of labels."""
    stack.kubectl("create", "namespace", "selected")
    here = Cluster(stack, "selected")
    values = {"in-a": "a", "in-b": "b", "in-c": "c", "empty": ""}
    here.apply(here.room("none"), *(labelled(here.room(name), value) for name, value in values.items()))
    yield here
    here.clear()


def test_the_policy_of_the_page_holds_objects_to_the_shard_of_their_namespace(
    stack: LocalStack, cluster: Cluster
) -> None:
    [text] = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    manifests = list(yaml.safe_load_all(text))
    cluster.apply(*manifests)
    try:
        stack.kubectl("label", "namespace", cluster.namespace, f"{LABEL}=a")
        stranger = labelled(cluster.room("stranger"), "b")
        eventually("another shard is refused", lambda: refused(cluster, stranger), within=10)
        assert refused(cluster, cluster.room("bare"))
        cluster.apply(labelled(cluster.room("mine"), "a"))
        with pytest.raises(LocalStackError, match="must be that of the namespace"):
            move(cluster, "", "room/mine")
    finally:
        for manifest in manifests:
            stack.kubectl("delete", manifest["kind"], manifest["metadata"]["name"])


def refused(cluster: Cluster, manifest: dict[str, Any]) -> bool:
    try:
        cluster.apply(manifest)
    except LocalStackError as error:
        return "must be that of the namespace" in str(error)
    cluster.delete("room", manifest["metadata"]["name"])
    return False
