"""The status of a Recording as people and the API server read it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator

from roomkeeper.api import crd
from roomkeeper.api.common import rfc3339
from roomkeeper.api.recording import KIND
from roomkeeper.domain.conditions import find
from roomkeeper.domain.recording_status import conclude
from tests.unit.domain.builders import NOW
from tests.unit.domain.schemas import strict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.unit.domain.recording_builders import RecordingBuilder

SCHEMA = Draft202012Validator(strict(crd.schema(KIND)["properties"]["status"]))


def shown(recording: RecordingBuilder) -> dict[str, Any]:
    """Return the status, which the API server takes."""
    status = conclude(recording.build()).status
    SCHEMA.validate(status)
    return status


def condition(status: Mapping[str, Any], kind: str) -> tuple[str, str] | None:
    """Return the status and the reason of a condition."""
    found = find(status.get("conditions", ()), kind)
    return (found["status"], found["reason"]) if found else None


def in_seconds(seconds: float) -> str:
    """Return the time so long after NOW, as status has it."""
    return rfc3339(NOW + timedelta(seconds=seconds))
