"""A token for each person at the moment of joining, for backends that Kubernetes' RBAC lets have it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from roomkeeper.engine.reviews import KEPT_SECONDS
from tests.e2e.asking import Backend
from tests.e2e.browsers import Browsers
from tests.e2e.crowd import Crowd
from tests.e2e.looks import somebody
from tests.e2e.replicas import replicas, requests
from tests.e2e.support import RESYNC_SECONDS, OperatorProcess, eventually, metric
from tests.e2e.venue import venue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from roomkeeper.localstack import LocalStack
    from tests.e2e.conftest import LiveKitView
    from tests.e2e.support import Cluster

PREFIX = "viewer-"
REVIEWS = {"tokenreviews", "subjectaccessreviews"}


@pytest.fixture(scope="module")
def operator(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    process = OperatorProcess(stack, tmp_path_factory.mktemp("operator") / "operator.log")
    process.start(ROOMKEEPER_TOKEN_ENDPOINT="on")
    yield process
    process.stop()


@pytest.fixture(scope="module")
def crowd() -> Iterator[Crowd]:
    with Crowd() as people:
        yield people


def viewer(*, publishes: bool = False, **dynamic: Any) -> dict[str, Any]:
    return {
        "name": "viewer",
        "dynamic": {"identityPrefix": PREFIX, **dynamic},
        "grants": {"canPublish": publishes},
    }


def declare(cluster: Cluster, *roles: dict[str, Any], **spec: Any) -> str:
    """Declare the Room and wait until it is as declared; return its name on LiveKit."""
    cluster.apply(cluster.room("webinar", roles=list(roles), departureTimeoutSeconds=60, **spec))
    eventually("it is Ready", lambda: cluster.is_ready("webinar"), within=2)
    return f"{cluster.namespace}_webinar"


@pytest.fixture
def backend(cluster: Cluster, operator: OperatorProcess) -> Backend:
    declare(cluster, {"name": "host", "identities": ["alice"], "grants": {"canPublish": True}}, viewer())
    return Backend(cluster).may_ask_for("webinar")


def claims(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def test_whoever_asks_and_may_joins_with_what_the_role_says(
    backend: Backend, livekit: LiveKitView, crowd: Crowd, cluster: Cluster, operator: OperatorProcess
) -> None:
    answer = backend.ask(
        participant_identity="vera",
        participant_name="Vera",
        participant_attributes={"seat": "12"},
        room_name=f"{cluster.namespace}_webinar",
    )
    assert answer.status == 200, answer.text
    assert crowd.join("vera", answer.secret)
    someone = somebody(livekit, f"{cluster.namespace}_webinar", f"{PREFIX}vera")
    assert (someone.name, dict(someone.attributes)) == ("Vera", {"seat": "12"})
    assert (someone.permission.can_subscribe, someone.permission.can_publish) == (True, False)
    said = claims(answer.secret["LIVEKIT_TOKEN"])
    assert said["exp"] - said["nbf"] <= 610
    crowd.leave("vera")
    assert cluster.secret("webinar.viewer") is None, "nothing is kept of a dynamic role"
    assert cluster.secret("webinar.host"), "the other role is as ever"
    lines = [one for one in operator.output().splitlines() if f"Room {cluster.namespace}/webinar" in one]
    (line,) = [one for one in lines if f"{PREFIX}vera" in one]
    assert f"system:serviceaccount:{cluster.namespace}:backend" in line
    assert answer.secret["LIVEKIT_TOKEN"] not in operator.output()
    print(line)


def test_whoever_names_nobody_is_somebody_of_their_own(backend: Backend) -> None:
    names = {claims(backend.ask().secret["LIVEKIT_TOKEN"])["sub"] for _ in range(3)}
    assert len(names) == 3
    assert all(name.startswith(PREFIX) for name in names)


@pytest.mark.parametrize(
    ("body", "query", "status", "told"),
    [
        ({"participant_identity": ".."}, "", 400, "participant_identity"),
        ({"participant_identity": "a/b"}, "", 400, "participant_identity"),
        ({"participant_identity": "x" * 250}, "", 400, "participant_identity"),
        ({"participant_identity": 7}, "", 400, "participant_identity"),
        ({"participant_name": "a\nb"}, "", 400, "participant_name"),
        ({"participant_metadata": "x" * 1025}, "", 400, "participant_metadata"),
        ({"participant_attributes": {"": "x"}}, "", 400, "participant_attributes"),
        ({"room_name": "another"}, "", 400, "room_name"),
        ({"room_config": {"agents": [{"agent_name": "spy"}]}}, "", 400, "room_config"),
        ({}, "&ttl=601", 400, "ttl"),
        ({}, "&ttl=soon", 400, "ttl"),
        ({"participant_identity": "mallory"}, "", 403, "gets no token"),
    ],
)
def test_what_nobody_gets(backend: Backend, body: dict[str, Any], query: str, status: int, told: str) -> None:
    declare(backend.cluster, viewer(), moderation={"blockedIdentities": [f"{PREFIX}mallory"]})
    answer = backend.ask(query=query, **body)
    assert answer.status == status
    assert told in answer.text


def test_nobody_is_somebody_of_another_role(backend: Backend) -> None:
    said = claims(backend.ask(participant_identity="alice").secret["LIVEKIT_TOKEN"])
    assert said["sub"] == f"{PREFIX}alice"
    assert not said["video"]["canPublish"]
    assert backend.ask(role="host").status == 404


def test_a_caller_who_may_not_learns_nothing(backend: Backend, cluster: Cluster, stack: LocalStack) -> None:
    stranger = Backend(cluster, name="stranger")
    refused = {stranger.ask(room=room).text for room in ("webinar", "absent")}
    assert len(refused) == 1, "it tells whether there is such a Room"
    assert stranger.ask().status == 403
    assert Backend(cluster, audience="https://kubernetes.default.svc").ask().status == 401
    assert backend.ask(namespace="default").status == 403
    assert backend.ask(room="absent").status == 403  # of that name it may not have any
    for token in ("", "nonsense", f"{backend.token[:-4]}AAAA", _expired(backend.token)):
        backend.token = token
        answer = backend.ask()
        assert (answer.status, "webinar" in answer.text) == (401, False), token[:10]


def test_kubectl_tells_who_may_ask(backend: Backend, cluster: Cluster, stack: LocalStack) -> None:
    """As docs/tokens.md has it."""

    def may(room: str) -> str:
        account = f"system:serviceaccount:{cluster.namespace}:{backend.name}"
        asked = ("create", f"rooms.roomkeeper.dev/{room}", "--subresource=token", f"--as={account}")
        told = stack.kubectl("auth", "can-i", *asked, "-n", cluster.namespace, check=False)
        return told.strip().partition(" ")[0]

    assert (may("webinar"), backend.ask().status) == ("yes", 200)
    assert (may("absent"), backend.ask(room="absent").status) == ("no", 403)


def _expired(token: str) -> str:
    head, _, signature = token.split(".")
    return f"{head}.{_base64(json.dumps({**claims(token), 'exp': 1}).encode())}.{signature}"


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def test_a_token_is_refused_from_the_moment_it_ends(backend: Backend, stack: LocalStack) -> None:
    """The API server signs for ten minutes at least, so this one is signed with its key: a real one but for its end."""
    head, _, _ = backend.token.split(".")
    ends = int(time.time() + 5)
    text = f"{head}.{_base64(json.dumps({**claims(backend.token), 'exp': ends}).encode())}"
    key = stack.apiserver.directory / "service-account.key"
    signed = subprocess.run(
        ["openssl", "dgst", "-sha256", "-sign", str(key)],
        input=text.encode(),
        capture_output=True,
        check=True,
    )
    backend.token = f"{text}.{_base64(signed.stdout)}"
    assert backend.ask().status == 200, "the API server takes it while it lasts"
    eventually("it is refused", lambda: backend.ask().status == 401, within=5)
    print(f"refused {time.time() - ends:.1f} s after its end, within the {KEPT_SECONDS:g} s of the cache")


def test_a_replica_that_stands_by_signs_too(backend: Backend, cluster: Cluster, tmp_path: Path) -> None:
    kubectl, namespace = cluster.stack.kubectl, cluster.namespace
    accounts = [f"--serviceaccount={namespace}:{name}" for name in ("one", "two")]
    # Reviews are of the whole cluster: a RoleBinding, as the others of a replica are, would not do.
    kubectl("create", "clusterrolebinding", namespace, "--clusterrole=local-roomkeeper-tokens", *accounts)
    with replicas(cluster.stack, cluster, tmp_path, lease_seconds=15) as pair:
        pair.start("one", ROOMKEEPER_TOKEN_ENDPOINT="on")
        second = pair.start("two", ROOMKEEPER_TOKEN_ENDPOINT="on")
        assert not second.holds_the_lease()
        other = Backend(cluster, port=second.port)
        began = cluster.stack.audit.mark()
        eventually("the one that stands by signs", lambda: other.ask().status == 200, within=5)
        assert (
            claims(other.ask(participant_identity="vera").secret["LIVEKIT_TOKEN"])["sub"] == f"{PREFIX}vera"
        )
        assert not second.holds_the_lease()
        assert {one.resource for one in second.writes(began)} == REVIEWS
        assert f"{PREFIX}vera" in second.output()
    kubectl("delete", "clusterrolebinding", namespace)
    print("signed by the replica that stands by, which wrote nothing")


def test_the_api_server_is_asked_once_for_a_caller_and_a_room(backend: Backend, stack: LocalStack) -> None:
    mark = stack.audit.mark()
    assert [backend.ask().status for _ in range(20)] == [200] * 20
    asked = [one.resource for one in requests(stack, "roomkeeper", mark) if one.resource in REVIEWS]
    assert sorted(asked) == sorted(REVIEWS)
    assert stack.audit.writes(since=mark) == dict.fromkeys((("create", each) for each in REVIEWS), 1)
    print(f"20 tokens: {', '.join(asked)}")


def test_a_caller_gets_so_many_in_a_minute(backend: Backend, cluster: Cluster, stack: LocalStack) -> None:
    declare(cluster, viewer(maxPerMinute=3))
    before = metric(stack, "roomkeeper_tokens_asked_total", result="limited")
    assert [backend.ask().status for _ in range(5)] == [200, 200, 200, 429, 429]
    assert metric(stack, "roomkeeper_tokens_asked_total", result="limited") == before + 2
    other = Backend(cluster, name="other").may_ask_for("webinar")
    assert other.ask().status == 200


def test_an_edit_reaches_those_who_are_there_and_old_tokens(
    backend: Backend, cluster: Cluster, livekit: LiveKitView, crowd: Crowd
) -> None:
    name = declare(cluster, viewer())
    old = backend.ask(participant_identity="vera").secret
    assert crowd.join("vera", old)
    assert not crowd.publish("vera")
    declare(cluster, viewer(publishes=True))

    def publishes() -> bool:
        return bool(somebody(livekit, name, f"{PREFIX}vera").permission.can_publish)

    eventually("who is there may publish", publishes, within=2)
    assert crowd.publish("vera")
    crowd.leave("vera")
    assert crowd.join("again", old), "an old token works"
    eventually("what it does not say is put right", publishes, within=2)
    assert [
        one["identityPrefix"] for one in (cluster.get("room", "webinar") or {})["status"]["revokedPrefixes"]
    ] == [PREFIX]

    declare(cluster, {"name": "host"})
    eventually(
        "the role's people go with it", lambda: somebody(livekit, name, f"{PREFIX}vera") is None, within=2
    )
    assert backend.ask().status == 404
    crowd.join("once more", old)
    eventually("nor do they come back", lambda: crowd.put_out("once more") != "", within=2 + RESYNC_SECONDS)


def test_a_browser_joins_through_its_token_source(
    backend: Backend, cluster: Cluster, livekit: LiveKitView, tmp_path: Path
) -> None:
    """livekit-client in Chromium, TokenSource.endpoint, the backend of the web client, the operator."""
    name = f"{cluster.namespace}_webinar"
    with Browsers() as browsers, venue(cluster, browsers, tmp_path) as place:
        site = place.serve_on_demand(backend, "webinar", "viewer")
        tab = browsers.open(f"{site.url}audience")
        tab.click("Watch")

        def viewers() -> list[str]:
            return [one.identity for one in livekit.participants(name) if one.identity.startswith(PREFIX)]

        eventually("the browser is in the room", viewers, within=5)
        print(f"in {name}: {', '.join(viewers())}")


def test_who_is_blocked_goes_and_gets_no_other_token(
    backend: Backend, cluster: Cluster, livekit: LiveKitView, crowd: Crowd
) -> None:
    name = f"{cluster.namespace}_webinar"
    assert crowd.join("mallory", backend.ask(participant_identity="mallory").secret)
    declare(cluster, viewer(), moderation={"blockedIdentities": [f"{PREFIX}mallory"]})
    eventually("mallory is out", lambda: somebody(livekit, name, f"{PREFIX}mallory") is None, within=2)
    assert backend.ask(participant_identity="mallory").status == 403


def test_the_command_line_asks_as_an_account(backend: Backend, stack: LocalStack) -> None:
    command = ("token", "webinar", "--role", "viewer", "--identity", "vera", "-n", backend.cluster.namespace)
    where = ("--endpoint", f"http://127.0.0.1:{stack.operator_port}")
    outcome = subprocess.run(
        [sys.executable, "-m", "roomkeeper", *command, *where, "--account", backend.name, "--decode"],
        env={**os.environ, "KUBECONFIG": str(stack.kubeconfig)}, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert json.loads(outcome.stdout)["sub"] == f"{PREFIX}vera"
    refused = subprocess.run(
        [sys.executable, "-m", "roomkeeper", *command, *where],
        env={**os.environ, "KUBECONFIG": str(stack.kubeconfig)}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert refused.returncode == 1
    assert "403 you may not create rooms/token" in refused.stderr


def test_nothing_is_signed_before_status_says_what(
    backend: Backend, cluster: Cluster, operator: OperatorProcess
) -> None:
    """What a token allows must be known when the role is another one; so an edit is acted on first."""
    cluster.apply(cluster.room("webinar", roles=[viewer(), {"name": f"{PREFIX}host"}]))

    def is_refused() -> bool:
        return backend.ask().status == 503

    eventually("a Room that cannot be so signs nothing", is_refused, within=2)
    told = cluster.condition("webinar")
    assert told["reason"] == "DuplicateIdentity"
    assert PREFIX in told["message"]
    print(told["message"])
