from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from roomkeeper.api.common import Condition, ConditionStatus, errors
from roomkeeper.api.room import RoomSpec


def test_errors_name_the_field_as_it_is_written_in_yaml() -> None:
    with pytest.raises(ValidationError) as refusal:
        RoomSpec.model_validate({"roles": [{"name": "host", "ttlSeconds": 5}], "maxParticipants": 0})
    assert errors(refusal.value) == (
        "spec.maxParticipants: Input should be greater than or equal to 1; "
        "spec.roles[0].ttlSeconds: Input should be greater than or equal to 600"
    )


@pytest.mark.parametrize(
    "spec",
    [
        {"metadataPolicy": "hunter2"},
        {"maxParticipants": "hunter2"},
        {"roles": "hunter2"},
        {"roles": [{"name": "HUNTER2 hunter2"}]},
    ],
)
def test_errors_never_repeat_a_value(spec: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as refusal:
        RoomSpec.model_validate(spec)
    assert "hunter2" not in errors(refusal.value)


def test_errors_are_cut_short_when_there_are_many() -> None:
    with pytest.raises(ValidationError) as refusal:
        RoomSpec.model_validate({"roles": [{} for _ in range(13)]})
    message = errors(refusal.value, root="template.spec")
    assert message.startswith("template.spec.roles[0].name: ")
    assert message.endswith("; and 3 more")
    assert "roles[10]" not in message


def test_condition_is_written_as_kubernetes_writes_it() -> None:
    moment = datetime(2026, 1, 2, 4, 4, 5, 999_999, tzinfo=timezone(timedelta(hours=1)))
    condition = Condition(
        type="Ready",
        status=ConditionStatus.TRUE,
        last_transition_time=moment,
        reason="Available",
        message="",
        observed_generation=3,
    )
    assert condition.model_dump(mode="json", exclude_none=True) == {
        "type": "Ready",
        "status": "True",
        "observedGeneration": 3,
        "lastTransitionTime": "2026-01-02T03:04:05Z",
        "reason": "Available",
        "message": "",
    }
    stored = condition.model_dump(mode="json")
    assert Condition.model_validate(stored).last_transition_time == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
