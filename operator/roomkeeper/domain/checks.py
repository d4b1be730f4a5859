"""What can stand in the way of a Room: small checks in the order in which people want to hear of them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from roomkeeper.domain import metadata, names, policy
from roomkeeper.domain.conditions import Finding
from roomkeeper.domain.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from roomkeeper.domain.rooms import World


def obstacle(world: World) -> Finding | None:
    """Return the first thing that only a person can change; None: the Room can be made so."""
    return next((finding for check in CHECKS if (finding := check(world))), None)


def spec_is_unreadable(world: World) -> Finding | None:
    """Check that what is stored is what this version understands."""
    return Finding(Reason.INVALID_SPEC, world.spec_error) if world.spec is None else None


def room_name_is_unusable(world: World) -> Finding | None:
    """Check the name in bytes and characters, which CEL cannot count."""
    if names.is_usable(world.room_name):
        return None
    return Finding(
        Reason.INVALID_ROOM_NAME,
        f"spec.roomName: must be 1 to {names.MAX_ROOM_NAME_BYTES} bytes without control characters,"
        " '|', '/' and '..'",
    )


def server_is_missing(world: World) -> Finding | None:
    """Check that there is a LiveKit server to turn to."""
    return Finding(Reason.NO_SERVER, Reason.NO_SERVER.advice) if world.server is None else None


def policy_is_violated(world: World) -> Finding | None:
    """Check the server's policy."""
    if world.server is None or world.spec is None:
        return None
    return policy.violation(
        world.server.policy,
        namespace=world.room.key.namespace,
        room_name=world.room_name,
        spec=world.spec,
    )


def identity_is_repeated(world: World) -> Finding | None:
    """Check that no identity is in two roles: whoever joins second would throw out the first."""
    if world.spec is None:
        return None
    counts = Counter(identity for role in world.spec.roles for identity in role.effective_identities)
    repeated = sorted(identity for identity, count in counts.items() if count > 1)
    if not repeated:
        return None
    return Finding(Reason.DUPLICATE_IDENTITY, f"spec.roles: {repeated[0]!r} is given more than once")


def metadata_is_too_large(world: World) -> Finding | None:
    """Check the size of the metadata as it would be stored."""
    if world.spec is None:
        return None
    size = len(metadata.initial(world.spec).encode(errors="replace"))
    if size <= metadata.MAX_BYTES:
        return None
    return Finding(
        Reason.METADATA_TOO_LARGE, f"spec.metadata: {size} bytes as JSON, more than {metadata.MAX_BYTES}"
    )


def name_is_claimed(world: World) -> Finding | None:
    """Check that no older Room declares the same room; the message names no owner in another namespace."""
    if world.older_claim is None:
        return None
    same = world.older_claim.namespace == world.room.key.namespace
    who = f"Room {world.older_claim.name!r}" if same else "a Room of another namespace"
    return Finding(Reason.ROOM_CONFLICT, f"{who} is older and declares the same room {world.room_name!r}")


CHECKS: tuple[Callable[[World], Finding | None], ...] = (
    spec_is_unreadable,
    room_name_is_unusable,
    server_is_missing,
    policy_is_violated,
    identity_is_repeated,
    metadata_is_too_large,
    name_is_claimed,
)
