"""Answers that are kept: what was asked of a world once is not worked out again, since a world never changes."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable


class Unchanging(Protocol):
    """A frozen value that has a place for answers, which no copy of it shares."""

    @property
    def answers(self) -> dict[object, Any]:
        """What was asked of it so far."""


_World = TypeVar("_World", bound=Unchanging)
_Answer = TypeVar("_Answer")


def once(question: Callable[[_World], _Answer]) -> Callable[[_World], _Answer]:
    """Have a question about a world worked out once for each world; nobody may change what it returns."""

    @wraps(question)
    def answer(world: _World) -> _Answer:
        if question not in world.answers:
            world.answers[question] = question(world)
        known: _Answer = world.answers[question]
        return known

    return answer
