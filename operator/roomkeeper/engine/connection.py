"""A LiveKit server as the engine sees it: its client, its keys, whether it answers, and its rooms."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from roomkeeper.adapters.ports import LiveKitCredentialsError, LiveKitError, LiveKitNotFoundError
from roomkeeper.domain.livekit import ParticipantKind
from roomkeeper.domain.rooms import Absence, People, ServerState
from roomkeeper.engine.capabilities import Capabilities
from roomkeeper.engine.egresses import EgressSightings
from roomkeeper.engine.keyring import Keyring
from roomkeeper.engine.recent import Marks, Tally
from roomkeeper.engine.sightings import Hint, Sightings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from roomkeeper.adapters.ports import Clock, LiveKit
    from roomkeeper.domain.livekit import (
        Credentials,
        Dispatch,
        LiveRoom,
        Participant,
        RoomConfig,
        WebhookEvent,
    )
    from roomkeeper.domain.objects import Key

    Connect = Callable[[str, Credentials], LiveKit]
    ConnectTo = Callable[[Key, str, Credentials], LiveKit]  # the server of that key

logger = logging.getLogger(__name__)

CREATED_RECENTLY_SECONDS = 5.0
# LiveKit Cloud returns a draining room of the same name for half a minute (livekit#4558). Untested.
CLOUD_DRAINING_SECONDS = 30.0
# Probes in a row: one that fails is no reason to write to every Room of the server.
TOLERATED_FAILURES = 1
RETIRED_SECONDS = 60.0  # longer than a call and the wait for its turn
CONTESTED_SECONDS = 600.0
SOMEBODY_CAME = frozenset({"participant_joined", "track_published"})


@dataclass(frozen=True, slots=True)
class Look:
    """One look at one room. `participants` is None when nobody asked who is there."""

    live: LiveRoom | None
    absence: Absence = Absence.CERTAIN
    participants: tuple[Participant, ...] | None = None
    is_doubted: bool = False

    @property
    def people(self) -> People | None:
        """How many there are, without agents and egress workers; None when nobody asked."""
        if self.participants is None:
            return None
        persons = [someone for someone in self.participants if someone.kind is ParticipantKind.PERSON]
        return People(len(persons), sum(someone.is_publisher for someone in persons))


class Connection:
    """One LiveKit server. `on_suspicion` is called when a failed call may concern all of it."""

    def __init__(
        self,
        *,
        url: str,
        credentials: Credentials,
        connect: Connect,
        clock: Clock,
        count_people: bool,
        on_suspicion: Callable[[], None],
    ) -> None:
        """Know nothing yet; `probe` looks. `url` is what is called."""
        self.url = url
        self.keys = Keyring(credentials, clock)
        self.state = ServerState.UNKNOWN
        self.failures = 0  # probes that failed in a row
        self.skew_seconds = 0  # of LiveKit's clock, while that is why it refuses the credentials
        self.corrected = Marks()  # of joins that were put right, see domain/moderation.py
        self.overwritten = Tally(clock, seconds=CONTESTED_SECONDS)  # metadata that had to be put right
        self.last_webhook: datetime | None = None
        self.can = Capabilities()
        self.active_since: datetime | None = None  # changes were found of which no webhook had told
        self._retired: list[tuple[float, LiveKit]] = []
        self._watched: set[str] = set()
        self._buried: dict[str, tuple[datetime, str]] = {}
        self.resurrected: set[str] = set()  # buried rooms that the last list showed
        self._probed_at: float | None = None
        self._heard_at: float | None = None
        self._connect = connect
        self._api = connect(url, credentials)
        self._clock = clock
        self._count_people = count_people
        self._on_suspicion = on_suspicion
        recently = CLOUD_DRAINING_SECONDS if _is_cloud(url) else CREATED_RECENTLY_SECONDS
        self.sightings = Sightings(clock, created_recently=recently)
        self.egresses = EgressSightings(clock)
        self.has_recorded = False  # a start has worked since this process began

    @property
    def api(self) -> LiveKit:
        """The calls that need nothing of what is remembered here."""
        return self._api

    @property
    def is_usable(self) -> bool:
        """Tell whether the server answered last time and accepted the credentials."""
        return self.state is ServerState.ACCEPTED

    async def use(self, url: str, credentials: Credentials) -> None:
        """Go on at another address or with another key, once the server has accepted it; else raise LiveKitError.

        Nothing is signed with a key that has not been accepted: the old one stays until then.
        """
        candidate = self._connect(url, credentials)
        try:
            await candidate.list_rooms(["roomkeeper-tries-a-key"])
            was_refused = credentials != self.keys.current and await self._is_refused()
        except BaseException:
            await candidate.aclose()
            raise
        self._retired.append((self._clock.monotonic(), self._api))
        self._api, self.url = candidate, url
        self.keys.replace(credentials, was_refused=was_refused)

    async def _is_refused(self) -> bool:
        """Tell whether the present key works no more: then its tokens are replaced at once, not one after another."""
        try:
            await self._api.list_rooms(["roomkeeper-tries-a-key"])
        except LiveKitCredentialsError:
            return True
        except LiveKitError as error:
            logger.info("LiveKit at %s does not tell whether it takes the previous key: %s", self.url, error)
        return False

    async def probe(self, is_claimed: Callable[[str], bool]) -> set[str]:
        """List the rooms, remember the state of the server, and return the claimed names whose room changed."""
        began = self._clock.monotonic()
        await self._close_retired(before=began - RETIRED_SECONDS)
        try:
            listed = await self._api.list_rooms()
        except LiveKitCredentialsError as error:
            self.failures += 1
            self.state = ServerState.REFUSED
            self.skew_seconds = error.skew_seconds
            self.keys.was_accepted = False
            return set()
        except LiveKitError as error:
            logger.warning("LiveKit at %s: %s", self.url, error)
            self.failures += 1
            if self.state is not ServerState.ACCEPTED or self.failures > TOLERATED_FAILURES:
                self.state = ServerState.UNREACHABLE
            return set()
        self.resurrected = {room.name for room in listed if self.is_buried(room.name)}
        changed = self.sightings.listed([room for room in listed if is_claimed(room.name)], began=began)
        self._notice_silence(changed, began)
        changed |= self._watched & {name for name in self._watched if self.sightings.get(name)}
        if self.failures:  # it may have been killed, and then it lists rooms that nobody holds any more
            changed |= self.sightings.doubt()
        self.failures = 0
        self.state = ServerState.ACCEPTED
        self.keys.was_accepted = True
        return changed

    def bury(self, name: str, until: datetime, *, namespace: str) -> None:
        """Remember a room of a deleted object until the last token that could bring it back has expired."""
        self._buried[name] = until, namespace

    def buried_with(self, name: str) -> str | None:
        """Return the namespace whose object had a room that must not come back; None: it may."""
        until, namespace = self._buried.get(name, (None, None))
        if until is not None and until <= self._clock.now():
            del self._buried[name]
            return None
        return namespace

    def is_buried(self, name: str) -> bool:
        """Tell whether a room of that name must not come back."""
        return self.buried_with(name) is not None

    def keep_watching(self, name: str, wanted: bool) -> None:  # noqa: FBT001 - reads well where it is called
        """Have a room looked at with every list, because somebody in it may have to be put right."""
        if wanted:
            self._watched.add(name)
        else:
            self._watched.discard(name)

    async def learn_capabilities(self) -> None:
        """Find out what the server can do, if that is due."""
        await self.can.learn(self._api, now=self._clock.monotonic())

    async def look(self, name: str, *, known_sid: str = "", fresh: bool = False, who: bool = False) -> Look:
        """Return the room as listed, read again when a webhook, its absence or the caller asks for it.

        Absence counts only after two looks, so a room that had a session is read before it is believed gone.
        `who`: list the participants whatever happened.
        """
        hint = self.sightings.take_hint(name)
        live = self.sightings.get(name)
        try:
            if fresh or hint or (live is None and known_sid):
                live = await self._read(name)
            asked = who or (hint is not None and self._count_people)
            participants = await self._participants(name) if live and asked else None
        except BaseException:  # whatever ended this look, the next one has to know what this one knew
            if hint:
                self.sightings.hint(name, finished_sid=hint.finished_sid)
            raise
        return self._judge(name, Look(live, participants=participants), hint)

    async def list_dispatches(self, name: str) -> tuple[Dispatch, ...]:
        """List the agents that were asked into a live room."""
        return tuple(await self._api.list_dispatches(name))

    async def create(self, name: str, config: RoomConfig, metadata: str) -> LiveRoom:
        """Create the room, or get the live one."""
        live = await self._api.create_room(name, config, metadata)
        self.sightings.created(name, live)
        return live

    async def update_metadata(self, name: str, metadata: str) -> LiveRoom:
        """Replace the metadata of a live room."""
        live = await self._api.update_room_metadata(name, metadata)
        self.sightings.saw(name, live)
        return live

    async def delete(self, name: str) -> None:
        """Close the room; one that is not there is as good as deleted."""
        try:
            await self._api.delete_room(name)
        except LiveKitNotFoundError:
            logger.debug("room %s was gone already", name)
        self.sightings.deleted(name)

    def hear(self, event: WebhookEvent, *, is_claimed: bool) -> bool:
        """Take a webhook as a hint; tell whether the room, if it is claimed, has to be looked at."""
        self.last_webhook, self._heard_at = self._clock.now(), self._clock.monotonic()
        self.active_since = None
        if not is_claimed:
            return False
        known = self.sightings.get(event.room_name)
        if event.event == "room_started" and known and known.sid == event.room_sid:
            return False  # the echo of our own CreateRoom
        if event.event in SOMEBODY_CAME:
            self.sightings.somebody_came(event.room_name)
        finished = event.room_sid if event.event == "room_finished" else ""
        self.sightings.hint(event.room_name, finished_sid=finished)
        return True

    def recount(self, name: str) -> None:
        """Ask who is there at the next look too: what this one counted is not in status yet."""
        self.sightings.hint(name)

    def suspect(self) -> None:
        """Ask for a probe soon, because a call failed in a way that may concern the whole server."""
        self._on_suspicion()

    def doubt(self, name: str) -> None:
        """Have a room created again before it is relied on: a call about it failed, though it is listed."""
        self.sightings.doubt(name)

    async def aclose(self) -> None:
        """Release the connections."""
        await self._close_retired(before=math.inf)
        await self._api.aclose()

    async def _close_retired(self, *, before: float) -> None:
        """Close clients that were replaced, when the calls that they still had have ended."""
        for retired in [one for one in self._retired if one[0] < before]:
            self._retired.remove(retired)
            await retired[1].aclose()

    async def read_room(self, name: str) -> LiveRoom | None:
        """Return the room as it is now, whatever hints there are: those are for whoever keeps it as declared."""
        return await self._read(name)

    async def who(self, name: str) -> tuple[Participant, ...]:
        """Return who is in the room now, agents and egress workers too; of a room that is not there, nobody."""
        return await self._participants(name)

    async def _read(self, name: str) -> LiveRoom | None:
        live = next(iter(await self._api.list_rooms([name])), None)
        self.sightings.saw(name, live)
        return live

    async def _participants(self, name: str) -> tuple[Participant, ...]:
        participants: Sequence[Participant] = await self._api.list_participants(name)
        if participants:
            self.sightings.somebody_came(name)
        return tuple(participants)

    def _notice_silence(self, changed: set[str], began: float) -> None:
        """Remember since when lists show changes of which no webhook has told."""
        before, self._probed_at = self._probed_at, began
        was_told = self._heard_at is not None and before is not None and self._heard_at >= before
        if changed and before is not None and not was_told and self.active_since is None:
            self.active_since = self._clock.now()

    def _judge(self, name: str, look: Look, hint: Hint | None) -> Look:
        """Decide what a look is worth when the room is being closed, or was created a moment ago."""
        finished = hint.finished_sid if hint else ""
        if look.live and look.live.sid == finished:
            self.sightings.hint(name, finished_sid=finished)  # look again until it is gone
            return Look(None, Absence.TOO_EARLY)
        if look.live is None and not finished and self.sightings.was_created_recently(name):
            return Look(None, Absence.TOO_EARLY)
        return Look(look.live, participants=look.participants, is_doubted=self.sightings.is_doubted(name))


def _is_cloud(url: str) -> bool:
    return (urlsplit(url).hostname or "").endswith(".livekit.cloud")
