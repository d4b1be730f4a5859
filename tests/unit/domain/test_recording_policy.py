"""What a server lets the Recordings of other namespaces do, and that its own namespace is not limited."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomkeeper.api.policy import PolicySpec
from roomkeeper.api.recording_policy import RecordingPolicySpec
from roomkeeper.api.recording_storage import RecordingStorageSpec
from roomkeeper.domain import policy, recording_checks, recording_plan, recordings
from roomkeeper.domain.objects import STORAGE, Key
from roomkeeper.domain.policy import Policy
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.recording_status import conclude
from roomkeeper.domain.recordings import DeclareAttempt
from roomkeeper.domain.storages import Storage
from tests.unit.domain.builders import ACCEPTED
from tests.unit.domain.recording_builders import a_recording
from tests.unit.domain.recording_parts import ALICE, SOURCES, STORED, WEBHOOK
from tests.unit.domain.requests import OUTPUTS

if TYPE_CHECKING:
    from roomkeeper.domain.conditions import Finding
    from tests.unit.domain.recording_builders import RecordingBuilder

PAGE = "https://layout.example.com/page"
OWN_KEYS = {"s3": {"bucket": "own", "credentialsSecretRef": {"name": "keys"}}}
FINE = a_recording().armed().put_on(STORED).having(webhook_url=WEBHOOK)
STREAM = {"stream": OUTPUTS["stream"]}
WEBSOCKET = {"websocket": OUTPUTS["websocket"]}
INLINE = FINE.put_on(None)
ROLE = "arn:aws:iam::123456789012:role/egress"


def brought(namespace: str = "team-a", **target: Any) -> Storage:
    """Return a RecordingStorage that somebody else than the server's namespace declares."""
    spec = RecordingStorageSpec.model_validate(target or OWN_KEYS)
    return Storage(Key(STORAGE, namespace, "own"), "uid-of-the-storage", spec)


def limits(**recordings: Any) -> Policy:
    """Return a policy with these limits."""
    return policy.from_spec(PolicySpec.model_validate({"recordings": recordings}))


def violation(recording: RecordingBuilder, **recordings: Any) -> Finding | None:
    """Return what stands in the way of a Recording of another namespace under these limits."""
    return recording_checks.obstacle(recording.limited(limits(**recordings)).build())


def store(**s3: Any) -> dict[str, Any]:
    return {"s3": {**OWN_KEYS["s3"], **s3}}


def test_no_policy_is_the_safe_one() -> None:
    assert Policy().recordings == RecordingPolicySpec()
    assert limits() == Policy()


# What is refused, under which limits, and what it says.
REFUSED: list[tuple[RecordingBuilder, dict[str, Any], str, str]] = [
    (FINE.of_a_page(), {}, "spec.source.web: ", "recordings.sources"),
    (
        FINE.of("participant"),
        {"sources": ["roomComposite"]},
        "spec.source.participant: ",
        "recordings.sources",
    ),
    (FINE, {"sources": []}, "spec.source.roomComposite: ", "recordings.sources"),
    (
        FINE.of("roomComposite", customBaseURL=PAGE),
        {},
        "spec.source.roomComposite.customBaseURL: ",
        "recordings.customBaseURLs",
    ),
    (
        FINE.of("roomComposite", customBaseURL=PAGE),
        {"customBaseURLs": [f"{PAGE}/", "https://layout.example.com"]},  # matched whole
        "spec.source.roomComposite.customBaseURL: ",
        "recordings.customBaseURLs",
    ),
    (
        FINE.of("web", url="http://kubernetes.default.svc/"),
        {"sources": ["web"], "webURLs": ["https://example.com"]},
        "spec.source.web.url: ",
        "recordings.webURLs",
    ),
    (FINE.of_a_page(), {"sources": ["web"]}, "spec.source.web.url: ", "recordings.webURLs"),
    (FINE.storing(**STREAM), {}, "spec.outputs.stream: ", "recordings.streams"),
    (FINE.storing(file={}, **STREAM), {}, "spec.outputs.stream: ", "recordings.streams"),
    (
        FINE.of("track", identity="alice").storing(**WEBSOCKET),
        {},
        "spec.outputs.websocket: ",
        "recordings.streams",
    ),
    (
        INLINE.declaring(storage=OWN_KEYS),
        {"inlineStorage": "Forbidden"},
        "spec.storage: ",
        "recordings.inlineStorage",
    ),
    (INLINE.declaring(storage={"s3": {"bucket": "own"}}), {}, "spec.storage: ", "credentialsSecretRef"),
    (INLINE.declaring(storage={"gcp": {"bucket": "own"}}), {}, "spec.storage: ", "credentialsSecretRef"),
    (
        INLINE.declaring(storage=store(assumeRoleARN=ROLE)),
        {},
        "spec.storage.s3.assumeRoleARN: ",
        "credentials of your own",
    ),
    # Who may not write it into the Recording may not write it beside it either, nor into a namespace next door.
    (FINE.put_on(brought()), {"inlineStorage": "Forbidden"}, "spec.storageRef: ", "recordings.inlineStorage"),
    (FINE.put_on(brought(s3={"bucket": "own"})), {}, "spec.storageRef: ", "credentialsSecretRef"),
    (FINE.put_on(brought("team-b", gcp={"bucket": "own"})), {}, "spec.storageRef: ", "credentialsSecretRef"),
    (
        FINE.put_on(brought(**store(assumeRoleARN=ROLE))),
        {},
        "spec.storageRef: s3.assumeRoleARN: ",
        "credentials of your own",
    ),
    (FINE.put_on(None), {}, "spec.storageRef: ", "recordings.workerStorage"),
    (FINE.put_on(None).storing(hls={}), {}, "spec.storageRef: ", "recordings.workerStorage"),
    (
        FINE.declaring(activeDeadlineSeconds=3601),
        {"maxSeconds": 3600},
        "spec.activeDeadlineSeconds: 3601 is more than the 3600",
        "recordings.maxSeconds",
    ),
    (FINE.having(others_active=5), {"maxActivePerNamespace": 5}, "5 Recordings", "maxActivePerNamespace"),
    (FINE.having(others_active=9), {"maxActivePerNamespace": 5}, "9 Recordings", "allows 5"),
    (FINE, {"maxActivePerNamespace": 0}, "0 Recordings", "allows 0"),
]


@pytest.mark.parametrize(("recording", "given_limits", "field", "limit"), REFUSED)
def test_a_limit_is_named(
    recording: RecordingBuilder, given_limits: dict[str, Any], field: str, limit: str
) -> None:
    found = violation(recording, **given_limits)
    assert found is not None
    assert found.reason is Reason.POLICY_VIOLATION
    assert found.message.startswith(field)
    assert limit in found.message
    assert "http" not in found.message  # an address is the tenant's own matter, and may hold a key
    # Nothing is asked of LiveKit, and status says why.
    world = recording.limited(limits(**given_limits)).held().with_people(ALICE).ready_to_ask().build()
    assert recording_plan.plan(world) == ()
    assert not recording_plan.needs_request(replace(world, request=None))
    ready, *_ = conclude(world).status["conditions"]
    assert (ready["status"], ready["reason"]) == ("False", "PolicyViolation")


@pytest.mark.parametrize(
    ("recording", "given_limits", "field", "limit"),
    [case for case in REFUSED if case[1].get("maxActivePerNamespace") is None],
)
def test_the_own_namespace_of_a_server_is_not_limited(
    recording: RecordingBuilder, given_limits: dict[str, Any], field: str, limit: str
) -> None:
    assert recording_checks.obstacle(recording.on(policy=limits(**given_limits)).build()) is None


def test_the_own_namespace_of_a_server_has_no_quota() -> None:
    recording = FINE.having(others_active=99).on(policy=limits(maxActivePerNamespace=0))
    assert recording_checks.obstacle(recording.build()) is None


def test_the_environment_is_a_stranger_to_every_namespace() -> None:
    recording = FINE.put_on(None)
    stranger = replace(recording, server=ACCEPTED)
    assert recordings.limits(stranger.build()) == Policy()
    found = recording_checks.obstacle(stranger.build())
    assert found is not None
    assert "workerStorage" in found.message


@pytest.mark.parametrize(
    ("recording", "given_limits"),
    [
        (FINE, {}),
        (FINE.of("participant"), {}),
        (FINE.of("trackComposite"), {}),
        (FINE.of("track"), {}),
        (FINE.of("participant"), {"sources": ["participant"]}),
        (FINE.of("roomComposite", customBaseURL=PAGE), {"customBaseURLs": [PAGE]}),
        (FINE.of("web", url=PAGE), {"sources": ["web"], "webURLs": [PAGE]}),
        (FINE.storing(**STREAM), {"streams": "Allowed"}),
        (FINE.of("track", identity="alice").storing(**WEBSOCKET), {"streams": "Allowed"}),
        (INLINE.declaring(storage=OWN_KEYS), {}),
        (INLINE.declaring(storage=store(region="eu-central-1", endpoint="https://s3.example.com")), {}),
        (FINE.put_on(brought()), {}),
        (FINE.put_on(STORED), {"inlineStorage": "Forbidden"}),  # it is of the server's namespace
        (
            FINE.put_on(replace(brought(s3={"bucket": "own"}), is_default=True)),
            {"inlineStorage": "Forbidden"},
        ),
        (FINE.put_on(None), {"workerStorage": "Prefixed"}),
        (FINE.put_on(None).storing(**STREAM), {"streams": "Allowed"}),  # nothing is stored
        (FINE.declaring(activeDeadlineSeconds=3600), {"maxSeconds": 3600}),
        (FINE, {"maxSeconds": 3600}),  # it is ended then
        (FINE.having(others_active=4), {"maxActivePerNamespace": 5}),
        (FINE.having(others_active=99), {}),
        # What runs already, or is about to, keeps its place.
        (FINE.held().active().having(others_active=9), {"maxActivePerNamespace": 5}),
        (FINE.held().unanswered().having(others_active=9), {"maxActivePerNamespace": 5}),
    ],
)
def test_what_is_within_the_limits_passes(recording: RecordingBuilder, given_limits: dict[str, Any]) -> None:
    assert violation(recording, **given_limits) is None


def test_another_attempt_needs_a_place_again() -> None:
    found = violation(FINE.held().failed().having(others_active=5), maxActivePerNamespace=5)
    assert found is not None
    assert "maxActivePerNamespace" in found.message


@pytest.mark.parametrize(
    "tightened",
    [
        {"sources": []},
        {"maxActivePerNamespace": 0},
        {"maxSeconds": 3600},
        {"workerStorage": "Forbidden"},
        {"streams": "Forbidden"},
    ],
)
def test_a_policy_that_is_tightened_later_ends_nothing_that_runs(tightened: dict[str, Any]) -> None:
    running = FINE.put_on(None).held().active(600).storing(file={}, **STREAM).limited(limits(**tightened))
    assert recording_plan.plan(running.build()) == ()
    status = conclude(running.build()).status
    assert (status["state"], status["conditions"][0]["status"]) == ("Active", "True")


@given(
    source=st.sampled_from(list(SOURCES)),
    outputs=st.sets(st.sampled_from(["file", "hls", "images", "stream"]), min_size=1),
    storage=st.sampled_from([None, OWN_KEYS, {"s3": {"bucket": "own"}}]),
    resolved=st.sampled_from([None, STORED]),
    page=st.sampled_from([None, PAGE]),
)
def test_under_the_safe_policy_nothing_reaches_further_than_its_room_and_its_bucket(
    source: str,
    outputs: set[str],
    storage: dict[str, Any] | None,
    resolved: Any,
    page: str | None,
) -> None:
    recording = (
        FINE.of(source, **({"customBaseURL": page} if source == "roomComposite" else {}))
        .storing(**{name: OUTPUTS[name] for name in outputs})
        .declaring(storage=storage)
        .put_on(None if storage else resolved)
        .held()
        .with_people(ALICE)
        .ready_to_ask()
        .limited()
    )
    is_safe = (
        source != "web"
        and not (page and source == "roomComposite")
        and "stream" not in outputs
        and (storage == OWN_KEYS or (storage is None and resolved is STORED))
    )
    planned = recording_plan.plan(recording.build())
    assert any(isinstance(action, DeclareAttempt) for action in planned) is is_safe
