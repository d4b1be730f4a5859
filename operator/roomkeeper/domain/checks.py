"""What can stand in the way of a Room: small checks in the order in which people want to hear of them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from roomkeeper.api.common import MAX_ROOM_NAME_BYTES
from roomkeeper.api.room import AdoptionPolicy, Lifecycle
from roomkeeper.domain import dynamic, metadata, names, policy, rooms
from roomkeeper.domain.conditions import Finding
from roomkeeper.domain.once import once
from roomkeeper.domain.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from roomkeeper.domain.rooms import Server, World


@once
def obstacle(world: World) -> Finding | None:
    """Return the first thing that only a person can change; None: the Room can be made so."""
    return next((finding for check in CHECKS if (finding := check(world))), None)


def is_only_renewed(world: World) -> bool:
    """Tell whether nothing is in the way but the life of the tokens: then those that are there are renewed."""
    return all(check(world) is None for check in CHECKS if check is not tokens_live_too_long)


def may_have_name(server: Server, *, namespace: str, room_name: str) -> bool:
    """Tell whether objects of a namespace may have a room of that name here; if not, they learn nothing of it."""
    template = server.room_name_template
    if names.belongs_elsewhere(room_name, template=template, namespace=namespace):
        return False
    return server.namespace == namespace or policy.allows_name(
        server.policy, namespace=namespace, room_name=room_name, template=template
    )


def spec_is_unreadable(world: World) -> Finding | None:
    """Check that what is stored is what this version understands."""
    return Finding(Reason.INVALID_SPEC, world.spec_error) if world.spec is None else None


def room_name_is_unusable(world: World) -> Finding | None:
    """Check the name in bytes and characters, which CEL cannot count."""
    if names.is_usable(world.room_name):
        return None
    return Finding(
        Reason.INVALID_ROOM_NAME,
        f"spec.roomName: must be 1 to {MAX_ROOM_NAME_BYTES} bytes without control characters,"
        " '|', '/' and '..'",
    )


def server_is_missing(world: World) -> Finding | None:
    """Check that there is a LiveKit server to turn to; one that is not allowed is as good as none."""
    if world.server is not None:
        return None
    reason = Reason.SERVER_NOT_ALLOWED if world.names_server else Reason.NO_SERVER
    return Finding(reason, reason.advice)


def name_belongs_elsewhere(world: World) -> Finding | None:
    """Check that the name is none that the server's template makes for another namespace; nobody may have it."""
    server, namespace = world.server, world.room.key.namespace
    if server is None or not names.belongs_elsewhere(
        world.room_name, template=server.room_name_template, namespace=namespace
    ):
        return None
    return Finding(
        Reason.POLICY_VIOLATION,
        f"spec.roomName: {world.room_name!r} is the name of a room of another namespace (roomNameTemplate)",
    )


def policy_is_violated(world: World) -> Finding | None:
    """Check the server's policy, but for how long tokens live."""
    limits = rooms.limits(world)
    if world.server is None or limits is None or world.spec is None:
        return None
    return policy.violation(
        limits,
        namespace=world.room.key.namespace,
        room_name=world.room_name,
        spec=world.spec,
        template=world.server.room_name_template,
    )


def room_name_is_not_ours(world: World) -> bool:
    """Tell whether the name is one that this Room may not have, and whose room it may not touch."""
    server = world.server
    return server is not None and not may_have_name(
        server, namespace=world.room.key.namespace, room_name=world.room_name
    )


def quota_is_used_up(world: World) -> Finding | None:
    """Check that the namespace may have one more Room on this server."""
    limits = rooms.limits(world)
    return policy.quota_violation(limits, world.rooms_before) if limits else None


def tokens_live_too_long(world: World) -> Finding | None:
    """Check how long tokens live. Those that are there are renewed all the same, for as long as the policy allows."""
    limits = rooms.limits(world)
    return policy.ttl_violation(limits, world.spec) if limits and world.spec else None


def auto_create_is_disabled(world: World) -> Finding | None:
    """Check that a join makes a room that nobody else makes."""
    if world.server is None or world.server.auto_create is not False or world.spec is None:
        return None
    if world.spec.lifecycle is not Lifecycle.ON_DEMAND:
        return None
    return Finding(
        Reason.AUTO_CREATE_DISABLED,
        "lifecycle OnDemand needs `room.auto_create`, and this LiveKit has it off",
    )


def adoption_is_refused(world: World) -> Finding | None:
    """Check that the room is not somebody else's: older than the object, and never seen as its own."""
    is_refused = world.spec is not None and world.spec.adoption_policy is AdoptionPolicy.REFUSE
    if not is_refused or world.room.status.get("sid") or not rooms.was_there_before(world):
        return None
    return Finding(
        Reason.ADOPTION_REFUSED,
        f"room {world.room_name!r} was there before this object, and spec.adoptionPolicy is Refuse",
    )


def identity_is_repeated(world: World) -> Finding | None:
    """Check that no identity is in two roles, where whoever joins second would throw out the first, or also blocked."""
    if world.spec is None:
        return None
    counts = Counter(identity for role in world.spec.roles for identity in role.effective_identities)
    counts.update(set(world.spec.moderation.blocked_identities))
    repeated = sorted(identity for identity, count in counts.items() if count > 1)
    if not repeated:
        return None
    return Finding(Reason.DUPLICATE_IDENTITY, f"spec.roles: {repeated[0]!r} is given more than once")


def identity_is_of_two_roles(world: World) -> Finding | None:
    """Check that whoever asks for a token of a dynamic role cannot be somebody of another role."""
    found = dynamic.ambiguous(world.spec) if world.spec else None
    if found is None:
        return None
    return Finding(
        Reason.DUPLICATE_IDENTITY,
        f"spec.roles: {found[1]!r} begins with {found[0]!r}, the identityPrefix of another role",
    )


def secret_is_shared(world: World) -> Finding | None:
    """Check that no two roles have one Secret, which each would write over for ever."""
    if world.spec is None:
        return None
    room = world.room.key.name
    counts = Counter(
        names.secret_name(room, role.name, role.secret_template.name) for role in world.spec.roles
    )
    shared = sorted(name for name, count in counts.items() if count > 1)
    if not shared:
        return None
    return Finding(Reason.SECRET_CONFLICT, f"spec.roles: Secret {shared[0]!r} would be of more than one role")


def metadata_is_too_large(world: World) -> Finding | None:
    """Check the size of the metadata as it would be stored."""
    if world.spec is None:
        return None
    size = len(metadata.initial(world.spec).encode(errors="replace"))
    if size <= metadata.MAX_BYTES:
        return None
    what = (
        "spec.metadata: {} bytes as JSON" if world.spec.raw_metadata is None else "spec.rawMetadata: {} bytes"
    )
    return Finding(Reason.METADATA_TOO_LARGE, f"{what.format(size)}, more than {metadata.MAX_BYTES}")


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
    name_belongs_elsewhere,
    policy_is_violated,
    quota_is_used_up,
    auto_create_is_disabled,
    identity_is_repeated,
    identity_is_of_two_roles,
    secret_is_shared,
    metadata_is_too_large,
    name_is_claimed,
    adoption_is_refused,
    tokens_live_too_long,
)
