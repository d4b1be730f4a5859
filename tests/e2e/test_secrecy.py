"""Nothing that the operator prints or writes tells a secret, least of all where things go wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib import request

import pytest

from tests.e2e.support import assert_tells_no_secret, eventually
from tests.e2e.test_webhooks import Sender, event

if TYPE_CHECKING:
    from roomkeeper.localstack import LocalStack
    from tests.e2e.conftest import LiveKitView
    from tests.e2e.support import Cluster, OperatorProcess

HOST = {"name": "host", "identities": ["alice", "bob"], "grants": {"canPublish": True}}
WRONG_SECRET = "wrong-secret-of-a-decent-length-0123456789"
FOREIGN_SECRET = "what-somebody-else-keeps"


def tokens_of(cluster: Cluster) -> set[str]:
    """Return every token of every Secret in the namespace."""
    names = [secret["metadata"]["name"] for secret in cluster.list("secrets")]
    data = [cluster.secret(name) or {} for name in names]
    return {token for one in data for token in json.loads(one.get("tokens.json", "{}")).values()}


def has_reason(cluster: Cluster, name: str, reason: str) -> bool:
    return bool(cluster.condition(name)["reason"] == reason)


def go_through_a_bad_day(cluster: Cluster, livekit: LiveKitView, stack: LocalStack) -> None:
    """Have every kind of refusal and repair happen that needs no restart."""
    literal = f"--from-literal=password={FOREIGN_SECRET}"
    stack.kubectl("create", "secret", "generic", "taken.host", "-n", cluster.namespace, literal)
    cluster.apply(
        cluster.room("standup", metadata={"topic": "x"}, roles=[HOST]),
        cluster.room("taken", roles=[HOST]),
        cluster.room("large", metadata={"big": "x" * 65_536}),
        cluster.room("twice", roles=[HOST, {"name": "viewer", "identities": ["bob"]}]),
    )
    eventually("a Room is Ready", lambda: cluster.is_ready("standup"), within=2)
    eventually("another is refused", lambda: has_reason(cluster, "taken", "SecretConflict"), within=2)
    eventually("a third is too large", lambda: has_reason(cluster, "large", "MetadataTooLarge"), within=2)
    first = livekit.room(f"{cluster.namespace}_standup").sid
    livekit.delete(f"{cluster.namespace}_standup")
    eventually(
        "a lost room is back",
        lambda: cluster.is_ready("standup") and sid(cluster) != first,
        within=2,
    )
    sender, token = Sender(stack), (cluster.secret("standup.host") or {})["LIVEKIT_TOKEN"]
    assert sender.send(event("x"), token) == 401
    assert sender.send(token.encode()) == 400


def sid(cluster: Cluster) -> Any:
    room = cluster.get("room", "standup")
    assert room
    return room["status"]["sid"]


def test_no_log_line_event_status_or_metric_tells_a_secret(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess, stack: LocalStack
) -> None:
    go_through_a_bad_day(cluster, livekit, stack)
    tokens = tokens_of(cluster)
    counted = metrics(stack)

    operator.stop()
    operator.start(LIVEKIT_API_SECRET=WRONG_SECRET)
    eventually(
        "a wrong API secret is told", lambda: has_reason(cluster, "standup", "InvalidCredentials"), within=5
    )
    operator.stop()
    operator.start(LIVEKIT_URL=f"ws://127.0.0.1:{stack._ports.tcp()}")
    eventually(
        "a LiveKit that is away is told",
        lambda: has_reason(cluster, "standup", "ServerUnreachable"),
        within=5,
    )
    operator.stop()
    operator.start(ROOMKEEPER_LOG_FORMAT="json")
    eventually("the Room is Ready again", lambda: cluster.is_ready("standup"), within=5)
    cluster.apply(cluster.room("standup", roles=[{**HOST, "identities": ["alice"]}]))
    eventually("tokens are issued again", lambda: tokens_of(cluster) - tokens, within=2)

    turn_passwords = {room.turn_password for room in livekit.rooms()}
    tokens |= tokens_of(cluster)
    assert turn_passwords
    assert len(tokens) >= 3
    secrets = (*tokens, *turn_passwords, WRONG_SECRET, FOREIGN_SECRET)
    seen = events_with(
        cluster, {"SecretConflict", "RoomRecreated", "InvalidCredentials", "ServerUnreachable"}
    )
    assert_tells_no_secret(stack, "the log", operator.output(), *secrets)
    assert_tells_no_secret(stack, "an Event", seen, *secrets)
    for kind in ("events", "rooms"):
        text = stack.kubectl("get", kind, "-A", "-o", "json")
        assert_tells_no_secret(stack, f"one of {kind}", text, *secrets)
    assert_tells_no_secret(stack, "/metrics", counted + metrics(stack), *secrets)
    print(
        f"{len(secrets)} secrets are in none of {len(operator.output().splitlines())} lines and {len(seen)} bytes"
    )


def metrics(stack: LocalStack) -> str:
    with request.urlopen(f"http://127.0.0.1:{stack.operator_port}/metrics", timeout=10) as answer:
        text: str = answer.read().decode()
    return text


def events_with(cluster: Cluster, reasons: set[str]) -> str:
    """Return the namespace's Events as JSON once all these reasons are among them."""

    def look() -> str:
        found = cluster.list("events")
        missing = reasons - {one["reason"] for one in found}
        assert not missing, missing
        return json.dumps(found)

    return eventually("the Events tell what happened", look, within=5)


def test_what_looks_for_secrets_finds_them(
    cluster: Cluster, operator: OperatorProcess, stack: LocalStack
) -> None:
    cluster.apply(cluster.room("standup", roles=[HOST]))
    eventually("the Room is Ready", lambda: cluster.is_ready("standup"), within=2)
    for secret in (*tokens_of(cluster), stack.livekit.api_secret, WRONG_SECRET):
        with pytest.raises(AssertionError) as found:
            assert_tells_no_secret(stack, "a line", f"INFO {secret} was sent", WRONG_SECRET)
        assert secret not in str(found.value).split("after:")[0]
