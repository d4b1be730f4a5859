"""What would happen to an object, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roomkeeper.domain import agents, moderation, recordings, rooms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.engine.preview import Foreseen


def lines(foreseen: Foreseen) -> Iterator[str]:
    """Yield a line for the object, if anything would happen to it, and one for everything that would."""
    told = [*_told(foreseen)]
    if foreseen.is_new:
        yield f"{foreseen.key}: new"
    elif foreseen.is_edited:
        yield f"{foreseen.key}: edited"
    elif told:
        yield f"{foreseen.key}: as declared, but not as it is"
    for line in told:
        yield f"  {line}"


def _told(foreseen: Foreseen) -> Iterator[str]:
    if foreseen.obstacle:
        yield f"refused ({foreseen.obstacle.reason}): {foreseen.obstacle.message}"
    yield from filter(None, (_line(action, foreseen.people) for action in foreseen.actions))
    replaced = any(isinstance(action, rooms.DeleteRoom) for action in foreseen.actions)
    for change in () if replaced else foreseen.waiting:
        yield (
            f"{change['field']} {change['live']} -> {change['desired']} waits: LiveKit takes it only when it creates the"
            f" room, and {_counted(foreseen.people)} in it"
        )


def _line(action: rooms.Action | recordings.Action, people: int) -> str:
    return _of_room(action, people) or _of_people(action) or _of_recording(action)


def _of_room(action: object, people: int) -> str:
    match action:
        case rooms.CreateRoom(name=name):
            return f"create room {name}"
        case rooms.DeleteRoom(name=name):
            return f"replace room {name}: {people} people would be disconnected"
        case rooms.UpdateMetadata(name=name):
            return f"change the metadata of room {name}"
        case rooms.IssueTokens(issue=issue):
            return f"issue tokens of role {issue.tokens.role} ({issue.reason})"
        case rooms.DeleteSecret(secret=secret):
            return f"delete Secret {secret.name}"
    return ""


def _of_people(action: object) -> str:
    match action:
        case moderation.RemoveParticipant(identity=identity):
            return f"disconnect {identity}"
        case moderation.UpdateParticipant(identity=identity, update=update) if update.permission:
            return f"change what {identity} may do"
        case agents.CreateDispatch(agent_name=agent):
            return f"send agent {agent}"
        case agents.DeleteDispatch():
            return "call an agent back"
    return ""


def _of_recording(action: object) -> str:
    match action:
        case recordings.DeclareAttempt(attempt=attempt):
            return f"start attempt {attempt.number}"
        case recordings.DeclareStop(reason=reason):
            return f"end it ({reason})"
        case recordings.StopEgress(egress_id=egress):
            return f"stop egress {egress}"
        case recordings.UpdateLayout(layout=layout):
            return f"lay it out as {layout}"
        case recordings.UpdateStream(change=change):
            return (
                f"send the stream to {len(change.add)} more addresses, and to {len(change.remove)} no longer"
            )
    return ""


def _counted(people: int) -> str:
    return "1 person is" if people == 1 else f"{people} people are"
