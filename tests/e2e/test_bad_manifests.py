"""What the API server refuses by itself, with a message that names the field; what it takes, it stores unchanged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from roomkeeper.api.room import KIND
from roomkeeper.localstack import KubectlError
from tests.e2e.manifests.bad_rooms import BAD_ROOMS, BadRoom
from tests.e2e.manifests.base import room, text
from tests.e2e.manifests.good_rooms import GOOD_ROOMS, GoodRoom
from tests.e2e.manifests.transitions import IMMUTABLE, TRANSITIONS, Transition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roomkeeper.localstack import LocalStack

DRY_RUN = ("--validate=strict", "--dry-run=server", "-f", "-")


@pytest.mark.stack
@pytest.mark.parametrize("bad", BAD_ROOMS, ids=lambda bad: bad.id)
def test_a_bad_room_is_refused_with_a_message_that_names_the_field(stack: LocalStack, bad: BadRoom) -> None:
    with pytest.raises(KubectlError) as refusal:
        stack.kubectl("apply", *DRY_RUN, input=text(room(bad.patch)))
    for part in bad.message:
        assert part in str(refusal.value)


@pytest.mark.stack
@pytest.mark.parametrize("good", GOOD_ROOMS, ids=lambda good: good.id)
def test_a_good_room_is_taken_and_loses_nothing(stack: LocalStack, good: GoodRoom) -> None:
    sent = room(good.patch)
    taken = json.loads(stack.kubectl("create", *DRY_RUN, "-o", "json", input=text(sent)))
    defaults = {
        "lifecycle": "Persistent",
        "departureTimeoutSeconds": 20,
        "metadataPolicy": "Merge",
        "minPlayoutDelayMilliseconds": 0,
        "maxPlayoutDelayMilliseconds": 0,
        "syncStreams": False,
        "updatePolicy": "WhenEmpty",
        "adoptionPolicy": "Adopt",
        "deletionGraceSeconds": 300,
        "suspend": False,
    }
    assert taken["spec"] == {**defaults, **sent["spec"]}  # and no default inside the roles


@pytest.fixture
def created(stack: LocalStack) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Create a Room; it is gone when the test is over."""
    names: list[str] = []

    def create(manifest: dict[str, Any]) -> None:
        stack.kubectl("create", "-f", "-", input=text(manifest))
        names.append(manifest["metadata"]["name"])

    yield create
    for name in names:
        stack.kubectl("--namespace=default", "delete", "room", name)


@pytest.mark.stack
@pytest.mark.parametrize("edit", TRANSITIONS, ids=lambda edit: edit.id)
def test_an_edit_is_taken_or_refused(
    stack: LocalStack, created: Callable[[dict[str, Any]], None], edit: Transition
) -> None:
    name = {"metadata": {"name": edit.id}}
    created(room({**edit.before, **name}))
    edited = text(room({**edit.after, **name}))
    if not edit.refusal:
        stack.kubectl("replace", *DRY_RUN, input=edited)
        return
    with pytest.raises(KubectlError) as refusal:
        stack.kubectl("replace", *DRY_RUN, input=edited)
    for part in edit.refusal:
        assert part in str(refusal.value)


def test_every_rule_has_a_room_or_an_edit_that_breaks_it() -> None:
    broken = [bad.message[-1] for bad in BAD_ROOMS] + [IMMUTABLE[-1]]
    untested = [rule for rule in KIND.rules if not any(part in rule.message for part in broken)]
    # With one lifecycle there is nothing that it could be changed to.
    assert [rule.field_path for rule in untested] == [".lifecycle"]


def test_ids_are_unique() -> None:
    ids = [row.id for row in (*BAD_ROOMS, *GOOD_ROOMS, *TRANSITIONS)]
    assert len(ids) == len(set(ids))
