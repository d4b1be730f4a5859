"""Everything that wakes a key: the API server's events and lists, LiveKit's webhooks, a server that changed.

Nothing is decided here. A lost, late or doubled wake-up costs time, never correctness.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from roomkeeper.domain.objects import CustomObject, Key, TokenSecret
from roomkeeper.engine.cache import room_name
from roomkeeper.engine.queue import Priority

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roomkeeper.adapters.ports import Body
    from roomkeeper.domain.livekit import WebhookEvent
    from roomkeeper.engine.cache import ObjectCache, SecretCache
    from roomkeeper.engine.queue import WorkQueue
    from roomkeeper.engine.servers import LiveKitServer, ServerDirectory

REMEMBERED_EVENTS = 10_000


@dataclass(frozen=True, slots=True)
class Wakeups:
    """Keeps the caches current and adds the keys that are concerned to the queue."""

    objects: ObjectCache
    secrets: SecretCache
    servers: ServerDirectory
    queue: WorkQueue
    _heard: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def object_event(self, kind: str, event: str | None, body: Body) -> None:
        """Take a watch event of one of our kinds; None is Kopf's name for its first list."""
        seen = CustomObject.from_body(kind, body)
        if event == "DELETED":
            self.object_gone(seen)
        else:
            self.object_seen(seen, is_news=event is not None)

    def object_seen(self, seen: CustomObject, *, is_news: bool) -> None:
        """Take an object as it is now; what is merely listed goes behind what happens."""
        if self.objects.observe(seen):
            self.queue.add(seen.key, Priority.URGENT if is_news else Priority.BACKGROUND)

    def object_gone(self, gone: CustomObject) -> None:
        """Drop an object, unless the removal of its finalizer did; others that claimed the same room may have it now."""
        self.objects.forget(gone.key, gone.uid)
        self._wake(self.objects.claimants(room_name(gone)))

    def secret_event(self, event: str | None, body: Body) -> None:
        """Take a watch event of a token Secret."""
        secret = TokenSecret.from_body(body)
        if event == "DELETED":
            self.secret_gone(secret)
        else:
            self.secret_seen(secret)

    def secret_seen(self, secret: TokenSecret) -> None:
        """Take a Secret as it is now."""
        before = self.secrets.get(secret.namespace, secret.name)
        if self.secrets.observe(secret):
            for version in (before, secret):
                self._wake_owner(version)

    def secret_gone(self, secret: TokenSecret) -> None:
        """Drop a Secret; its Room has to issue it again."""
        if self.secrets.forget(secret.namespace, secret.name, secret.uid):
            self._wake_owner(secret)

    def webhook(self, event: WebhookEvent) -> str:
        """Take a verified webhook; return what came of it: `replayed`, `ignored` or `woken`."""
        if event.id in self._heard:
            return "replayed"
        self._heard[event.id] = None
        if len(self._heard) > REMEMBERED_EVENTS:
            self._heard.popitem(last=False)
        claimants = self.objects.claimants(event.room_name)
        if not claimants:
            return "ignored"
        heard = [server.hear(event) for server in self.servers.signed_by(event.api_key)]
        if not any(heard):
            return "ignored"
        self._wake(claimants)
        return "woken"

    def rooms_changed(self, names: Iterable[str]) -> None:
        """Wake the Rooms whose room is not what it was at the last list."""
        for name in names:
            self._wake(self.objects.claimants(name))

    def server_changed(self, server: LiveKitServer) -> None:
        """Wake every object of a server that answers again, or no longer."""
        for room in self.objects.rooms():
            if self.servers.resolve(room) is server:
                self.queue.add(room.key, Priority.BACKGROUND)

    def is_claimed(self, name: str) -> bool:
        """Tell whether some Room claims a name on LiveKit."""
        return bool(self.objects.claimants(name))

    def _wake(self, rooms: Iterable[CustomObject]) -> None:
        for room in rooms:
            self.queue.add(room.key)

    def _wake_owner(self, secret: TokenSecret | None) -> None:
        if secret is None or not secret.owner_name:
            return
        key = Key("Room", secret.namespace, secret.owner_name)
        if self.objects.get(key):
            self.queue.add(key)
