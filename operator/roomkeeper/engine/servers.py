"""LiveKit servers as the engine sees them: what each last told, and which server an object belongs to."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from roomkeeper.adapters.livekit.tokens import fingerprint
from roomkeeper.adapters.ports import LiveKitCredentialsError, LiveKitError, LiveKitNotFoundError
from roomkeeper.domain.livekit import ParticipantKind
from roomkeeper.domain.policy import Policy
from roomkeeper.domain.rooms import Absence, People, Server, ServerState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roomkeeper.adapters.ports import Clock, LiveKit
    from roomkeeper.domain.livekit import Credentials, LiveRoom, RoomConfig, WebhookEvent
    from roomkeeper.domain.objects import CustomObject

logger = logging.getLogger(__name__)

# A room that we created a moment ago may not be listed yet.
CREATED_RECENTLY_SECONDS = 5.0
# Probes in a row: one that fails is no reason to write to every Room of the server.
TOLERATED_FAILURES = 1


@dataclass(frozen=True, slots=True)
class Look:
    """One look at one room. `people` is None when nobody asked who is there."""

    live: LiveRoom | None
    absence: Absence = Absence.CERTAIN
    people: People | None = None
    is_doubted: bool = False


@dataclass(frozen=True, slots=True)
class Hint:
    """What a webhook told: something happened to the room, and perhaps which session ended."""

    finished_sid: str = ""


class LiveKitServer:
    """One LiveKit server: its client, whether it answers, and its rooms as last listed."""

    def __init__(
        self,
        *,
        url: str,
        credentials: Credentials,
        api: LiveKit,
        clock: Clock,
        count_people: bool,
        policy: Policy | None = None,
    ) -> None:
        """Know nothing yet; `probe` looks."""
        self.credentials = credentials
        self.state = ServerState.UNKNOWN
        self.failures = 0  # probes that failed in a row
        self.probed = asyncio.Event()
        self.suspected = asyncio.Event()
        self.corrected: set[str] = set()  # marks of joins that were put right, see domain/moderation.py
        self._url = url
        self._api = api
        self._clock = clock
        self._count_people = count_people
        self._policy = policy or Policy()
        self._fingerprint = fingerprint(credentials)
        self._key_was_accepted = False
        self._rooms: dict[str, LiveRoom] = {}
        self._seen_at: dict[str, float] = {}  # of rooms read one by one since the last list began
        self._created_at: dict[str, float] = {}
        self._hints: dict[str, Hint] = {}
        self._doubted: set[str] = set()  # listed, but the node that held them may be dead

    @property
    def view(self) -> Server:
        """What decisions need to know of this server."""
        return Server(self._url, self._fingerprint, self.state, self._policy, self._key_was_accepted)

    @property
    def is_usable(self) -> bool:
        """Tell whether the server answered last time and accepted the credentials."""
        return self.state is ServerState.ACCEPTED

    async def probe(self, is_claimed: Callable[[str], bool]) -> set[str]:
        """List the rooms, remember the state of the server, and return the claimed names whose room changed."""
        started = self._clock.monotonic()
        try:
            listed = await self._api.list_rooms()
        except LiveKitCredentialsError:
            self.failures += 1
            self.state = ServerState.REFUSED
            self._key_was_accepted = False
            return set()
        except LiveKitError as error:
            logger.warning("LiveKit at %s: %s", self._url, error)
            self.failures += 1
            if self.state is not ServerState.ACCEPTED or self.failures > TOLERATED_FAILURES:
                self.state = ServerState.UNREACHABLE
            return set()
        finally:
            self.probed.set()
        claimed = [room for room in listed if is_claimed(room.name)]
        self._doubted &= {room.name for room in claimed}
        changed = self._replace(claimed, started)
        if self.failures:  # it may have been killed, and then it lists rooms that nobody holds any more
            self._doubted |= self._rooms.keys()
            changed |= self._doubted
        self.failures = 0
        self.state = ServerState.ACCEPTED
        self._key_was_accepted = True
        return changed

    async def look(self, name: str, *, known_sid: str = "", fresh: bool = False) -> Look:
        """Return the room as listed, read again when a webhook, its absence or the caller asks for it.

        Absence counts only after two looks, so a room that had a session is read before it is believed gone.
        """
        hint = self._hints.pop(name, None)
        live = self._rooms.get(name)
        try:
            if fresh or hint or (live is None and known_sid):
                live = await self._read(name)
            people = await self._people(name) if live and hint and self._count_people else None
        except LiveKitError:
            if hint:
                self._hints.setdefault(name, hint)
            raise
        if live and hint and live.sid == hint.finished_sid:
            self._hints.setdefault(name, hint)  # it is being closed: look again until it is gone
            return Look(None, Absence.TOO_EARLY)
        if live is None and not (hint and hint.finished_sid) and self._was_created_recently(name):
            return Look(None, Absence.TOO_EARLY)
        return Look(live, people=people, is_doubted=name in self._doubted)

    def lists(self, name: str) -> bool:
        """Tell whether a room of this name was there when last looked at."""
        return name in self._rooms

    async def create(self, name: str, config: RoomConfig, metadata: str) -> LiveRoom:
        """Create the room, or get the live one."""
        live = await self._api.create_room(name, config, metadata)
        self._created_at[name] = self._clock.monotonic()
        self._doubted.discard(name)
        self._saw(name, live)
        return live

    async def update_metadata(self, name: str, metadata: str) -> LiveRoom:
        """Replace the metadata of a live room."""
        live = await self._api.update_room_metadata(name, metadata)
        self._saw(name, live)
        return live

    async def delete(self, name: str) -> None:
        """Close the room; one that is not there is as good as deleted."""
        try:
            await self._api.delete_room(name)
        except LiveKitNotFoundError:
            logger.debug("room %s was gone already", name)
        self._saw(name, None)
        self._created_at.pop(name, None)

    def hear(self, event: WebhookEvent) -> bool:
        """Take a webhook as a hint; tell whether the room has to be looked at."""
        known = self._rooms.get(event.room_name)
        if event.event == "room_started" and known and known.sid == event.room_sid:
            return False  # the echo of our own CreateRoom
        before = self._hints.get(event.room_name, Hint())
        finished = event.room_sid if event.event == "room_finished" else before.finished_sid
        self._hints[event.room_name] = Hint(finished)
        return True

    def recount(self, name: str) -> None:
        """Ask who is there at the next look too: what this one counted is not in status yet."""
        self._hints.setdefault(name, Hint())

    def suspect(self) -> None:
        """Ask for a probe soon, because a call failed in a way that may concern the whole server."""
        self.suspected.set()

    def doubt(self, name: str) -> None:
        """Have a room created again before it is relied on: a call about it failed, though it is listed."""
        self._doubted.add(name)

    async def aclose(self) -> None:
        """Release the connections."""
        await self._api.aclose()

    @property
    def api(self) -> LiveKit:
        """The calls that need nothing of what is remembered here."""
        return self._api

    async def _read(self, name: str) -> LiveRoom | None:
        live = next(iter(await self._api.list_rooms([name])), None)
        self._saw(name, live)
        return live

    async def _people(self, name: str) -> People:
        participants = await self._api.list_participants(name)
        persons = [someone for someone in participants if someone.kind is ParticipantKind.PERSON]
        return People(len(persons), sum(someone.is_publisher for someone in persons))

    def _saw(self, name: str, live: LiveRoom | None) -> None:
        self._seen_at[name] = self._clock.monotonic()
        if live is None:
            self._rooms.pop(name, None)
            self._doubted.discard(name)
        else:
            self._rooms[name] = live

    def _was_created_recently(self, name: str) -> bool:
        created = self._created_at.get(name)
        return created is not None and self._clock.monotonic() - created < CREATED_RECENTLY_SECONDS

    def _replace(self, listed: Iterable[LiveRoom], started: float) -> set[str]:
        """Take a list as the new truth, but for rooms that were read after it began."""
        rooms = {room.name: room for room in listed}
        for name, seen_at in self._seen_at.items():
            if seen_at >= started:
                rooms.pop(name, None)
                if name in self._rooms:
                    rooms[name] = self._rooms[name]
        changed = {
            name for name in rooms.keys() | self._rooms.keys() if rooms.get(name) != self._rooms.get(name)
        }
        for name in changed:
            if name in rooms and _counts(rooms[name]) != _counts(self._rooms.get(name)):
                self._hints.setdefault(name, Hint())
        self._rooms = rooms
        self._seen_at = {name: at for name, at in self._seen_at.items() if at >= started}
        self._created_at = {
            name: at for name, at in self._created_at.items() if started - at < CREATED_RECENTLY_SECONDS
        }
        return changed


def _counts(room: LiveRoom | None) -> tuple[int, int]:
    """Return the counts of a list: they lag, but a change tells that somebody came or went."""
    return (room.num_participants, room.num_publishers) if room else (0, 0)


class ServerDirectory:
    """Which server an object belongs to. For now all belong to the operator's own."""

    def __init__(self, own: LiveKitServer | None) -> None:
        """Take the server of the operator's environment, if it names one."""
        self._own = own

    def resolve(self, _: CustomObject) -> LiveKitServer | None:
        """Return the object's server."""
        return self._own

    def all(self) -> list[LiveKitServer]:
        """Return every server."""
        return [self._own] if self._own else []

    def signed_by(self, api_key: str) -> list[LiveKitServer]:
        """Return the servers that know an API key."""
        return [server for server in self.all() if server.credentials.api_key == api_key]
