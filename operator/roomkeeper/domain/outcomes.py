"""How a reconcile can end: one table, from the outcome to when its key comes back.

| outcome | meaning                                | comes back                   | kstatus     |
|---------|----------------------------------------|------------------------------|-------------|
| Done    | as declared                            | when something is due        | Current     |
| Waiting | something else has to happen first     | after the given seconds      | InProgress  |
| Retry   | an effect failed                       | with exponential backoff     | InProgress  |
| Stalled | a person has to act                    | on a change, or to look again| Failed      |
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Done:
    """Everything is as declared. `due_in` seconds from now something has to be renewed; None: nothing has."""

    due_in: float | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody else has to move first; look again in so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Retry:
    """An effect failed in a way that passes."""


@dataclass(frozen=True, slots=True)
class Stalled:
    """Only a person can mend it. `recheck_in` where the mending happens out of our sight; None: it wakes the key."""

    recheck_in: float | None = None


Outcome = Done | Waiting | Retry | Stalled
