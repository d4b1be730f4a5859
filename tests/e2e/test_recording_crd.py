"""Recording, RecordingStorage and RecordingSchedule on a real API server: accepted without reservations, and readable."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from roomkeeper.api.common import Condition, ConditionStatus
from roomkeeper.api.recording_schedule import ActiveRecording, RecordingScheduleStatus
from roomkeeper.api.recording_status import (
    MAX_ATTEMPTS,
    MAX_LOCATION,
    MAX_OBJECT_KEY,
    Attempt,
    Gap,
    RecordingState,
    RecordingStatus,
    Result,
    ResultType,
    StopReason,
)
from roomkeeper.api.recording_storage import RecordingStorageStatus
from roomkeeper.api.references import ResolvedServerRef, ResolvedStorageRef
from tests.e2e.manifests.base import JSON, recording, schedule, storage, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roomkeeper.api.status import Status
    from roomkeeper.localstack import LocalStack

pytestmark = pytest.mark.stack

NAME = "read-back"
MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
READY = Condition(
    type="Ready",
    status=ConditionStatus.TRUE,
    observed_generation=1,
    last_transition_time=MOMENT,
    reason="Available",
    message="Declared",  # one word: a table is read by its blanks
)
# The largest that there can be: whatever Egress answers, the operator can write it down.
RECORDING_STATUS = RecordingStatus(
    observed_generation=1,
    last_handled_reconcile_at="now",
    state=RecordingState.COMPLETE,
    room_name="default_standup",
    server_ref=ResolvedServerRef(namespace="livekit", name="main", uid="7f1c"),
    storage_ref=ResolvedStorageRef(namespace="livekit", name="archive", uid="8f1c"),
    egress_id="EG_11",
    applied_layout="speaker-dark",
    applied_streams=tuple(f"{number:016x}" for number in range(16)),
    stop_reason=StopReason.DEADLINE,
    attempts=tuple(
        Attempt(
            number=number,
            marker=f"x7k{number}",
            requested_at=MOMENT,
            egress_id=f"EG_{number}",
            state=RecordingState.FAILED,
            started_at=MOMENT,
            ended_at=MOMENT + HOUR,
            error="UploadFailed",
            error_code=400,
        )
        for number in range(1, MAX_ATTEMPTS + 1)
    ),
    started_at=MOMENT,
    ended_at=MOMENT + HOUR,
    recorded_seconds=3600,
    gaps=tuple(Gap(from_=MOMENT, to=MOMENT + HOUR) for _ in range(MAX_ATTEMPTS - 1)),
    results=tuple(
        Result(
            attempt=number,
            type=kind,
            filename="k" * MAX_OBJECT_KEY,
            location=f"https://s3.example.com/{number}/".ljust(MAX_LOCATION, "l"),
            size_bytes=2**53 - 1,
            duration_seconds=3600,
            playlist_location="p" * MAX_LOCATION,
            live_playlist_location="q" * MAX_LOCATION,
            segment_count=900,
            image_count=360,
            backup_storage_used=True,
        )
        for number in range(1, MAX_ATTEMPTS + 1)
        for kind in ResultType
    ),
    conditions=(READY,),
)
SCHEDULE_STATUS = RecordingScheduleStatus(
    observed_generation=1,
    last_handled_reconcile_at="now",
    active=tuple(ActiveRecording(name=f"{NAME}-{number}", uid=f"7f{number}") for number in range(100)),
    last_schedule_time=MOMENT,
    last_successful_time=MOMENT,
    next_schedule_time=MOMENT + HOUR,
    conditions=(READY,),
)
STORAGE_STATUS = RecordingStorageStatus(
    observed_generation=1, last_handled_reconcile_at="now", conditions=(READY,)
)

KINDS = pytest.mark.parametrize(
    ("plural", "manifest", "status"),
    [
        ("recordings", recording, RECORDING_STATUS),
        ("recordingstorages", storage, STORAGE_STATUS),
        ("recordingschedules", schedule, SCHEDULE_STATUS),
    ],
    ids=["Recording", "RecordingStorage", "RecordingSchedule"],
)


@pytest.fixture
def stored(stack: LocalStack, plural: str, manifest: Callable[[JSON], JSON]) -> Iterator[None]:
    stack.kubectl("create", "-f", "-", input=text(manifest({"metadata": {"name": NAME}})))
    yield
    stack.kubectl("--namespace=default", "delete", plural, NAME)


def write(stack: LocalStack, plural: str, status: Status) -> JSON:
    written: JSON = status.model_dump(mode="json", exclude_none=True)
    how = ("--subresource=status", "--type=merge", "--patch-file=/dev/stdin")
    patch = json.dumps({"status": written})  # more than fits into an argument
    stack.kubectl("--namespace=default", "patch", plural, NAME, *how, input=patch)
    return written


@KINDS
def test_the_crd_is_established_without_a_complaint(
    stack: LocalStack, plural: str, manifest: object, status: Status
) -> None:
    crd = json.loads(stack.kubectl("get", "crd", f"{plural}.roomkeeper.dev", "-o", "json"))
    conditions = {condition["type"]: condition["status"] for condition in crd["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}


@KINDS
def test_a_new_object_does_not_look_finished(
    stack: LocalStack, stored: None, plural: str, manifest: object, status: Status
) -> None:
    found = stack.kubectl("--namespace=default", "get", plural, NAME, "-o", "jsonpath={.status}")
    assert json.loads(found) == {"observedGeneration": -1}


@KINDS
def test_the_largest_status_is_stored_as_the_model_writes_it(
    stack: LocalStack, stored: None, plural: str, manifest: object, status: Status
) -> None:
    written = write(stack, plural, status)
    read = json.loads(stack.kubectl("--namespace=default", "get", plural, NAME, "-o", "jsonpath={.status}"))
    assert read == written
    assert type(status).model_validate(read) == status


def test_explain_tells_which_source_takes_which_output(stack: LocalStack) -> None:
    explained = " ".join(stack.kubectl("explain", "recording.spec.outputs").split())
    for part in (
        "at least one of file, hls, images, stream and websocket",
        "One file. Every source takes it.",
        "for HTTP Live Streaming. Every source but track takes it.",
        "Every source but track takes it, if it has video.",
        "Live streams to other services, as the server's policy allows it. Every source but track takes it.",
        "Only source track takes it, instead of file.",
        "Frozen once an attempt has begun.",
        "LiveKit: `SegmentedFileOutput`.",
    ):
        assert part in explained


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("recording.spec.source.trackComposite.identity", "with audioSource, videoSource or both"),
        ("recording.spec.outputs.file.filepath", "for web only {time} and {utc}"),
        ("recording.spec.encoding.advanced.audioCodec", "AAC, for MP4, hls and stream"),
        ("recording.spec.storage.s3.credentialsSecretRef", "`AWS_SECRET_ACCESS_KEY`"),
        ("recordingstorage.spec.prefixTemplate", "so that no tenant writes over another's media"),
        ("recordingschedule.spec.recordingTemplate.spec.outputs.hls.segmentSeconds", "in seconds: 1 to 60"),
    ],
)
def test_explain_teaches_a_field(stack: LocalStack, path: str, part: str) -> None:
    assert part in " ".join(stack.kubectl("explain", path).split())


def row_of(stack: LocalStack, *what: str) -> dict[str, str]:
    """The only row of a table; columns of one word each."""
    header, row = stack.kubectl("--namespace=default", "get", *what).splitlines()
    return dict(zip(header.split(), row.split(), strict=True))


@pytest.mark.parametrize(("plural", "manifest"), [("recordings", recording)])
def test_a_recording_is_shown_with_what_one_looks_for(
    stack: LocalStack, stored: None, plural: str, manifest: object
) -> None:
    named = recording({"metadata": {"name": NAME}})["spec"]["roomRef"]["name"]
    shown = RECORDING_STATUS.model_copy(
        update={
            "started_at": datetime.now(UTC) - timedelta(days=3),
            "results": (Result(attempt=1, type=ResultType.FILE, location="https://s3.example.com/a.mp4"),),
        }
    )
    write(stack, plural, shown)
    row = row_of(stack, "lkrec", "-o", "wide")
    del row["AGE"]
    assert row == {
        "NAME": NAME,
        "ROOM": "default_standup",
        "STATE": "Complete",
        "READY": "True",
        "EGRESS": "EG_11",
        "STARTED": "3d",
        "DURATION": "3600",
        "LOCATION": "https://s3.example.com/a.mp4",
        "STATUS": "Declared",
    }
    assert list(row_of(stack, "lkrec")) == ["NAME", "ROOM", "STATE", "READY", "STARTED", "DURATION", "AGE"]

    found = ("--namespace=default", "get", "lkrec", "-o", "name", "--field-selector")
    for selector in (f"spec.roomRef.name={named}", "status.state=Complete"):
        assert stack.kubectl(*found, selector).split() == [f"recording.roomkeeper.dev/{NAME}"]
    for selector in ("spec.roomName=standup", "status.state=Active"):
        assert stack.kubectl(*found, selector).split() == []


@pytest.mark.parametrize(("plural", "manifest"), [("recordingstorages", storage)])
def test_a_storage_is_shown_with_whether_it_works(
    stack: LocalStack, stored: None, plural: str, manifest: object
) -> None:
    write(stack, plural, STORAGE_STATUS)
    header, row = stack.kubectl("--namespace=default", "get", "lkstore", "-o", "wide").splitlines()
    assert header.split() == ["NAME", "READY", "STATUS", "AGE"]
    assert row.split()[:-1] == [NAME, "True", "Declared"]


@pytest.mark.parametrize(("plural", "manifest"), [("recordingschedules", schedule)])
def test_a_schedule_is_shown_with_when_it_records(
    stack: LocalStack, stored: None, plural: str, manifest: object
) -> None:
    write(stack, plural, SCHEDULE_STATUS)
    header, row = stack.kubectl("--namespace=default", "get", "lksched", "-o", "wide").splitlines()
    columns = ["NAME", "SCHEDULE", "TRIGGER", "SUSPEND", "READY", "LAST", "NEXT", "STATUS", "AGE"]
    assert header.split() == columns
    assert "0 9 * * 1-5" in row
    assert "2026-01-02T04:04:05Z" in row
    assert "false" in row
