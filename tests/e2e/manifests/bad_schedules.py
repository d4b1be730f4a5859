"""RecordingSchedules that the API server refuses, each with what its message must say."""

from __future__ import annotations

from typing import Any, Final

from tests.e2e.manifests.bad_recordings import BAD_TEMPLATES
from tests.e2e.manifests.base import JSON, Bad, spec

_TEMPLATE: Final = "spec.recordingTemplate.spec"
_METADATA: Final = "spec.recordingTemplate.metadata"


def _template(**fields: Any) -> JSON:
    return spec(recordingTemplate={"spec": fields})


def _metadata(**fields: Any) -> JSON:
    return spec(recordingTemplate={"metadata": fields})


_OWN: Final = (
    Bad("name-too-long", {"metadata": {"name": "s" * 53}}, ("metadata.name", "no more than 52 characters")),
    Bad("no-spec", {"spec": None}, ("spec: Required value",)),
    Bad("no-template", spec(recordingTemplate=None), ("spec.recordingTemplate", "Required value")),
    Bad("no-spec-of-the-template", spec(recordingTemplate={"spec": None}), (_TEMPLATE, "Required value")),
    Bad(
        "neither-schedule-nor-trigger",
        spec(schedule=None, timeZone=None),
        ("spec.schedule", "exactly one of schedule and trigger must be given"),
    ),
    Bad(
        "schedule-and-trigger",
        spec(trigger="EverySession"),
        ("spec.schedule", "exactly one of schedule and trigger must be given"),
    ),
    *(
        Bad(f"cron-{number}", spec(schedule=cron), ("spec.schedule", "schedule must have five fields"))
        for number, cron in enumerate(
            (
                "@daily",
                "0 9 * *",
                "0 0 9 * * 1-5",
                "TZ=UTC 0 9 * * *",
                "0 9 * * 1-5\n",
                " 0 9 * * *",
                "0 9 ? * *",
            )
        )
    ),
    Bad("cron-empty", spec(schedule=""), ("spec.schedule", "at least 1 chars long")),
    Bad("trigger-unknown", spec(schedule=None, trigger="Session"), ("spec.trigger", '"EverySession"')),
    Bad("time-zone-with-a-path", spec(timeZone="../etc/passwd"), ("spec.timeZone", "should match")),
    Bad(
        "time-zone-of-a-trigger",
        spec(schedule=None, trigger="EverySession"),
        ("spec.timeZone", "timeZone goes with schedule"),
    ),
    Bad(
        "concurrency-policy-unknown",
        spec(concurrencyPolicy="Wait"),
        ("spec.concurrencyPolicy", '"Forbid", "Allow", "Replace"'),
    ),
    Bad(
        "starting-deadline-too-short",
        spec(startingDeadlineSeconds=9),
        ("spec.startingDeadlineSeconds", "equal to 10"),
    ),
    Bad(
        "history-negative",
        spec(successfulRecordingsHistoryLimit=-1),
        ("spec.successfulRecordingsHistoryLimit", "equal to 0"),
    ),
    Bad(
        "history-too-long",
        spec(failedRecordingsHistoryLimit=101),
        ("spec.failedRecordingsHistoryLimit", "less than or equal to 100"),
    ),
    Bad(
        "sessions-of-no-room",
        spec(
            schedule=None,
            timeZone=None,
            trigger="EverySession",
            recordingTemplate={
                "spec": {
                    "roomRef": None,
                    "source": {"roomComposite": None, "web": {"url": "https://example.com"}},
                    "outputs": {"file": {"filepath": None}},
                }
            },
        ),
        (f"{_TEMPLATE}.roomRef", "trigger EverySession needs roomRef or roomName"),
    ),
    Bad(
        "start-at-of-a-template",
        _template(startAt="2026-01-02T03:04:05Z"),
        (f"{_TEMPLATE}.startAt", "startAt is not for a template"),
    ),
    Bad(
        "desired-state-of-a-template",
        _template(desiredState="Stopped"),
        (f"{_TEMPLATE}.desiredState", "desiredState is not for a template"),
    ),
    Bad(
        "name-of-a-recording",
        _metadata(name="standup"),
        (f'unknown field "{_METADATA}.name"',),
    ),
    *(
        row
        for field in ("labels", "annotations")
        for row in (
            Bad(
                f"reserved-key-of-{field}",
                _metadata(**{field: {"roomkeeper.dev/schedule": "other"}}),
                (f"{_METADATA}.{field}", f"subdomains are not allowed in {field}"),
            ),
            Bad(
                f"malformed-key-of-{field}",
                _metadata(**{field: {"a b": "x"}}),
                (f"{_METADATA}.{field}", f"a key of {field} must be a name"),
            ),
        )
    ),
)


def _in_a_template(bad: Bad) -> Bad:
    """Put the spec of a Recording where a template has it."""
    where, *why = bad.message
    return Bad(
        f"template-{bad.id}", spec(recordingTemplate=bad.patch), (where.replace("spec", _TEMPLATE, 1), *why)
    )


BAD_SCHEDULES: Final = (*_OWN, *(_in_a_template(bad) for bad in BAD_TEMPLATES))
