"""A namespace that is deleted with everything in it: it ends in time, and nothing is created in it any more."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.support import RESYNC_SECONDS, eventually, settle
from tests.e2e.tenancy import ROLES, Namespace, namespaces, room_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roomkeeper.localstack import LocalStack
    from tests.e2e.conftest import LiveKitView
    from tests.e2e.support import OperatorProcess

ROOMS = 50
GRACE = 3
# The namespace controller begins after 5 s, and looks again every 8 s while something is held.
ENDS_BY_ITSELF = 5 + 2 * 8


@pytest.fixture
def make(stack: LocalStack) -> Iterator[Callable[..., Namespace]]:
    with namespaces(stack) as make:
        yield make
        if not stack.livekit.running:
            stack.livekit.start()


def full(tenant: Namespace, **spec: object) -> Namespace:
    """Fill a namespace with Ready Rooms."""
    fields = {"roles": ROLES, "deletionGraceSeconds": GRACE, **spec}
    tenant.apply(*(tenant.room(f"room-{number}", **fields) for number in range(ROOMS)))
    eventually(f"{ROOMS} Rooms are Ready", lambda: len(tenant.ready_rooms()) == ROOMS, within=10)
    return tenant


def delete(tenant: Namespace) -> int:
    """Delete the namespace without waiting; return the end of the audit log when its deletionTimestamp is there."""
    tenant.stack.kubectl("delete", "namespace", tenant.namespace, "--wait=false")
    return tenant.stack.audit.mark()


def any_is_deleted(tenant: Namespace) -> bool:
    """Tell whether the namespace controller has begun with the Rooms."""
    return any("deletionTimestamp" in room["metadata"] for room in tenant.list("rooms"))


def is_gone(tenant: Namespace) -> bool:
    """Tell whether the namespace has ended."""
    return not tenant.stack.kubectl("get", "namespace", tenant.namespace, "--ignore-not-found").strip()


def creations(tenant: Namespace, since: int) -> list[tuple[str, str, int]]:
    """Return what the operator tried to create in the namespace: resource, name and answer."""
    return [
        (call.resource, call.name, call.code)
        for call in tenant.stack.audit.calls(since=since)
        if call.namespace == tenant.namespace and call.verb == "create"
    ]


def test_while_livekit_is_down(
    make: Callable[..., Namespace], operator: OperatorProcess, stack: LocalStack
) -> None:
    tenant = full(make())
    stack.livekit.stop()
    eventually("all say why", lambda: tenant.ready_rooms() == [], within=RESYNC_SECONDS + 2)
    settle(stack)  # an Event about that may be on its way until then
    mark = delete(tenant)
    eventually("its Rooms are deleted", lambda: any_is_deleted(tenant), within=6)
    started = time.monotonic()
    eventually("its Rooms are gone", lambda: tenant.list("rooms") == [], within=GRACE + 2)
    print(f"{ROOMS} Rooms went {time.monotonic() - started:.1f} s after their deletion, grace {GRACE} s")
    assert time.monotonic() - started < GRACE * 3
    eventually("the namespace is gone", lambda: is_gone(tenant), within=ENDS_BY_ITSELF)
    assert creations(tenant, mark) == []
    assert operator.is_running


def test_while_livekit_is_up(
    make: Callable[..., Namespace], operator: OperatorProcess, stack: LocalStack
) -> None:
    tenant, neighbour = full(make()), make()
    neighbour.apply(neighbour.room("standup"))
    eventually("a neighbour is Ready", lambda: neighbour.is_ready("standup"), within=2)
    mark = delete(tenant)
    eventually("the namespace is gone", lambda: is_gone(tenant), within=ENDS_BY_ITSELF)
    left = [name for name in room_names(stack) if name.startswith(f"{tenant.namespace}_")]
    assert left == []
    assert f"{neighbour.namespace}_standup" in room_names(stack)
    assert creations(tenant, mark) == []


def test_with_its_own_server_and_credentials(
    make: Callable[..., Namespace], operator: OperatorProcess, stack: LocalStack
) -> None:
    tenant = make()
    tenant.offer_livekit("main", stack)
    full(tenant, serverRef={"name": "main"})
    delete(tenant)  # the credentials are deleted with it, maybe before the Rooms are
    eventually("the namespace is gone", lambda: is_gone(tenant), within=ENDS_BY_ITSELF)
    assert [name for name in room_names(stack) if name.startswith(f"{tenant.namespace}_")] == []


def test_what_goes_first_is_not_made_again(
    make: Callable[..., Namespace], livekit: LiveKitView, operator: OperatorProcess, stack: LocalStack
) -> None:
    tenant = make()
    tenant.apply(tenant.room("standup", roles=ROLES))
    eventually("it is Ready", lambda: tenant.is_ready("standup"), within=2)
    mark = delete(tenant)  # for 5 s the controller does nothing, and so the Room is not deleted yet
    tenant.delete("secret", "standup.host")
    livekit.delete(f"{tenant.namespace}_standup")
    eventually("the Room is gone", lambda: tenant.list("rooms") == [], within=6)
    assert tenant.list("secrets") == []
    eventually("the namespace is gone", lambda: is_gone(tenant), within=ENDS_BY_ITSELF)
    assert creations(tenant, mark) == []
    assert f"{tenant.namespace}_standup" not in room_names(stack)
