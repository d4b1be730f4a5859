"""What a name in LiveKit must not hold: where a schema has only a pattern, a rule says why."""

from __future__ import annotations

from typing import Final

from roomkeeper.api.kind import Rule

CONTROL_CHARACTERS: Final = r"[\\x00-\\x1f\\x7f-\\x9f]"


def room_name_rules(at: str) -> tuple[Rule, ...]:
    """Render the rules of the name of a room that stands at `at`."""
    return (
        Rule(
            at=at,
            rule="!self.contains('|') && !self.contains('/') && !self.contains('..')",
            message='roomName must not contain "|", "/" or ".."',
        ),
        Rule(
            at=at,
            rule=f"!self.matches('{CONTROL_CHARACTERS}')",
            message="roomName must not contain control characters",
        ),
    )


def identity_rules(at: str) -> tuple[Rule, ...]:
    """Render the rules of the identity of a participant that stands at `at`."""
    return (
        Rule(
            at=at,
            rule="!self.contains('/') && !self.contains('..')",
            message='an identity must not contain "/" or ".."',
        ),
        Rule(
            at=at,
            rule=f"!self.matches('{CONTROL_CHARACTERS}')",
            message="an identity must not contain control characters",
        ),
    )
