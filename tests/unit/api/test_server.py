from __future__ import annotations

import pytest
from pydantic import ValidationError

from roomkeeper.api.namespaces import From
from roomkeeper.api.policy import Grant, PolicySpec
from roomkeeper.api.recording_policy import (
    InlineStoragePolicy,
    RecordingPolicySpec,
    RecordingSource,
    StreamPolicy,
    WorkerStoragePolicy,
)
from roomkeeper.api.role import Grants
from roomkeeper.api.server import AutoCreate, ServerSpec
from roomkeeper.api.server_status import AutoCreateState, ServerStatus

LEAST = {"url": "wss://livekit.example.com", "credentialsSecretRef": {"name": "livekit-api"}}


def server(**fields: object) -> ServerSpec:
    return ServerSpec.model_validate({**LEAST, **fields})


def test_the_least_server_means_the_documented_defaults() -> None:
    spec = server()
    assert spec.effective_api_url == "wss://livekit.example.com"
    assert (spec.webhook.url, spec.webhook.keys_secret_ref) == (None, None)
    assert (spec.allowed_namespaces.from_, spec.allowed_namespaces.selector) == (From.SAME, None)
    assert spec.room_name_template == "{namespace}_{name}"
    assert spec.auto_create is AutoCreate.AUTO
    assert spec.resync_seconds == 60


def test_the_operator_may_call_another_address_than_clients() -> None:
    assert server(apiURL="http://livekit:7880").effective_api_url == "http://livekit:7880"


def test_from_is_read_and_written_as_in_yaml() -> None:
    spec = server(allowedNamespaces={"from": "Selector", "selector": {"matchLabels": {"team": "a"}}})
    assert spec.allowed_namespaces.from_ is From.SELECTOR
    assert spec.model_dump(mode="json", exclude_none=True)["allowedNamespaces"]["from"] == "Selector"


@pytest.mark.parametrize("policy", [PolicySpec(), server().policy, server(policy={}).policy])
def test_no_policy_written_gives_no_reach(policy: PolicySpec) -> None:
    assert policy.effective_allowed_grants == {
        Grant.CAN_SUBSCRIBE,
        Grant.CAN_PUBLISH,
        Grant.CAN_PUBLISH_SOURCES,
        Grant.CAN_PUBLISH_DATA,
        Grant.CAN_UPDATE_OWN_METADATA,
        Grant.CAN_SUBSCRIBE_METRICS,
    }
    assert policy.effective_room_name_patterns == ("{namespace}_*",)
    assert policy.allowed_agents == ()
    recordings = policy.recordings
    assert recordings.effective_sources == set(RecordingSource) - {RecordingSource.WEB}
    assert (recordings.custom_base_urls, recordings.web_urls) == ((), ())
    assert recordings.streams is StreamPolicy.FORBIDDEN
    assert recordings.inline_storage is InlineStoragePolicy.WITH_CREDENTIALS
    assert recordings.worker_storage is WorkerStoragePolicy.FORBIDDEN


def test_no_policy_written_is_no_quota() -> None:
    policy = PolicySpec()
    numbers = (policy.max_token_ttl_seconds, policy.max_rooms_per_namespace, policy.max_participants)
    assert numbers == (None, None, None)
    assert (policy.recordings.max_active_per_namespace, policy.recordings.max_seconds) == (None, None)


def test_an_empty_list_allows_nothing() -> None:
    policy = PolicySpec.model_validate({"allowedGrants": [], "roomNamePatterns": []})
    assert policy.effective_allowed_grants == frozenset()
    assert policy.effective_room_name_patterns == ()
    assert RecordingPolicySpec.model_validate({"sources": []}).effective_sources == frozenset()


def test_abbreviations_are_written_in_capitals() -> None:
    policy = PolicySpec.model_validate({"maxTokenTTLSeconds": 900})
    assert policy.max_token_ttl_seconds == 900
    recordings = RecordingPolicySpec.model_validate(
        {"customBaseURLs": ["https://a.example"], "webURLs": ["https://b.example"]}
    )
    assert recordings.custom_base_urls == ("https://a.example",)
    assert recordings.web_urls == ("https://b.example",)


def test_a_policy_can_allow_what_a_role_can_ask_for_and_nothing_else() -> None:
    assert {grant.value for grant in Grant} == {
        Grants.model_fields[name].alias for name in Grants.model_fields
    }


@pytest.mark.parametrize("grant", ["roomCreate", "roomList", "recorder", "destinationRoom"])
def test_some_grants_cannot_be_had_at_all(grant: str) -> None:
    with pytest.raises(ValidationError, match="allowedGrants"):
        PolicySpec.model_validate({"allowedGrants": [grant]})


def test_status_survives_a_round_trip() -> None:
    stored = {
        "observedGeneration": 2,
        "autoCreate": "Enabled",
        "rooms": 3,
        "recordings": 1,
        "lastHandledReconcileAt": "now",
        "conditions": [],
    }
    status = ServerStatus.model_validate(stored)
    assert status.auto_create is AutoCreateState.ENABLED
    assert status.model_dump(mode="json", exclude_none=True) == stored
    assert ServerStatus.model_validate({}).observed_generation == -1
