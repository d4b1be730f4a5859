"""Tokens are renewed before they expire, and only then. The clock is moved; nobody waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import jwt
import pytest

from tests.e2e.support import eventually, settle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.localstack import LocalStack
    from tests.e2e.support import Cluster
    from tests.e2e.traveller import Traveller

RENEWS_AT = "roomkeeper.dev/renews-at"


@pytest.fixture
def livekit_is_down(stack: LocalStack) -> Iterator[None]:
    """See to it that LiveKit runs again afterwards."""
    yield
    if not stack.livekit.running:
        stack.livekit.start()


def expiry(cluster: Cluster, secret: str) -> datetime:
    """Read from the token itself when it expires."""
    data = cluster.secret(secret)
    assert data
    claims = jwt.decode(data["LIVEKIT_TOKEN"], options={"verify_signature": False})
    return datetime.fromtimestamp(claims["exp"], UTC)


def renewal(cluster: Cluster, secret: str) -> datetime:
    """Read from the Secret when its tokens are due."""
    found = cluster.get("secret", secret)
    assert found
    return datetime.fromisoformat(found["metadata"]["annotations"][RENEWS_AT])


def version(cluster: Cluster, secret: str) -> str:
    """Return what changes with every write of the Secret."""
    found = cluster.get("secret", secret)
    assert found
    return str(found["metadata"]["resourceVersion"])


def make_ready(cluster: Cluster, *names: str, **spec: int) -> None:
    cluster.apply(
        *(cluster.room(name, roles=[{"name": "host", "ttlSeconds": 3600}], **spec) for name in names)
    )
    for name in names:
        eventually(f"{name} is Ready", lambda name=name: cluster.is_ready(name), within=2)


def test_a_token_near_its_expiry_is_renewed_before_it(cluster: Cluster, traveller: Traveller) -> None:
    make_ready(cluster, "standup")
    old, due = expiry(cluster, "standup.host"), renewal(cluster, "standup.host")
    moved_to = due + timedelta(seconds=1)
    assert moved_to < old
    traveller.move_to(moved_to)
    eventually("a later token", lambda: expiry(cluster, "standup.host") > old, within=2)
    renewed = expiry(cluster, "standup.host")
    eventually("status says when it expires", lambda: shown_expiry(cluster, "standup") == renewed, within=2)
    print(f"renewed {(old - moved_to).total_seconds():.0f} s before the old token's end, until {renewed}")


def shown_expiry(cluster: Cluster, name: str) -> datetime:
    room = cluster.get("room", name)
    assert room
    return datetime.fromisoformat(room["status"]["tokens"][0]["expiresAt"])


def test_a_machine_that_slept_renews_when_it_wakes(cluster: Cluster, traveller: Traveller) -> None:
    make_ready(cluster, "standup")
    old, due = expiry(cluster, "standup.host"), renewal(cluster, "standup.host")
    traveller.move(wall=(due - datetime.now(UTC)).total_seconds() + 1)
    eventually("a later token", lambda: expiry(cluster, "standup.host") > old, within=2)


def test_tokens_that_are_not_due_survive_a_restart_untouched(
    cluster: Cluster, stack: LocalStack, traveller: Traveller
) -> None:
    make_ready(cluster, "standup")
    before = version(cluster, "standup.host")
    almost_due = renewal(cluster, "standup.host") - timedelta(seconds=120)
    traveller.process.stop()
    traveller.move_to(almost_due)
    traveller.process.start()
    settle(stack)
    assert version(cluster, "standup.host") == before
    print(f"two minutes before it is due the Secret is still at version {before}")


def test_a_room_that_is_being_deleted_is_not_renewed_while_others_are(
    cluster: Cluster, livekit_is_down: None, stack: LocalStack, traveller: Traveller
) -> None:
    make_ready(cluster, "leaving", "staying", deletionGraceSeconds=86400)
    before = version(cluster, "leaving.host")
    old = expiry(cluster, "staying.host")
    stack.livekit.stop()
    cluster.delete("room", "leaving")
    eventually(
        "the deletion waits for LiveKit",
        lambda: cluster.condition("leaving")["reason"] == "ServerUnreachable",
        within=6,
    )
    both_are_due = max(renewal(cluster, "leaving.host"), renewal(cluster, "staying.host"))
    traveller.move_to(both_are_due + timedelta(seconds=1))
    eventually("the other Room's later token", lambda: expiry(cluster, "staying.host") > old, within=2)
    settle(stack)
    assert version(cluster, "leaving.host") == before
    print("the Room that is being deleted kept its Secret as it was")
