"""A few drawn sequences on real servers: whatever happens, it ends as declared, and then nothing is written any more.

The many are in tests/integration/properties, on the twins in memory; this shows that the real ones agree.
"""

from __future__ import annotations

import itertools
import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from roomkeeper.domain.livekit import Credentials
from tests.e2e.support import RESYNC_SECONDS, OperatorProcess, eventually, settle
from tests.integration.properties.declared_tokens import wrong_secrets
from tests.integration.properties.specs import specs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from roomkeeper.localstack import LocalStack
    from tests.e2e.conftest import LiveKitView
    from tests.e2e.support import Cluster

NUMBERS = itertools.count()
HAPPENINGS = ("close the room", "restart LiveKit", "delete a Secret", "edit a Secret", "kill the operator")


@pytest.fixture
def mortal(stack: LocalStack, tmp_path: Path) -> Iterator[OperatorProcess]:
    """Return an operator of the test's own; afterwards LiveKit runs again."""
    process = OperatorProcess(stack, tmp_path / "operator.log").start()
    yield process
    process.stop()
    if not stack.livekit.running:
        stack.livekit.start()


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class RealWorld:
    """The real servers, as the checks of the properties look at a world; and what can happen to them."""

    def __init__(
        self, stack: LocalStack, cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess
    ) -> None:
        self.url = stack.livekit.url
        self.declared_key = Credentials(stack.livekit.api_key, stack.livekit.api_secret)
        self.clock = SystemClock()
        self._stack, self._cluster, self._livekit, self._operator = stack, cluster, livekit, operator

    def token_secrets(self) -> list[dict[str, Any]]:
        return [
            secret for secret in self._cluster.list("secrets") if secret["metadata"].get("ownerReferences")
        ]

    def happen(self, what: str, name: str) -> None:
        secrets = [f"secret/{each['metadata']['name']}" for each in self.token_secrets()][:1]
        match what:
            case "close the room" if self._livekit.room(f"{self._cluster.namespace}_{name}"):
                self._livekit.delete(f"{self._cluster.namespace}_{name}")
            case "restart LiveKit":
                self._stack.livekit.stop()
                self._stack.livekit.start()
            case "delete a Secret" if secrets:
                self._stack.kubectl("delete", *secrets, "-n", self._cluster.namespace)
            case "edit a Secret" if secrets:
                patch = json.dumps({"data": {"LIVEKIT_TOKEN": "Zm9yZ2Vk"}})
                self._stack.kubectl("patch", *secrets, "-n", self._cluster.namespace, "-p", patch)
            case "kill the operator":
                self._operator.kill()
                self._operator.start(ready=False)

    def is_as_declared(self, name: str, spec: dict[str, Any]) -> bool:
        """Compare; AssertionError says what differs."""
        body, room = self._cluster.get("room", name), f"{self._cluster.namespace}_{name}"
        assert body is not None
        assert self._cluster.is_ready(name)
        wrong = list(wrong_secrets(self, {**body, "spec": spec}, spec))  # type: ignore[arg-type]
        assert not wrong, wrong
        live = self._livekit.room(room)
        assert live is not None or spec["lifecycle"] == "OnDemand"
        if live is not None and spec["metadataPolicy"] != "Initial":
            said = spec.get("rawMetadata", spec.get("metadata"))
            found = live.metadata if "rawMetadata" in spec else json.loads(live.metadata or "{}")
            assert said is None or found == said
        return True


@settings(
    max_examples=2,
    derandomize=True,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(
    declared=st.lists(specs("one", ("Persistent", "OnDemand")), min_size=2, max_size=3),
    happenings=st.lists(st.sampled_from(HAPPENINGS), min_size=2, max_size=3, unique=True),
)
def test_the_real_world_becomes_as_declared_and_then_nothing_is_written(
    *,
    declared: list[dict[str, Any]],
    happenings: list[str],
    stack: LocalStack,
    cluster: Cluster,
    livekit: LiveKitView,
    mortal: OperatorProcess,
) -> None:
    world, name = RealWorld(stack, cluster, livekit, mortal), f"one-{next(NUMBERS)}"
    print(happenings)
    for spec, happening in itertools.zip_longest(map(within_policy, declared), happenings):
        if spec:
            last = spec
            cluster.apply(cluster.room(name, **spec))
        if happening:
            world.happen(happening, name)
    eventually("it is as declared", lambda: world.is_as_declared(name, last), within=2 * RESYNC_SECONDS)
    eventually("the operator is ready", mortal.is_ready, within=2)
    settle(stack)
    start = stack.audit.mark()
    time.sleep(2 * RESYNC_SECONDS)  # that nothing happens can only be seen by waiting
    assert not stack.audit.writes(since=start)
    assert world.is_as_declared(name, last)
    cluster.delete("room", name, wait=True)
    assert livekit.room(f"{cluster.namespace}_{name}") is None or last.get("deletionPolicy") == "Retain"


def within_policy(spec: dict[str, Any]) -> dict[str, Any]:
    """Return the spec without what the operator's own server grants nobody: agents, and moderation by a token."""
    roles = [
        {**role, "grants": {key: value for key, value in role["grants"].items() if key != "roomAdmin"}}
        for role in spec.get("roles", ())
    ]
    templates = [
        {key: value for key, value in role.items() if key != "secretTemplate"} for role in roles
    ]  # a Secret that several Rooms name belongs to the first
    return {
        **{key: value for key, value in spec.items() if key not in {"agents", "roles"}},
        "roles": templates,
    }
