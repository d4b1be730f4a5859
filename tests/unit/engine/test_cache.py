from __future__ import annotations

from typing import Any

import pytest

from roomkeeper.domain.objects import CustomObject, Key, TokenSecret
from roomkeeper.engine import cache as module
from roomkeeper.engine.cache import ObjectCache, SecretCache
from roomkeeper.engine.namespaces import NamespaceCache
from roomkeeper.engine.servers import ServerDirectory

KEY = Key("Room", "team", "a")
DIRECTORY = ServerDirectory(own=None, default=None, namespaces=NamespaceCache(is_readable=True))


def room(version: int, *, uid: str = "1", name: str = "a", **parts: Any) -> CustomObject:
    body = {
        "metadata": {
            "namespace": "team",
            "name": name,
            "uid": uid,
            "resourceVersion": str(version),
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        **parts,
    }
    return CustomObject.from_body("Room", body)


def secret(version: int, *, uid: str = "s1", name: str = "a.host", owner: str = "1") -> TokenSecret:
    metadata = {
        "namespace": "team",
        "name": name,
        "uid": uid,
        "resourceVersion": str(version),
        "ownerReferences": [{"controller": True, "uid": owner, "name": "a"}],
    }
    return TokenSecret.from_body({"metadata": metadata})


@pytest.fixture
def objects() -> ObjectCache:
    return ObjectCache(DIRECTORY.room_name)


@pytest.fixture
def secrets() -> SecretCache:
    return SecretCache()


def test_the_newest_version_counts(objects: ObjectCache) -> None:
    assert objects.observe(room(9))
    assert not objects.observe(room(9))
    assert not objects.observe(room(8))
    assert objects.observe(room(10))  # as numbers: "10" < "9"
    known = objects.get(KEY)
    assert known is not None
    assert known.resource_version == "10"
    assert len(objects) == 1


def test_what_was_deleted_does_not_come_back(objects: ObjectCache) -> None:
    objects.observe(room(1))
    assert objects.forget(KEY, "1")
    assert not objects.forget(KEY, "1")
    assert not objects.observe(room(2))
    assert objects.get(KEY) is None


def test_a_deletion_that_comes_before_the_object_counts(objects: ObjectCache) -> None:
    assert not objects.forget(KEY, "1")
    assert not objects.observe(room(1))


def test_the_late_deletion_of_a_predecessor_leaves_the_object(objects: ObjectCache) -> None:
    objects.observe(room(5, uid="2"))
    assert not objects.forget(KEY, "1")
    assert objects.get(KEY) is not None


def test_a_successor_replaces_its_predecessor(objects: ObjectCache) -> None:
    objects.observe(room(1))
    assert objects.observe(room(5, uid="2"))
    known = objects.get(KEY)
    assert known is not None
    assert known.uid == "2"


def test_a_late_event_of_a_predecessor_changes_nothing(objects: ObjectCache) -> None:
    objects.observe(room(5, uid="2"))
    assert not objects.observe(room(4, uid="1"))
    known = objects.get(KEY)
    assert known is not None
    assert known.uid == "2"


def test_what_has_left_our_shard_may_come_back(objects: ObjectCache) -> None:
    objects.observe(room(3))
    assert objects.forget(KEY, "1", version="5")
    assert not objects.observe(room(5))  # a list that was under way
    assert objects.observe(room(7))


def test_what_is_back_already_stays(objects: ObjectCache) -> None:
    objects.observe(room(7))
    assert not objects.forget(KEY, "1", version="5")
    assert objects.get(KEY) is not None


def test_tombstones_do_not_pile_up(objects: ObjectCache, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(module.TOMBSTONES + 10):
        objects.forget(KEY, str(number))
    assert objects.observe(room(1, uid="9"))  # long forgotten
    assert not objects.observe(room(2, uid=str(module.TOMBSTONES + 9)))


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        ({}, "team_a"),
        ({"spec": {"roomName": "team_x"}}, "team_x"),
        ({"spec": {"roomName": "team_x"}, "status": {"roomName": "team_y"}}, "team_y"),
    ],
    ids=["default", "declared", "sticky"],
)
def test_a_room_claims_a_name(objects: ObjectCache, parts: dict[str, Any], name: str) -> None:
    objects.observe(room(1, **parts))
    assert DIRECTORY.room_name(room(1, **parts)) == name
    assert [claimant.key for claimant in objects.claimants(name)] == [KEY]


def test_several_rooms_claim_one_name(objects: ObjectCache) -> None:
    for name in "ab":
        objects.observe(room(1, uid=name, name=name, spec={"roomName": "team_x"}))
    assert {claimant.key.name for claimant in objects.claimants("team_x")} == {"a", "b"}
    objects.forget(KEY, "a")
    assert {claimant.key.name for claimant in objects.claimants("team_x")} == {"b"}
    assert {found.key.name for found in objects.rooms()} == {"b"}


def test_a_claim_ends_with_its_object(objects: ObjectCache) -> None:
    objects.observe(room(1))
    objects.forget(KEY, "1")
    assert objects.claimants("team_a") == []


def test_a_successor_with_another_name_takes_its_predecessors_claim_away(objects: ObjectCache) -> None:
    objects.observe(room(1, spec={"roomName": "team_old"}))
    objects.observe(room(5, uid="2", spec={"roomName": "team_new"}))
    assert objects.claimants("team_old") == []
    objects.forget(KEY, "2")
    assert objects.claimants("team_old") == []
    assert objects.claimants("team_new") == []


def recording(
    version: int, *, name: str = "a-1", namespace: str = "team", owner: str | None = "1"
) -> CustomObject:
    references = [{"controller": True, "uid": owner, "name": "a"}] if owner else []
    metadata = {
        "namespace": namespace,
        "name": name,
        "uid": f"{namespace}-{name}",
        "resourceVersion": str(version),
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "ownerReferences": references,
    }
    return CustomObject.from_body("Recording", {"metadata": metadata})


def test_objects_are_found_by_the_one_that_controls_them(objects: ObjectCache) -> None:
    for name in ("a-1", "a-2"):
        objects.observe(recording(1, name=name))
    objects.observe(recording(1, name="b-1", owner="2"))
    objects.observe(recording(1, name="declared", owner=None))
    assert {child.key.name for child in objects.children("team", "1")} == {"a-1", "a-2"}
    assert {child.key.name for child in objects.children("team", "2")} == {"b-1"}
    assert objects.children("team", "3") == objects.children("team", "") == []


def test_who_writes_a_foreign_uid_on_an_object_of_their_own_makes_no_child_of_it(
    objects: ObjectCache,
) -> None:
    objects.observe(recording(1, namespace="other"))
    assert objects.children("team", "1") == []


def test_a_child_is_lost_with_its_reference_and_with_its_object(objects: ObjectCache) -> None:
    for name in ("a-1", "a-2"):
        objects.observe(recording(1, name=name))
    objects.observe(recording(2, name="a-1", owner=None))
    objects.forget(Key("Recording", "team", "a-2"), "team-a-2")
    assert objects.children("team", "1") == []


def test_objects_are_found_by_kind(objects: ObjectCache) -> None:
    objects.observe(room(1))
    objects.observe(recording(1))
    assert [found.key for found in objects.of_kind("Room")] == [KEY]
    assert [found.key.name for found in objects.of_kind("Recording")] == ["a-1"]
    objects.forget(KEY, "1")
    assert objects.of_kind("Room") == objects.of_kind("RecordingSchedule") == []


def test_every_new_version_is_told(objects: ObjectCache) -> None:
    told: list[tuple[str | None, str]] = []
    objects.on_change = lambda before, seen: told.append(
        (before.resource_version if before else None, seen.resource_version)
    )
    for version in (1, 1, 2):
        objects.observe(room(version))
    assert told == [(None, "1"), ("1", "2")]


def test_the_newest_version_of_a_secret_counts(secrets: SecretCache) -> None:
    assert secrets.observe(secret(9))
    assert not secrets.observe(secret(9))
    assert secrets.observe(secret(10))
    known = secrets.get("team", "a.host")
    assert known is not None
    assert known.resource_version == "10"


def test_secrets_are_found_by_owner(secrets: SecretCache) -> None:
    secrets.observe(secret(1))
    secrets.observe(secret(2, uid="s2", name="a.viewer"))
    secrets.observe(secret(3, uid="s3", name="b.host", owner="2"))
    assert set(secrets.owned_by("team", "1")) == {"a.host", "a.viewer"}
    assert set(secrets.owned_by("team", "2")) == {"b.host"}
    assert secrets.owned_by("team", "3") == {}
    assert len(secrets) == len(secrets.all()) == 3


def test_a_secret_that_changes_its_owner_is_found_at_the_new_one(secrets: SecretCache) -> None:
    secrets.observe(secret(1))
    secrets.observe(secret(2, owner="2"))
    assert secrets.owned_by("team", "1") == {}
    assert set(secrets.owned_by("team", "2")) == {"a.host"}


def test_a_secret_is_forgotten_by_its_uid(secrets: SecretCache) -> None:
    secrets.observe(secret(1))
    assert secrets.observe(secret(2, uid="s2"))
    assert not secrets.forget("team", "a.host", "s1")
    assert secrets.forget("team", "a.host", "s2")
    assert not secrets.forget("team", "a.host", "s2")
    assert secrets.owned_by("team", "1") == {}
    assert len(secrets) == 0
