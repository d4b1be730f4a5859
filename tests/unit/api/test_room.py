from __future__ import annotations

import pytest
from pydantic import ValidationError

from roomkeeper.api.agent import AgentDispatch
from roomkeeper.api.role import Grants, PermissionsPolicy, Role, TrackSource
from roomkeeper.api.room import AdoptionPolicy, Lifecycle, MetadataPolicy, RoomSpec, UpdatePolicy
from roomkeeper.api.room_status import RoomStatus


def test_an_empty_spec_means_the_documented_defaults() -> None:
    spec = RoomSpec.model_validate({})
    assert spec.effective_empty_timeout_seconds == 86_400
    assert spec.departure_timeout_seconds == 20
    assert spec.deletion_grace_seconds == 300
    assert spec.metadata_policy is MetadataPolicy.MERGE
    assert (spec.room_name, spec.max_participants, spec.deletion_policy, spec.metadata) == (None,) * 4
    assert (spec.roles, spec.agents) == ((), ())
    assert spec.lifecycle is Lifecycle.PERSISTENT
    assert (spec.update_policy, spec.adoption_policy) == (UpdatePolicy.WHEN_EMPTY, AdoptionPolicy.ADOPT)
    assert (spec.min_playout_delay_milliseconds, spec.max_playout_delay_milliseconds) == (0, 0)
    assert (spec.sync_streams, spec.suspend) == (False, False)
    assert (spec.server_ref, spec.raw_metadata) == (None, None)
    assert (spec.moderation.blocked_identities, spec.moderation.denied_sources) == ((), ())


@pytest.mark.parametrize(("lifecycle", "seconds"), [("Persistent", 86_400), ("OnDemand", 300), ("Once", 300)])
def test_only_a_persistent_room_waits_a_day_for_people(lifecycle: str, seconds: int) -> None:
    assert RoomSpec.model_validate({"lifecycle": lifecycle}).effective_empty_timeout_seconds == seconds


def test_an_agent_is_sent_when_somebody_is_there() -> None:
    (agent,) = RoomSpec.model_validate({"agents": [{"agentName": "notetaker"}]}).agents
    assert agent.dispatch is AgentDispatch.WHEN_PARTICIPANT_JOINS
    assert agent.metadata is None


def test_a_declared_empty_timeout_stands() -> None:
    assert RoomSpec.model_validate({"emptyTimeoutSeconds": 300}).effective_empty_timeout_seconds == 300


def test_a_role_is_subscribe_only_until_it_says_otherwise() -> None:
    granted = {name for name, value in Role(name="viewer").grants.model_dump().items() if value}
    assert granted == {"canSubscribe"}


def test_a_role_without_identities_is_one_identity_with_its_name() -> None:
    assert Role(name="host").effective_identities == ("host",)
    assert Role(name="host", identities=("alice", "bob")).effective_identities == ("alice", "bob")


def test_a_role_with_a_count_numbers_its_identities() -> None:
    assert Role(name="seat", count=3).effective_identities == ("seat-0", "seat-1", "seat-2")


def test_a_role_leaves_the_application_its_say_until_told_otherwise() -> None:
    role = Role(name="host")
    assert role.permissions_policy is PermissionsPolicy.ON_CHANGE
    assert (role.display_name, role.metadata, role.attributes) == (None, None, {})
    assert (role.secret_template.name, role.secret_template.labels, role.secret_template.annotations) == (
        None,
        {},
        {},
    )


def test_tokens_are_renewed_a_third_of_their_life_before_the_end() -> None:
    assert Role(name="host").effective_renew_before_seconds == 1200
    assert Role(name="host", ttl_seconds=600).effective_renew_before_seconds == 200
    assert Role(name="host", renew_before_seconds=60).effective_renew_before_seconds == 60


def test_sources_are_livekits_own_words() -> None:
    grants = Grants.model_validate(
        {"canPublish": True, "canPublishSources": ["camera", "screen_share_audio"]}
    )
    assert grants.can_publish_sources == (TrackSource.CAMERA, TrackSource.SCREEN_SHARE_AUDIO)


def test_no_sources_is_not_read_as_all_sources() -> None:
    with pytest.raises(ValidationError, match="canPublishSources"):
        Grants.model_validate({"canPublish": True, "canPublishSources": []})


def test_what_a_newer_crd_stored_is_still_read() -> None:
    spec = RoomSpec.model_validate({"holograms": True, "roles": [{"name": "host", "avatar": "Host"}]})
    assert spec == RoomSpec(roles=(Role(name="host"),))


def test_a_spec_cannot_be_changed_in_place() -> None:
    spec = RoomSpec()
    with pytest.raises(ValidationError, match="frozen"):
        spec.max_participants = 3  # type: ignore[misc]


def test_a_room_that_nobody_has_seen_has_generation_minus_one() -> None:
    assert RoomStatus.model_validate({}).observed_generation == -1


def test_status_survives_a_round_trip() -> None:
    stored = {
        "observedGeneration": 4,
        "roomName": "team-a_standup",
        "url": "wss://livekit.example.com",
        "sid": "RM_abc",
        "createdAt": "2026-01-02T03:04:05Z",
        "recreations": 2,
        "agents": ["notetaker"],
        "numParticipants": 3,
        "numPublishers": 1,
        "activeRecording": False,
        "metadataKeys": ["topic"],
        "pendingChanges": [{"field": "maxParticipants", "live": "10", "desired": "20"}],
        "tokens": [
            {
                "role": "host",
                "secretName": "standup.host",
                "identities": 2,
                "expiresAt": "2026-01-02T04:04:05Z",
                "renewsAt": "2026-01-02T03:44:05Z",
            },
        ],
        "serverRef": {"namespace": "livekit", "name": "main", "uid": "7f1c"},
        "revokedIdentities": [{"identity": "mallory", "until": "2026-01-02T04:04:05Z"}],
        "dynamicTokens": [
            {
                "role": "viewer",
                "identityPrefix": "viewer-",
                "hash": "0123",
                "ttlSeconds": 600,
                "signingKey": "ab.cd",
            },
        ],
        "revokedPrefixes": [{"identityPrefix": "guest-", "until": "2026-01-02T04:04:05Z"}],
        "lastHandledReconcileAt": "now",
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "observedGeneration": 4,
                "lastTransitionTime": "2026-01-02T03:04:05Z",
                "reason": "Available",
                "message": "",
            },
        ],
    }
    assert RoomStatus.model_validate(stored).model_dump(mode="json", exclude_none=True) == stored
