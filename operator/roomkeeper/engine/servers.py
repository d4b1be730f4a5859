"""Which LiveKit server an object belongs to, and whether its namespace may use it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from roomkeeper.domain import names
from roomkeeper.domain.objects import ROOM, SERVER, Key
from roomkeeper.domain.policy import Policy
from roomkeeper.domain.rooms import Server, ServerState
from roomkeeper.engine import recording_index

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from roomkeeper.api.server import ServerSpec
    from roomkeeper.domain.livekit import Credentials
    from roomkeeper.domain.objects import CustomObject
    from roomkeeper.engine.cache import ObjectCache
    from roomkeeper.engine.connection import Connection
    from roomkeeper.engine.namespaces import NamespaceCache

# A room whose object is gone, but which a token may bring back: see tombstones.py.
BURIED = "BuriedRoom"
# The server of the operator's environment has no object; every namespace is "another" to it.
OWN = Key(SERVER, "", "")


def buried_key(server: Key, room_name: str) -> Key:
    """Return the key under which a buried room of a server is looked after."""
    return Key(BURIED, f"{server.namespace}/{server.name}", room_name)


@dataclass(slots=True)
class KnownServer:
    """A server as it was last reconciled."""

    key: Key
    url: str  # what clients get
    connection: Connection | None = None  # None: there were never credentials
    uid: str = ""
    spec: ServerSpec | None = None  # None: the operator's own
    policy: Policy = field(default_factory=Policy)
    is_default: bool = False  # of its namespace
    auto_create: bool | None = None  # None: not known

    @property
    def room_name_template(self) -> str:
        """How a room without a given name is called."""
        return self.spec.room_name_template if self.spec else names.DEFAULT_TEMPLATE

    @property
    def address(self) -> str:
        """What tells whether two objects speak of one server: the called address, normalised."""
        called = self.connection.url if self.connection else self.url
        try:
            parts = urlsplit(called)
            port = parts.port or (443 if parts.scheme in ("wss", "https") else 80)
        except ValueError:  # such as a port above 65535, which the CRD lets pass: nothing answers there
            return called
        return f"{(parts.hostname or '').lower()}:{port}{parts.path.rstrip('/')}"

    @property
    def view(self) -> Server:
        """What decisions need to know."""
        connection = self.connection
        return Server(
            url=self.url,
            signing_key=connection.keys.fingerprint if connection else "",
            state=connection.state if connection else ServerState.UNKNOWN,
            policy=self.policy,
            namespace=self.key.namespace,
            key_was_accepted=connection.keys.was_accepted if connection else False,
            credentials_since=connection.keys.since if connection else None,
            room_name_template=self.room_name_template,
            auto_create=self.auto_create,
            ref=self.ref,
        )

    def limits_recordings_of(self, namespace: str) -> bool:
        """Tell whether only so many Recordings of a namespace may run at once."""
        is_another = namespace != self.key.namespace
        return is_another and self.policy.recordings.max_active_per_namespace is not None

    @property
    def ref(self) -> dict[str, str] | None:
        """What status.serverRef keeps; None for the operator's own."""
        if self.spec is None:
            return None
        return {"namespace": self.key.namespace, "name": self.key.name, "uid": self.uid}


@dataclass(frozen=True, slots=True)
class Assignment:
    """The server of one object. `known` is None when there is none, or none that its namespace may use."""

    known: KnownServer | None = None
    is_named: bool = False  # somebody named a server: in the spec, in status or as the default
    is_let_in: bool = True  # False: only what the object has there already is looked after

    @property
    def connection(self) -> Connection | None:
        """How to reach it."""
        return self.known.connection if self.known else None


class ServerDirectory:
    """Every known server, and the rules by which an object finds its own."""

    def __init__(self, *, own: KnownServer | None, default: Key | None, namespaces: NamespaceCache) -> None:
        """Take the operator's own server and the one for objects that name none, if there are any."""
        self._servers: dict[Key, KnownServer] = {own.key: own} if own else {}
        self._default = default
        self._namespaces = namespaces

    def __iter__(self) -> Iterator[KnownServer]:
        """Yield every server."""
        return iter(list(self._servers.values()))

    def get(self, key: Key) -> KnownServer | None:
        """Return the server of that key."""
        return self._servers.get(key)

    def put(self, server: KnownServer) -> None:
        """Remember a server as it is now."""
        self._servers[server.key] = server

    def remove(self, key: Key) -> KnownServer | None:
        """Forget a server."""
        return self._servers.pop(key, None)

    def resolve(self, room: CustomObject) -> Assignment:
        """Return the object's server: the one it has had from the first time on, else named, else a default.

        A server that does not let the namespace in is as good as missing; only a deletion still reaches it.
        """
        return self._resolve(room, has_something_there=bool(room.deleted_at))

    def _resolve(self, room: CustomObject, *, has_something_there: bool) -> Assignment:
        known_as = room.status.get("serverRef")
        key, is_named = self._key_of(room, known_as)
        server = self._servers.get(key) if key else None
        if server and known_as and known_as.get("uid") != server.uid:
            server = None
        if server is None or self._lets_in(server, room.key.namespace):
            return Assignment(server, is_named)
        if known_as and has_something_there:
            return Assignment(server, is_named, is_let_in=False)
        return Assignment(None, is_named)

    def resolve_recording(self, recording: CustomObject, objects: ObjectCache) -> Assignment:
        """Return the server of a Recording: that of its Room, until status keeps one of its own.

        What runs goes on to its end, and is ended where that is due, on a server that lets its namespace in no more.
        """
        room_ref = recording.spec.get("roomRef")
        is_resolved = recording.status.get("serverRef") or recording.status.get("roomName")
        if is_resolved or not room_ref:
            runs = recording_index.is_running(recording)
            return self._resolve(recording, has_something_there=runs or bool(recording.deleted_at))
        room = objects.get(Key(ROOM, recording.key.namespace, str(room_ref.get("name", ""))))
        return self.resolve(room) if room else Assignment()

    def room_name(self, room: CustomObject) -> str:
        """Return the name a Room claims on LiveKit; status keeps the first, so that nothing can move it."""
        given = room.status.get("roomName") or room.spec.get("roomName")
        if given:
            return str(given)
        server = self.resolve(room).known
        template = server.room_name_template if server else names.DEFAULT_TEMPLATE
        return names.default_room_name(room.key, template)

    def webhook_keys(self) -> Mapping[str, list[str]]:
        """Return every API key that may sign a webhook, with its candidate secrets."""
        keys: dict[str, list[str]] = {}
        for server in self:
            for credentials in server.connection.keys.believed() if server.connection else ():
                secrets = keys.setdefault(credentials.api_key, [])
                if credentials.api_secret not in secrets:
                    secrets.append(credentials.api_secret)
        return keys

    def signed_by(self, credentials: Credentials) -> list[Connection]:
        """Return the connections whose server may have signed with exactly these credentials."""
        return [
            server.connection
            for server in self
            if server.connection and credentials in server.connection.keys.believed()
        ]

    def is_terminating(self, namespace: str) -> bool:
        """Tell whether a namespace is being deleted."""
        return self._namespaces.is_terminating(namespace)

    def _key_of(self, room: CustomObject, known_as: Mapping[str, str] | None) -> tuple[Key | None, bool]:
        if known_as:
            return Key(SERVER, known_as.get("namespace", ""), known_as.get("name", "")), True
        if room.status.get("roomName"):
            return OWN, False  # it was resolved before, to the one server that has no object
        named = room.spec.get("serverRef")
        if named:
            return Key(SERVER, named.get("namespace", room.key.namespace), named.get("name", "")), True
        of_namespace = self._default_of(room.key.namespace) or self._default
        return (of_namespace, True) if of_namespace else (OWN, False)

    def _default_of(self, namespace: str) -> Key | None:
        """Return the server that a namespace marks as its default; the annotation never counts beyond it."""
        marked = [
            server.key
            for server in self._servers.values()
            if server.is_default and server.key.namespace == namespace
        ]
        return min(marked, default=None)

    def _lets_in(self, server: KnownServer, namespace: str) -> bool:
        if server.spec is None:
            return True
        return self._namespaces.lets_in(
            server.spec.allowed_namespaces, owner=server.key.namespace, namespace=namespace
        )
