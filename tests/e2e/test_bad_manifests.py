"""What the API server refuses by itself, with a message that names the field; what it takes, it stores unchanged."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from roomkeeper.api import recording as recording_api
from roomkeeper.api import recording_schedule as schedule_api
from roomkeeper.api import recording_storage as storage_api
from roomkeeper.api import room as room_api
from roomkeeper.api import server as server_api
from roomkeeper.localstack import KubectlError
from tests.e2e.manifests.bad_recordings import BAD_RECORDINGS
from tests.e2e.manifests.bad_rooms import BAD_ROOMS
from tests.e2e.manifests.bad_schedules import BAD_SCHEDULES
from tests.e2e.manifests.bad_servers import BAD_SERVERS
from tests.e2e.manifests.bad_storages import BAD_STORAGES
from tests.e2e.manifests.base import (
    JSON,
    Bad,
    Good,
    Transition,
    recording,
    room,
    schedule,
    server,
    storage,
    text,
)
from tests.e2e.manifests.good_recordings import GOOD_RECORDINGS, GOOD_SCHEDULES
from tests.e2e.manifests.good_rooms import GOOD_ROOMS
from tests.e2e.manifests.good_servers import GOOD_SERVERS
from tests.e2e.manifests.good_storages import GOOD_STORAGES
from tests.e2e.manifests.recording_transitions import (
    RECORDING_TRANSITIONS,
    SCHEDULE_TRANSITIONS,
    STORAGE_TRANSITIONS,
)
from tests.e2e.manifests.transitions import SERVER_TRANSITIONS, TRANSITIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roomkeeper.api.kind import Kind
    from roomkeeper.localstack import LocalStack

DRY_RUN = ("--validate=strict", "--dry-run=server", "-f", "-")


@dataclass(frozen=True)
class Suite:
    """All manifests of a kind, and what the API server adds to a spec: to an object in it only where that is given."""

    kind: Kind
    manifest: Callable[[JSON], JSON]
    bad: tuple[Bad, ...]
    good: tuple[Good, ...]
    transitions: tuple[Transition, ...]
    defaults: JSON


ROOMS = Suite(
    kind=room_api.KIND,
    manifest=room,
    bad=BAD_ROOMS,
    good=GOOD_ROOMS,
    transitions=TRANSITIONS,
    defaults={
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
    },
)
SERVERS = Suite(
    kind=server_api.KIND,
    manifest=server,
    bad=BAD_SERVERS,
    good=GOOD_SERVERS,
    transitions=SERVER_TRANSITIONS,
    defaults={"roomNameTemplate": "{namespace}_{name}", "autoCreate": "Auto", "resyncSeconds": 60},
)
_RECORDING_DEFAULTS: JSON = {
    "source": {
        "roomComposite": {"audioOnly": False, "videoOnly": False, "audioMixing": "Default"},
        "participant": {"screenShare": False},
        "web": {"audioOnly": False, "videoOnly": False, "awaitStartSignal": False},
    },
    "outputs": {
        "hls": {
            "segmentPrefix": "segment",
            "playlistName": "index.m3u8",
            "segmentSeconds": 4,
            "filenameSuffix": "Index",
        },
        "images": {"intervalSeconds": 10},
        "stream": {"protocol": "RTMP"},
    },
    "storage": {"s3": {"forcePathStyle": False}},
    "stopWhenEmptySeconds": 0,
    "backoffLimit": 2,
    "disableManifest": False,
    "deletionGraceSeconds": 300,
}
RECORDINGS = Suite(
    kind=recording_api.KIND,
    manifest=recording,
    bad=BAD_RECORDINGS,
    good=GOOD_RECORDINGS,
    transitions=RECORDING_TRANSITIONS,
    defaults=_RECORDING_DEFAULTS,
)
STORAGES = Suite(
    kind=storage_api.KIND,
    manifest=storage,
    bad=BAD_STORAGES,
    good=GOOD_STORAGES,
    transitions=STORAGE_TRANSITIONS,
    defaults={"s3": {"forcePathStyle": False}, "prefixTemplate": "{namespace}/"},
)
SCHEDULES = Suite(
    kind=schedule_api.KIND,
    manifest=schedule,
    bad=BAD_SCHEDULES,
    good=GOOD_SCHEDULES,
    transitions=SCHEDULE_TRANSITIONS,
    defaults={
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": 300,
        "suspend": False,
        "successfulRecordingsHistoryLimit": 3,
        "failedRecordingsHistoryLimit": 1,
        "recordingTemplate": {"spec": _RECORDING_DEFAULTS},
    },
)
SUITES = (ROOMS, SERVERS, RECORDINGS, STORAGES, SCHEDULES)


def completed(spec: JSON, defaults: JSON) -> JSON:
    """What the API server makes of a spec."""
    of_objects = {field: value for field, value in defaults.items() if isinstance(value, dict)}
    plain = {field: value for field, value in defaults.items() if field not in of_objects}
    return {
        **plain,
        **{
            field: completed(value, of_objects[field]) if field in of_objects else value
            for field, value in spec.items()
        },
    }


def rows(part: str) -> Any:
    """Every row of one part of every suite, with its suite."""
    return pytest.mark.parametrize(
        ("suite", "row"),
        [
            pytest.param(suite, row, id=f"{suite.kind.kind}-{row.id}")
            for suite in SUITES
            for row in getattr(suite, part)
        ],
    )


@pytest.mark.stack
@rows("bad")
def test_a_bad_object_is_refused_with_a_message_that_names_the_field(
    stack: LocalStack, suite: Suite, row: Bad
) -> None:
    with pytest.raises(KubectlError) as refusal:
        stack.kubectl("apply", *DRY_RUN, input=text(suite.manifest(row.patch)))
    for part in row.message:
        assert part in str(refusal.value)


@pytest.mark.stack
@rows("good")
def test_a_good_object_is_taken_and_loses_nothing(stack: LocalStack, suite: Suite, row: Good) -> None:
    sent = suite.manifest(row.patch)
    taken = json.loads(stack.kubectl("create", *DRY_RUN, "-o", "json", input=text(sent)))
    assert taken["spec"] == completed(sent["spec"], suite.defaults)  # and no default inside lists
    suite.kind.model.model_validate(taken)


@pytest.fixture
def created(stack: LocalStack) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Create an object; it is gone when the test is over."""
    names: list[str] = []

    def create(manifest: dict[str, Any]) -> None:
        stack.kubectl("create", "-f", "-", input=text(manifest))
        names.append(f"{manifest['kind'].lower()}/{manifest['metadata']['name']}")

    yield create
    for name in names:
        stack.kubectl("--namespace=default", "delete", name)


@pytest.mark.stack
@rows("transitions")
def test_an_edit_is_taken_or_refused(
    stack: LocalStack, created: Callable[[dict[str, Any]], None], suite: Suite, row: Transition
) -> None:
    name = {"metadata": {"name": row.id}}
    created(suite.manifest({**row.before, **name}))
    if row.status:
        written = ("--subresource=status", "--type=merge", "-p", json.dumps({"status": row.status}))
        stack.kubectl("--namespace=default", "patch", suite.kind.plural, row.id, *written)
    edited = text(suite.manifest({**row.after, **name}))
    if not row.refusal:
        stack.kubectl("replace", *DRY_RUN, input=edited)
        return
    with pytest.raises(KubectlError) as refusal:
        stack.kubectl("replace", *DRY_RUN, input=edited)
    for part in row.refusal:
        assert part in str(refusal.value)


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.kind.kind)
def test_every_rule_has_an_object_or_an_edit_that_breaks_it(suite: Suite) -> None:
    broken = [bad.message[-1] for bad in suite.bad]
    broken += [edit.refusal[-1] for edit in suite.transitions if edit.refusal]
    assert [rule for rule in suite.kind.rules if not any(part in rule.message for part in broken)] == []


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.kind.kind)
def test_ids_are_unique(suite: Suite) -> None:
    ids = [row.id for row in (*suite.bad, *suite.good, *suite.transitions)]
    assert len(ids) == len(set(ids))
