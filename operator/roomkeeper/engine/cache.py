"""What the API server last told about our objects and their Secrets.

Events, lists and the answers to our own writes all end here; whichever carries the newest resourceVersion counts,
so an event that was overtaken by our own write changes nothing.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING

from roomkeeper.domain import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from roomkeeper.domain.objects import CustomObject, Key, TokenSecret


TOMBSTONES = 10_000


class ObjectCache:
    """Our custom objects by key, and Rooms by the name they claim on LiveKit."""

    def __init__(self) -> None:
        """Start empty."""
        self._objects: dict[Key, CustomObject] = {}
        self._claims: defaultdict[str, set[Key]] = defaultdict(set)
        self._buried: deque[str] = deque(maxlen=TOMBSTONES)
        self._buried_set: set[str] = set()

    def __len__(self) -> int:
        """Count the objects."""
        return len(self._objects)

    def get(self, key: Key) -> CustomObject | None:
        """Return the object, if it is there."""
        return self._objects.get(key)

    def observe(self, seen: CustomObject) -> bool:
        """Remember the object unless a newer version is known; tell whether anything changed."""
        known = self._objects.get(seen.key)
        if seen.uid in self._buried_set:
            return False
        if known and not _is_newer(seen.resource_version, known.resource_version):
            return False
        if known:
            self._unlink(known)
        self._objects[seen.key] = seen
        self._claims[room_name(seen)].add(seen.key)
        return True

    def forget(self, key: Key, uid: str) -> bool:
        """Drop the object for good: late events about this uid are ignored. Tell whether it was there."""
        if uid not in self._buried_set:
            if len(self._buried) == TOMBSTONES:
                self._buried_set.discard(self._buried[0])
            self._buried.append(uid)
            self._buried_set.add(uid)
        known = self._objects.get(key)
        if known is None or known.uid != uid:
            return False
        self._unlink(known)
        return True

    def claimants(self, name: str) -> list[CustomObject]:
        """Return the Rooms that claim a name on LiveKit."""
        return [self._objects[key] for key in self._claims.get(name, ())]

    def rooms(self) -> Iterable[CustomObject]:
        """Return every Room."""
        return list(self._objects.values())

    def _unlink(self, known: CustomObject) -> None:
        del self._objects[known.key]
        claimants = self._claims[room_name(known)]
        claimants.discard(known.key)
        if not claimants:
            del self._claims[room_name(known)]


def room_name(room: CustomObject) -> str:
    """Return the name a Room claims on LiveKit: what status says once it does, so that a template may change."""
    sticky = room.status.get("roomName")
    declared = room.spec.get("roomName")
    return str(sticky or declared or names.default_room_name(room.key))


class SecretCache:
    """Token Secrets by name and by the Room that owns them."""

    def __init__(self) -> None:
        """Start empty."""
        self._by_name: dict[tuple[str, str], TokenSecret] = {}
        self._by_owner: defaultdict[str, dict[str, TokenSecret]] = defaultdict(dict)

    def __len__(self) -> int:
        """Count the Secrets."""
        return len(self._by_name)

    def get(self, namespace: str, name: str) -> TokenSecret | None:
        """Return the Secret, if it is known."""
        return self._by_name.get((namespace, name))

    def owned_by(self, uid: str) -> Mapping[str, TokenSecret]:
        """Return a Room's Secrets by name."""
        return dict(self._by_owner.get(uid, {}))

    def all(self) -> list[TokenSecret]:
        """Return every Secret."""
        return list(self._by_name.values())

    def observe(self, seen: TokenSecret) -> bool:
        """Remember the Secret unless a newer version is known; tell whether anything changed."""
        known = self.get(seen.namespace, seen.name)
        if known and not _is_newer(seen.resource_version, known.resource_version):
            return False
        if known:
            self._unlink(known)
        self._by_name[seen.namespace, seen.name] = seen
        self._by_owner[seen.owner_uid][seen.name] = seen
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
        siblings = self._by_owner.get(known.owner_uid, {})
        siblings.pop(known.name, None)
        if not siblings:
            self._by_owner.pop(known.owner_uid, None)


def _is_newer(candidate: str, known: str) -> bool:
    """Compare resourceVersions as numbers, which they are in every released API server (KEP-5504)."""
    return int(candidate) > int(known)
