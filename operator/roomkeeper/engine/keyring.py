"""The keys of one LiveKit server: the one that signs, and those that may still have signed a webhook."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from roomkeeper.adapters.livekit.tokens import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from roomkeeper.adapters.ports import Clock
    from roomkeeper.domain.livekit import Credentials

# LiveKit signs webhooks with the key of its own configuration, which may be changed later than ours.
PREVIOUS_KEY_LIFETIME = timedelta(hours=24)


class Keyring:
    """Which key signs tokens and calls, since when, and which others are believed on a webhook."""

    def __init__(self, credentials: Credentials, clock: Clock) -> None:
        """Begin with one key that nobody has accepted yet."""
        self.current = credentials
        self.fingerprint = fingerprint(credentials)  # tells on a token Secret which key signed it
        self.since: datetime | None = None  # None: before this process, or without overlap
        self.was_accepted = False  # since this process began, and not refused since
        self.further: tuple[Credentials, ...] = ()  # that only sign webhooks
        self._previous: list[tuple[Credentials, datetime]] = []
        self._clock = clock

    def replace(self, credentials: Credentials, *, was_refused: bool = False) -> None:
        """Sign with another key, which the server has accepted. `was_refused`: the present one works no more."""
        if credentials == self.current:
            return
        now = self._clock.now()
        self._previous.append((self.current, now + PREVIOUS_KEY_LIFETIME))
        self.current, self.since = credentials, None if was_refused else now
        self.fingerprint = fingerprint(credentials)
        self.was_accepted = True

    def believed(self) -> Iterator[Credentials]:
        """Yield every key that may sign a webhook of this server now."""
        now = self._clock.now()
        self._previous = [(key, until) for key, until in self._previous if now < until]
        yield self.current
        yield from self.further
        for key, _ in self._previous:
            yield key
