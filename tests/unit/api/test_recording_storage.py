from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from roomkeeper.api.recording import RecordingSpec
from roomkeeper.api.recording_schedule import ConcurrencyPolicy, RecordingScheduleSpec
from roomkeeper.api.recording_storage import RecordingStorageSpec

LEAST: dict[str, Any] = {
    "roomRef": {"name": "standup"},
    "source": {"roomComposite": {}},
    "outputs": {"file": {}},
}


def test_abbreviations_of_a_store_are_written_in_capitals() -> None:
    target = {"aliOSS": {"bucket": "a", "endpoint": "b", "credentialsSecretRef": {"name": "keys"}}}
    storage = RecordingStorageSpec.model_validate(target)
    assert storage.ali_oss is not None
    assert storage.model_dump(mode="json", exclude_defaults=True) == target
    role = {"s3": {"bucket": "a", "assumeRoleARN": "arn:aws:iam::123456789012:role/writer"}}
    assert RecordingStorageSpec.model_validate(role).model_dump(mode="json", exclude_defaults=True) == role


@pytest.mark.parametrize(
    ("target", "secret"),
    [
        ({"s3": {"bucket": "a"}}, None),
        ({"s3": {"bucket": "a", "credentialsSecretRef": {"name": "keys"}}}, "keys"),
        ({"gcp": {"bucket": "a"}}, None),
        ({"gcp": {"bucket": "a", "credentialsSecretRef": {"name": "keys"}}}, "keys"),
        (
            {
                "azure": {
                    "accountName": "abc",
                    "containerName": "abc",
                    "credentialsSecretRef": {"name": "keys"},
                }
            },
            "keys",
        ),
        ({"aliOSS": {"bucket": "a", "endpoint": "b", "credentialsSecretRef": {"name": "keys"}}}, "keys"),
    ],
)
def test_a_store_tells_where_its_credentials_are(target: dict[str, Any], secret: str | None) -> None:
    found = RecordingStorageSpec.model_validate(target).credentials_secret_ref
    assert (found and found.name) == secret


@pytest.mark.parametrize("store", ["azure", "aliOSS"])
def test_a_store_that_knows_no_other_identity_needs_credentials(store: str) -> None:
    fields = {"accountName": "abc", "containerName": "abc", "bucket": "a", "endpoint": "b"}
    with pytest.raises(ValidationError, match="credentialsSecretRef"):
        RecordingStorageSpec.model_validate({store: fields})


def test_a_storage_by_default_is_for_its_own_namespace_alone() -> None:
    spec = RecordingStorageSpec.model_validate({"s3": {"bucket": "a"}})
    assert spec.prefix_template == "{namespace}/"
    assert spec.allowed_namespaces.from_ == "Same"
    assert spec.allowed_servers == ()


def test_a_schedule_by_default() -> None:
    spec = RecordingScheduleSpec.model_validate(
        {"schedule": "0 9 * * *", "recordingTemplate": {"spec": LEAST}}
    )
    assert (spec.trigger, spec.time_zone, spec.suspend) == (None, None, False)
    assert spec.concurrency_policy is ConcurrencyPolicy.FORBID
    assert spec.starting_deadline_seconds == 300
    assert (spec.successful_recordings_history_limit, spec.failed_recordings_history_limit) == (3, 1)
    assert (spec.recording_template.metadata.labels, spec.recording_template.metadata.annotations) == ({}, {})
    assert spec.recording_template.spec == RecordingSpec.model_validate(LEAST)
