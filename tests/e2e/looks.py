"""What tests of live rooms have in common: a server of the namespace's own, and short questions to both sides."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import TYPE_CHECKING, Any
from urllib import request

from livekit import api
from livekit.protocol import models
from livekit.protocol import room as pb
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.support import RESYNC_SECONDS, eventually, metric, with_livekit

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping

    from roomkeeper.localstack import LocalStack
    from tests.e2e.conftest import LiveKitView
    from tests.e2e.support import Cluster

MAIN = "main"


def ready(cluster: Cluster, name: str = "standup", *, within: float = 2, **spec: Any) -> str:
    """Apply a Room, wait until it is Ready, and return its name on LiveKit."""
    cluster.apply(cluster.room(name, **spec))
    eventually(f"{name} is Ready", lambda: cluster.is_ready(name), within=within)
    return f"{cluster.namespace}_{name}"


def own_server(cluster: Cluster, *, livekit: Any = None, name: str = MAIN, **spec: Any) -> None:
    """Declare a LiveKitServer in the namespace: no policy limits what is in the same one."""
    livekit = livekit or cluster.stack.livekit
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "stringData": {"LIVEKIT_API_KEY": livekit.api_key, "LIVEKIT_API_SECRET": livekit.api_secret},
    }
    server = {
        "apiVersion": "roomkeeper.dev/v1alpha1",
        "kind": "LiveKitServer",
        "metadata": {"name": name},
        "spec": {
            "url": livekit.url,
            "credentialsSecretRef": {"name": name},
            "resyncSeconds": RESYNC_SECONDS,
            **spec,
        },
    }
    cluster.apply(secret, server)


def status(cluster: Cluster, name: str = "standup") -> dict[str, Any]:
    """Return a Room's status."""
    room = cluster.get("room", name)
    assert room
    found: dict[str, Any] = room["status"]
    return found


def condition(cluster: Cluster, kind: str, name: str = "standup") -> tuple[str, str]:
    """Return status and reason of a condition, if it was said of the present generation."""
    room, found = cluster.get("room", name), cluster.condition(name, kind)
    assert room
    if found["observedGeneration"] != room["metadata"]["generation"]:
        raise LookupError(f"{kind} is of generation {found['observedGeneration']}")
    return found["status"], found["reason"]


def reasons(cluster: Cluster, name: str = "standup") -> list[tuple[str, str]]:
    """Return type and reason of a Room's Events."""
    events = (one for one in cluster.list("events") if one["involvedObject"]["name"] == name)
    return sorted((one["type"], one["reason"]) for one in events)


def secret_of(cluster: Cluster, name: str) -> dict[str, str]:
    """Read a role's Secret, which has to be there."""
    found = cluster.secret(name)
    assert found
    return found


def all_secrets(cluster: Cluster) -> dict[str, dict[str, str]]:
    """Read every Secret of the namespace by one call, decoded."""
    return {
        one["metadata"]["name"]: {
            key: base64.b64decode(value).decode() for key, value in one.get("data", {}).items()
        }
        for one in cluster.list("secrets")
    }


def tokens_of(cluster: Cluster, name: str) -> dict[str, str]:
    """Return the tokens of a role, by identity."""
    found: dict[str, str] = json.loads(secret_of(cluster, name)["tokens.json"])
    return found


def somebody(livekit: LiveKitView, name: str, identity: str) -> Any:
    """Return a participant as LiveKit lists them; None when they are not there."""
    return next((one for one in livekit.participants(name) if one.identity == identity), None)


def is_active(livekit: LiveKitView, name: str, identity: str) -> bool:
    """Tell whether somebody's media connection stands; who leaves before has never been there for LiveKit's timeouts."""
    someone = somebody(livekit, name, identity)
    return someone is not None and someone.state == models.ParticipantInfo.ACTIVE


def is_in(livekit: LiveKitView, name: str, identity: str) -> bool:
    """Wait until somebody is active."""
    return eventually(f"{identity} is in the room", lambda: is_active(livekit, name, identity), within=2)


def tracks(livekit: LiveKitView, name: str, identity: str) -> list[str]:
    """Return what somebody publishes."""
    someone = somebody(livekit, name, identity)
    return sorted(models.TrackSource.Name(track.source) for track in someone.tracks) if someone else []


def update(stack: LocalStack, name: str, identity: str, **fields: Any) -> None:
    """Change a participant as an application does."""

    async def ask(client: api.LiveKitAPI) -> Any:
        return await client.room.update_participant(
            pb.UpdateParticipantRequest(room=name, identity=identity, **fields)
        )

    asyncio.run(with_livekit(stack, ask))


def dispatches(stack: LocalStack, name: str) -> list[tuple[str, str]]:
    """Return agent and id of every dispatch in a room, but for LiveKit's own, which names no agent."""

    async def ask(client: api.LiveKitAPI) -> Any:
        return await client.agent_dispatch.list_dispatch(name)

    listed = asyncio.run(with_livekit(stack, ask))
    return sorted((one.agent_name, one.id) for one in listed if one.agent_name)


def writes_to(stack: LocalStack, name: str, *, since: int = 0) -> list[str]:
    """Return what was written to a room, in the words of LiveKit's own log; `since` is a size of it in bytes."""
    with stack.livekit.log.open("rb") as log:
        log.seek(since)
        lines = [json.loads(line) for line in log if b'"livekit.api"' in line]
    calls = [line["method"] for line in lines if line.get("room") in (name, [name])]
    return [method for method in calls if not method.startswith("List")]


def resyncs(stack: LocalStack, *, number: int = 2, servers: int = 1, livekit: Any = None) -> None:
    """Wait until the operator has listed all rooms so many times more: once per interval and server.

    The lists are counted in LiveKit's own log; `livekit` is another one than the stack's.
    """
    path = (livekit or stack.livekit).log
    since = path.stat().st_size

    def lists() -> int:
        with path.open("rb") as log:
            log.seek(since)
            calls = [json.loads(line) for line in log if b'"ListRooms"' in line]
        return sum(not call.get("room") for call in calls)

    wanted = number * servers
    within = (number + 1) * RESYNC_SECONDS
    eventually(f"{wanted} lists of all rooms", lambda: lists() >= wanted, within=within)
    eventually("nothing waits", lambda: metric(stack, "roomkeeper_queue_depth") == 0, within=2)


def log_size(stack: LocalStack) -> int:
    """Return a mark for `writes_to`."""
    return stack.livekit.log.stat().st_size


def requests(stack: LocalStack) -> Counter[str]:
    """Return how many requests the operator has sent to LiveKit, by method."""
    from collections import Counter  # noqa: PLC0415

    with request.urlopen(f"http://127.0.0.1:{stack.operator_port}/metrics", timeout=10) as answer:
        families = text_string_to_metric_families(answer.read().decode())
    counted: Counter[str] = Counter()
    for family in families:
        for sample in family.samples:
            if sample.name == "roomkeeper_livekit_requests_total":
                counted[sample.labels["method"]] += int(sample.value)
    return counted


def ask_for_a_look(cluster: Cluster, name: str, value: str) -> None:
    """Set the annotation reconcile-at and wait until it is acknowledged."""
    cluster.stack.kubectl(
        "annotate",
        "room",
        name,
        "-n",
        cluster.namespace,
        f"roomkeeper.dev/reconcile-at={value}",
        "--overwrite",
    )
    eventually(
        "the request is acknowledged",
        lambda: status(cluster, name).get("lastHandledReconcileAt") == value,
        within=2,
    )


def stranger(livekit: Any, name: str, identity: str) -> Mapping[str, str]:
    """Return what an application of its own would give somebody: a token that the operator never saw."""
    grants = api.VideoGrants(room_join=True, room=name)
    token = api.AccessToken(livekit.api_key, livekit.api_secret).with_identity(identity).with_grants(grants)
    return {"LIVEKIT_URL": livekit.url, "LIVEKIT_TOKEN": token.to_jwt()}
