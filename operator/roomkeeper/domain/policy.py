"""What a server lets the objects of other namespaces have; what gives reach is refused unless it is named."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from roomkeeper.api import policy as api
from roomkeeper.api.recording_policy import RecordingPolicySpec
from roomkeeper.domain import metadata_schema, names
from roomkeeper.domain.conditions import Finding
from roomkeeper.domain.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from roomkeeper.api.policy import PolicySpec
    from roomkeeper.api.room import RoomSpec

SAFE_GRANTS = frozenset(str(grant) for grant in api.SAFE_GRANTS)


@dataclass(frozen=True, slots=True)
class Policy:
    """The limits of one server; the defaults hold where nobody wrote a policy."""

    allowed_grants: frozenset[str] = SAFE_GRANTS
    room_name_patterns: tuple[str, ...] = api.SAFE_ROOM_NAME_PATTERNS
    max_token_ttl_seconds: int | None = None
    max_rooms_per_namespace: int | None = None
    max_participants: int | None = None
    allowed_agents: frozenset[str] = frozenset()
    metadata_schema: Mapping[str, Any] | None = None
    recordings: RecordingPolicySpec = field(default_factory=RecordingPolicySpec)
    schema_problem: str = ""  # why the schema cannot be used; then no Room passes it


def from_spec(spec: PolicySpec) -> Policy:
    """Return the limits that a LiveKitServer declares, with the safe default of what it leaves open."""
    return Policy(
        allowed_grants=frozenset(str(grant) for grant in spec.effective_allowed_grants),
        room_name_patterns=spec.effective_room_name_patterns,
        max_token_ttl_seconds=spec.max_token_ttl_seconds,
        max_rooms_per_namespace=spec.max_rooms_per_namespace,
        max_participants=spec.max_participants,
        allowed_agents=frozenset(spec.allowed_agents),
        metadata_schema=spec.metadata_schema,
        recordings=spec.recordings,
        schema_problem=schema_problem(spec.metadata_schema or {}) or "",
    )


def schema_problem(schema: Mapping[str, Any]) -> str | None:
    """Return why a metadataSchema is refused, None if it may be used."""
    return metadata_schema.problem(schema)


def allows_name(
    policy: Policy, *, namespace: str, room_name: str, template: str = names.DEFAULT_TEMPLATE
) -> bool:
    """Tell whether objects of a namespace may have a room of that name; if not, they learn nothing of it either."""
    prefix = names.prefix(template)
    own = f"{prefix}{namespace}_"
    if room_name.startswith(own) and names.is_object_name(room_name.removeprefix(own)):
        return True  # what the template makes
    rest = room_name.removeprefix(prefix)
    return room_name.startswith(prefix) and any(
        names.matches(pattern, rest) for pattern in _patterns(policy, namespace)
    )


def violation(
    policy: Policy,
    *,
    namespace: str,
    room_name: str,
    spec: RoomSpec,
    template: str = names.DEFAULT_TEMPLATE,
) -> Finding | None:
    """Return the first limit that the Room passes, naming the field and the limit; the life of tokens apart."""
    if not allows_name(policy, namespace=namespace, room_name=room_name, template=template):
        patterns = [names.prefix(template) + pattern for pattern in _patterns(policy, namespace)]
        return _violated(
            f"spec.roomName: {room_name!r} is not allowed in this namespace; it must match "
            + (" or ".join(patterns) or "what the server's roomNameTemplate makes")
        )
    return next((_violated(found) for found in _passed(policy, spec)), None)


def ttl_violation(policy: Policy, spec: RoomSpec) -> Finding | None:
    """Return the first role whose tokens would live longer than the policy lets them."""
    limit = policy.max_token_ttl_seconds
    for role in spec.roles:
        field, ttl = "ttlSeconds", role.ttl_seconds
        if role.dynamic is not None:
            field, ttl = "dynamic.maxTTLSeconds", role.dynamic.max_ttl_seconds
        if limit is not None and ttl > limit:
            return _violated(
                f"spec.roles[{role.name}].{field}: {ttl} is more than the {limit}"
                " that the policy of the server allows (maxTokenTTLSeconds)"
            )
    return None


def quota_violation(policy: Policy, rooms_before: int | None) -> Finding | None:
    """Return that the namespace has its number of Rooms without this one; the oldest come first."""
    limit = policy.max_rooms_per_namespace
    if limit is None or rooms_before is None or rooms_before < limit:
        return None
    return _violated(
        f"this namespace already has {rooms_before} older Rooms on this server, and its policy allows {limit}"
        " (maxRoomsPerNamespace)"
    )


def _passed(policy: Policy, spec: RoomSpec) -> Iterator[str]:
    for role in spec.roles:
        for grant, value in role.grants.given.items():
            if value and grant not in policy.allowed_grants:
                yield f"spec.roles[{role.name}].grants.{grant}: the policy of the server does not allow it"
    limit = policy.max_participants
    if limit is not None and (spec.max_participants or 0) > limit:
        yield (
            f"spec.maxParticipants: {spec.max_participants} is more than the {limit} that the policy of the server"
            " allows (maxParticipants)"
        )
    for agent in spec.agents:
        if agent.agent_name not in policy.allowed_agents:
            yield f"spec.agents[{agent.agent_name}]: the policy of the server does not allow it (allowedAgents)"
    yield from _metadata(policy, spec)


def _metadata(policy: Policy, spec: RoomSpec) -> Iterator[str]:
    """Hold the metadata against the schema; a Room without any has to satisfy it as an empty object."""
    schema = policy.metadata_schema
    if schema is None:
        return
    if policy.schema_problem:
        yield "spec.metadata: the metadataSchema of the server cannot be used; whoever runs it has to mend it"
        return
    field, value = "spec.metadata", spec.metadata or {}
    if spec.raw_metadata is not None:
        field = "spec.rawMetadata"
        try:
            value = json.loads(spec.raw_metadata, parse_constant=_refused)
        except (ValueError, RecursionError):
            yield f"{field}: it must be JSON, because the server has a metadataSchema"
            return
    try:
        broken = metadata_schema.violation(schema, value)
    except RecursionError:
        broken = ": it is nested too deep"
    except (ValueError, ArithmeticError):  # such as 1e400
        broken = ": it has a number that is too large"
    if broken:
        yield f"{field}{broken} (metadataSchema of the server)"


def _refused(constant: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(constant)


def _patterns(policy: Policy, namespace: str) -> list[str]:
    return [pattern.replace("{namespace}", namespace) for pattern in policy.room_name_patterns]


def _violated(message: str) -> Finding:
    return Finding(Reason.POLICY_VIOLATION, message)
