"""Tokens cannot be revoked in LiveKit: whoever may not be here any more is put out again at every join."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from tests.e2e.crowd import Crowd
from tests.e2e.looks import ready, reasons, resyncs, secret_of, somebody, status, stranger, tokens_of
from tests.e2e.support import RESYNC_SECONDS, OperatorProcess, eventually
from tests.e2e.traveller import Traveller

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from roomkeeper.localstack import LocalStack
    from tests.e2e.conftest import LiveKitView
    from tests.e2e.support import Cluster

LASTING: dict[str, Any] = {"departureTimeoutSeconds": 300}
REJOINS = 3


@pytest.fixture(scope="module")
def crowd() -> Iterator[Crowd]:
    with Crowd() as people:
        yield people


@pytest.fixture
def mortal(stack: LocalStack, tmp_path: Path) -> Iterator[OperatorProcess]:
    """Return an operator of the test's own, running."""
    process = OperatorProcess(stack, tmp_path / "operator.log")
    process.start()
    yield process
    process.stop()


@pytest.fixture
def traveller(stack: LocalStack, tmp_path: Path) -> Iterator[Traveller]:
    """Return an operator whose clock can be moved, running."""
    one = Traveller(stack, tmp_path)
    one.process.start()
    yield one
    one.process.stop()


def host(*identities: str) -> dict[str, Any]:
    return {"name": "host", "identities": list(identities), "grants": {"canPublish": True}}


def is_put_out(livekit: LiveKitView, crowd: Crowd, name: str, who: str) -> None:
    """Wait until LiveKit lists them no more, and the client has been told why."""
    eventually(f"{who} is out", lambda: somebody(livekit, name, who) is None, within=2)
    eventually("the client was told", lambda: crowd.put_out(who) == "PARTICIPANT_REMOVED", within=2)


def comes_in_vain(livekit: LiveKitView, crowd: Crowd, name: str, who: str, secret: Mapping[str, str]) -> None:
    assert crowd.join(who, secret), "LiveKit takes a token until it expires"
    is_put_out(livekit, crowd, name, who)


def of(cluster: Cluster, who: str) -> Mapping[str, str]:
    """Return what the host's Secret gives somebody now."""
    return {
        **secret_of(cluster, "standup.host"),
        "LIVEKIT_TOKEN": tokens_of(cluster, "standup.host")[who],
    }


@pytest.mark.parametrize("what", ["identity", "role"])
def test_who_is_removed_is_out_at_every_join_also_across_restarts(
    cluster: Cluster, livekit: LiveKitView, mortal: OperatorProcess, crowd: Crowd, what: str
) -> None:
    guest = {"name": "guest", "grants": {"canPublish": True}}
    name = ready(cluster, roles=[host("alice", "bob"), guest], **LASTING)
    old = {who: of(cluster, who) for who in ("alice", "bob")}
    for who in ("alice", "bob"):
        assert crowd.join(who, old[who])
    assert crowd.join("guest", secret_of(cluster, "standup.guest"))
    stays = somebody(livekit, name, "guest").sid

    left = [host("alice"), guest] if what == "identity" else [guest]
    cluster.apply(cluster.room("standup", roles=left, **LASTING))
    is_put_out(livekit, crowd, name, "bob")
    for _ in range(REJOINS):
        comes_in_vain(livekit, crowd, name, "bob", old["bob"])
    assert "bob" in [entry["identity"] for entry in status(cluster).get("revokedIdentities", ())]

    mortal.kill()
    assert crowd.join("bob", old["bob"])
    assert somebody(livekit, name, "bob"), "nobody is there to put him out"
    mortal.start()
    is_put_out(livekit, crowd, name, "bob")
    for _ in range(REJOINS):
        comes_in_vain(livekit, crowd, name, "bob", old["bob"])
    assert somebody(livekit, name, "guest").sid == stays
    assert bool(somebody(livekit, name, "alice")) == (what == "identity")
    assert ("Normal", "ParticipantsRemoved") in reasons(cluster)
    for who in ("alice", "guest"):
        crowd.leave(who)


def test_an_edit_made_while_the_operator_is_away_counts_when_it_is_back(
    cluster: Cluster, livekit: LiveKitView, mortal: OperatorProcess, crowd: Crowd
) -> None:
    name = ready(cluster, roles=[host("alice", "bob")], **LASTING)
    old = {who: of(cluster, who) for who in ("alice", "bob")}
    assert crowd.join("bob", old["bob"])
    mortal.kill()
    cluster.apply(cluster.room("standup", roles=[host("alice")], **LASTING))
    mortal.start()
    is_put_out(livekit, crowd, name, "bob")
    comes_in_vain(livekit, crowd, name, "bob", old["bob"])


def test_a_blocked_identity_is_out_at_every_join_with_any_token(
    cluster: Cluster, livekit: LiveKitView, mortal: OperatorProcess, stack: LocalStack, crowd: Crowd
) -> None:
    name = ready(cluster, roles=[host("alice", "mallory")], **LASTING)
    old = {who: of(cluster, who) for who in ("alice", "mallory")}
    strange = {who: stranger(stack.livekit, name, who) for who in ("mallory", "eve", "trudy")}
    for who in ("alice", "mallory"):
        assert crowd.join(who, old[who])
    for who in ("eve", "trudy"):
        assert crowd.join(who, strange[who])

    blocked = {"blockedIdentities": ["mallory", "eve"]}
    cluster.apply(cluster.room("standup", roles=[host("alice")], moderation=blocked, **LASTING))
    for who in ("mallory", "eve"):
        is_put_out(livekit, crowd, name, who)
    comes_in_vain(livekit, crowd, name, "mallory", old["mallory"])
    comes_in_vain(livekit, crowd, name, "mallory", strange["mallory"])
    mortal.stop()
    assert crowd.join("eve", strange["eve"])
    mortal.start()
    is_put_out(livekit, crowd, name, "eve")
    comes_in_vain(livekit, crowd, name, "eve", strange["eve"])
    resyncs(stack)
    assert {one.identity for one in livekit.participants(name)} == {"alice", "trudy"}

    cluster.apply(cluster.room("standup", roles=[host("alice")], **LASTING))
    eventually("the edit is observed", lambda: cluster.is_ready("standup"), within=2)
    assert crowd.join("eve", strange["eve"])
    resyncs(stack)
    assert somebody(livekit, name, "eve"), "who is blocked no more may stay"
    for who in ("alice", "trudy", "eve"):
        crowd.leave(who)


def test_who_is_in_a_role_again_may_stay(
    cluster: Cluster, livekit: LiveKitView, mortal: OperatorProcess, stack: LocalStack, crowd: Crowd
) -> None:
    name = ready(cluster, roles=[host("alice", "bob")], **LASTING)
    old = {who: of(cluster, who) for who in ("alice", "bob")}
    cluster.apply(cluster.room("standup", roles=[host("alice")], **LASTING))
    eventually("the edit is observed", lambda: cluster.is_ready("standup"), within=2)
    comes_in_vain(livekit, crowd, name, "bob", old["bob"])
    cluster.apply(cluster.room("standup", roles=[host("alice", "bob")], **LASTING))
    eventually("the edit is observed", lambda: cluster.is_ready("standup"), within=2)
    assert crowd.join("bob", old["bob"])
    resyncs(stack)
    assert somebody(livekit, name, "bob").permission.can_publish
    crowd.leave("bob")


def test_who_was_removed_is_put_out_until_the_last_token_has_expired_and_no_longer(
    cluster: Cluster, livekit: LiveKitView, traveller: Traveller, stack: LocalStack, crowd: Crowd
) -> None:
    name = ready(cluster, roles=[{**host("alice", "bob"), "ttlSeconds": 3600}], **LASTING)
    old = of(cluster, "bob")
    cluster.apply(cluster.room("standup", roles=[{**host("alice"), "ttlSeconds": 3600}], **LASTING))
    eventually("status names him", lambda: status(cluster).get("revokedIdentities"), within=2)
    (entry,) = status(cluster)["revokedIdentities"]
    until, expires = datetime.fromisoformat(entry["until"]), expiry(old)
    print(f"the token expires at {expires}, he is put out until {until}")
    assert expires <= until

    # The operator's clock alone is moved: to LiveKit the token is good all the time.
    traveller.move_to(until - timedelta(seconds=60))
    comes_in_vain(livekit, crowd, name, "bob", old)
    traveller.move_to(until + timedelta(seconds=1))
    eventually(
        "status forgets him",
        lambda: not status(cluster).get("revokedIdentities"),
        within=RESYNC_SECONDS + 1,
    )
    assert crowd.join("bob", old)
    resyncs(stack)
    assert somebody(livekit, name, "bob")
    crowd.leave("bob")


def expiry(secret: Mapping[str, str]) -> datetime:
    claims = jwt.decode(secret["LIVEKIT_TOKEN"], options={"verify_signature": False})
    return datetime.fromtimestamp(claims["exp"], UTC)
