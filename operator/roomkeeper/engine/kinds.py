"""The kinds that are reconciled: a line each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from roomkeeper.adapters.kubernetes.resources import ROOMS
from roomkeeper.domain import room_plan, room_status

if TYPE_CHECKING:
    from collections.abc import Callable

    from roomkeeper.adapters.ports import Resource
    from roomkeeper.domain import rooms
    from roomkeeper.domain.conditions import Conclusion


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object: where it lives, what it needs, what its status shows."""

    resource: Resource
    plan: Callable[[rooms.World], tuple[rooms.Action, ...]]
    conclude: Callable[[rooms.World], Conclusion]


KINDS = {
    "Room": Kind(ROOMS, room_plan.plan, room_status.conclude),
}
