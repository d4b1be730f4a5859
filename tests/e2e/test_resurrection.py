from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tests.e2e.people import JoinRefusedError, Person
from tests.e2e.support import Cluster, OperatorProcess, eventually

if TYPE_CHECKING:
    from tests.e2e.conftest import LiveKitView


def test_a_room_that_an_old_token_brings_back_is_deleted_again(
    cluster: Cluster, livekit: LiveKitView, operator: OperatorProcess
) -> None:
    cluster.apply(cluster.room("gone", roles=[{"name": "host"}]))
    eventually("the Room is Ready", lambda: cluster.is_ready("gone"), within=2)
    secret = cluster.secret("gone.host")
    assert secret is not None
    cluster.delete("room", "gone", wait=True)
    name = f"{cluster.namespace}_gone"
    assert livekit.room(name) is None
    with Person() as holder:
        with contextlib.suppress(JoinRefusedError):  # the operator may be faster than the client
            holder.join(secret)
        eventually(
            "the operator has deleted it again",
            lambda: f"room {name} of a deleted Room was back" in operator.output(),
            within=2,
        )
        assert livekit.room(name) is None
