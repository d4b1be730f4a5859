"""What a server lets the objects of other namespaces have; what gives reach is refused unless it is named."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from roomkeeper.domain.conditions import Finding
from roomkeeper.domain.reasons import Reason

if TYPE_CHECKING:
    from roomkeeper.api.room import RoomSpec

SAFE_GRANTS = frozenset(
    {
        "canSubscribe",
        "canPublish",
        "canPublishSources",
        "canPublishData",
        "canUpdateOwnMetadata",
        "canSubscribeMetrics",
    }
)


@dataclass(frozen=True, slots=True)
class Policy:
    """The limits of one server; the defaults hold where nobody wrote a policy."""

    allowed_grants: frozenset[str] = SAFE_GRANTS
    room_name_patterns: tuple[str, ...] = ("{namespace}_*",)


def allows_name(policy: Policy, *, namespace: str, room_name: str) -> bool:
    """Tell whether objects of a namespace may have a room of that name; if not, they learn nothing of it either."""
    return any(fnmatchcase(room_name, pattern) for pattern in _patterns(policy, namespace))


def violation(policy: Policy, *, namespace: str, room_name: str, spec: RoomSpec) -> Finding | None:
    """Return the first limit that the Room passes, naming the field and the limit."""
    if not allows_name(policy, namespace=namespace, room_name=room_name):
        patterns = " or ".join(_patterns(policy, namespace))
        return Finding(
            Reason.POLICY_VIOLATION,
            f"spec.roomName: {room_name!r} is not allowed in this namespace; it must match {patterns}",
        )
    for role in spec.roles:
        granted = role.grants.model_dump(mode="json", exclude_none=True)
        for grant, value in granted.items():
            if value and grant not in policy.allowed_grants:
                return Finding(
                    Reason.POLICY_VIOLATION,
                    f"spec.roles[{role.name}].grants.{grant}: the policy of the server does not allow it",
                )
    return None


def _patterns(policy: Policy, namespace: str) -> list[str]:
    return [pattern.replace("{namespace}", namespace) for pattern in policy.room_name_patterns]
