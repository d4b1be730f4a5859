"""What the API server last told about our objects and their Secrets.

Events, lists and the answers to our own writes all end here; whichever carries the newest resourceVersion counts,
so an event that was overtaken by our own write changes nothing.
"""

from __future__ import annotations

import math
from collections import OrderedDict, defaultdict
from collections.abc import Hashable
from typing import TYPE_CHECKING, TypeVar

from roomkeeper.domain.objects import RECORDING, ROOM, SCHEDULE
from roomkeeper.engine.recording_index import RecordingIndex
from roomkeeper.engine.schedule_index import ScheduleIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from roomkeeper.domain.objects import CustomObject, Key, TokenSecret

TOMBSTONES = 10_000

_Name = TypeVar("_Name", bound=Hashable)


class ObjectCache:
    """Our custom objects by key, by kind and by owner, and Rooms by the name they claim on LiveKit.

    `on_change` hears of every new version and of the one before it, also of those that we wrote ourselves.
    """

    def __init__(self, name_of: Callable[[CustomObject], str]) -> None:
        """Start empty; `name_of` tells the name a Room claims on LiveKit."""
        self.on_change: Callable[[CustomObject | None, CustomObject], None] | None = None
        self._name_of = name_of
        self._objects: dict[Key, CustomObject] = {}
        self._kinds: defaultdict[str, set[Key]] = defaultdict(set)
        # By namespace too: whoever knows a uid may write it on an object of another namespace.
        self._children: defaultdict[tuple[str, str], set[Key]] = defaultdict(set)
        self._claims: defaultdict[str, set[Key]] = defaultdict(set)
        self._claimed: dict[Key, str] = {}
        self._namespaces: defaultdict[str, set[Key]] = defaultdict(set)  # of Rooms
        self.recordings = RecordingIndex()
        self.schedules = ScheduleIndex()
        self._buried: OrderedDict[str, float] = (
            OrderedDict()
        )  # the version up to which nothing counts, by uid

    def __len__(self) -> int:
        """Count the objects."""
        return len(self._objects)

    def __iter__(self) -> Iterator[CustomObject]:
        """Yield every object; nothing may be awaited meanwhile."""
        return iter(self._objects.values())

    def get(self, key: Key) -> CustomObject | None:
        """Return the object, if it is there."""
        return self._objects.get(key)

    def is_news(self, key: Key, version: str) -> bool:
        """Tell whether this resourceVersion of an object is newer than the one that is known."""
        known = self._objects.get(key)
        return known is None or _is_newer(version, known.resource_version)

    def observe(self, seen: CustomObject) -> bool:
        """Remember the object unless a newer version is known; tell whether anything changed."""
        is_buried = int(seen.resource_version) <= self._buried.get(seen.uid, -1)
        if is_buried or not self.is_news(seen.key, seen.resource_version):
            return False
        known = self._objects.get(seen.key)
        if known:
            self._unlink(known)
        self._link(seen)
        if self.on_change:
            self.on_change(known, seen)
        return True

    def forget(self, key: Key, uid: str, *, version: str = "") -> bool:
        """Drop the object for good: late events about this uid are ignored. Tell whether it was there.

        With a version, what is newer counts all the same: it may have left our shard, and be back.
        """
        self._buried[uid] = int(version) if version else math.inf
        if len(self._buried) > TOMBSTONES:
            self._buried.popitem(last=False)
        known = self._objects.get(key)
        if known is None or known.uid != uid or int(known.resource_version) > self._buried[uid]:
            return False
        self._unlink(known)
        return True

    def claimants(self, name: str) -> list[CustomObject]:
        """Return the Rooms that claim a name, on whichever server."""
        return [self._objects[key] for key in self._claims.get(name, ())]

    def rooms(self, namespace: str = "") -> list[CustomObject]:
        """Return every Room, or those of a namespace."""
        keys = self._namespaces.get(namespace, ()) if namespace else self._claimed
        return [self._objects[key] for key in keys]

    def of_kind(self, kind: str) -> list[CustomObject]:
        """Return every object of a kind."""
        return [self._objects[key] for key in self._kinds.get(kind, ())]

    def children(self, namespace: str, owner_uid: str) -> list[CustomObject]:
        """Return the objects that one with this uid controls."""
        return [self._objects[key] for key in self._children.get((namespace, owner_uid), ())]

    def reindex(self) -> None:
        """Ask anew for the name that each Room claims: a server has become known, or is another."""
        for room in self.rooms():
            if self._claimed[room.key] != self._name_of(room):
                self._unclaim(room.key)
                self._claim(room)

    def _claim(self, room: CustomObject) -> None:
        name = self._claimed[room.key] = self._name_of(room)
        self._claims[name].add(room.key)
        self._namespaces[room.key.namespace].add(room.key)

    def _link(self, seen: CustomObject) -> None:
        self._objects[seen.key] = seen
        self._kinds[seen.key.kind].add(seen.key)
        if seen.owner_uid:
            self._children[seen.key.namespace, seen.owner_uid].add(seen.key)
        if seen.key.kind == ROOM:
            self._claim(seen)
        elif seen.key.kind == RECORDING:
            self.recordings.put(seen)
        elif seen.key.kind == SCHEDULE:
            self.schedules.put(seen)

    def _unlink(self, known: CustomObject) -> None:
        del self._objects[known.key]
        _discard(self._kinds, known.key.kind, known.key)
        if known.owner_uid:
            _discard(self._children, (known.key.namespace, known.owner_uid), known.key)
        if known.key.kind == ROOM:
            self._unclaim(known.key)
        elif known.key.kind == RECORDING:
            self.recordings.drop(known.key)
        elif known.key.kind == SCHEDULE:
            self.schedules.drop(known.key)

    def _unclaim(self, key: Key) -> None:
        _discard(self._claims, self._claimed.pop(key), key)
        _discard(self._namespaces, key.namespace, key)


class SecretCache:
    """Token Secrets by name and by the Room that owns them."""

    def __init__(self) -> None:
        """Start empty."""
        self._by_name: dict[tuple[str, str], TokenSecret] = {}
        # By namespace too: whoever knows a Room's uid may write it on a Secret of another namespace.
        self._by_owner: defaultdict[tuple[str, str], dict[str, TokenSecret]] = defaultdict(dict)

    def __len__(self) -> int:
        """Count the Secrets."""
        return len(self._by_name)

    def get(self, namespace: str, name: str) -> TokenSecret | None:
        """Return the Secret, if it is known."""
        return self._by_name.get((namespace, name))

    def owned_by(self, namespace: str, uid: str) -> Mapping[str, TokenSecret]:
        """Return a Room's Secrets by name."""
        return dict(self._by_owner.get((namespace, uid), {}))

    def all(self) -> list[TokenSecret]:
        """Return every Secret."""
        return list(self._by_name.values())

    def is_news(self, namespace: str, name: str, version: str) -> bool:
        """Tell whether this resourceVersion of a Secret is newer than the one that is known."""
        known = self.get(namespace, name)
        return known is None or _is_newer(version, known.resource_version)

    def observe(self, seen: TokenSecret) -> bool:
        """Remember the Secret unless a newer version is known; tell whether anything changed."""
        if not self.is_news(seen.namespace, seen.name, seen.resource_version):
            return False
        known = self.get(seen.namespace, seen.name)
        if known:
            self._unlink(known)
        self._by_name[seen.namespace, seen.name] = seen
        self._by_owner[seen.namespace, seen.owner_uid][seen.name] = seen
        return True

    def forget(self, namespace: str, name: str, uid: str) -> bool:
        """Drop the Secret if it is the one that is known; tell whether it was."""
        known = self.get(namespace, name)
        if known is None or known.uid != uid:
            return False
        self._unlink(known)
        return True

    def _unlink(self, known: TokenSecret) -> None:
        self._by_name.pop((known.namespace, known.name), None)
        owner = (known.namespace, known.owner_uid)
        siblings = self._by_owner.get(owner, {})
        siblings.pop(known.name, None)
        if not siblings:
            self._by_owner.pop(owner, None)


def _is_newer(candidate: str, known: str) -> bool:
    """Compare resourceVersions as numbers, which they are in every released API server (KEP-5504)."""
    return int(candidate) > int(known)


def _discard(index: defaultdict[_Name, set[Key]], name: _Name, key: Key) -> None:
    """Take a key out of an index that keeps no empty sets."""
    index[name].discard(key)
    if not index[name]:
        del index[name]
