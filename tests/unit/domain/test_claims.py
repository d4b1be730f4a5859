"""What a role says of its people, and what LiveKit makes of it."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from hypothesis import given
from hypothesis import strategies as st
from livekit import api

from roomkeeper.api.role import Role
from roomkeeper.api.room import RoomSpec
from roomkeeper.domain import claims
from roomkeeper.domain.livekit import Permission, RoomConfig

SOURCES = sorted(claims.SOURCES)
SETS = st.frozensets(st.sampled_from(SOURCES))


def video(**grants: Any) -> dict[str, Any]:
    return claims.video_grants(Role.model_validate({"name": "host", "grants": grants}))


@given(declared=SETS, denied=SETS, can_publish=st.booleans())
def test_what_is_denied_cannot_be_published_and_the_rest_can(
    declared: frozenset[str], denied: frozenset[str], *, can_publish: bool
) -> None:
    sources = {"canPublishSources": sorted(declared)} if declared and can_publish else {}
    before = video(canPublish=can_publish, **sources)
    after = claims.deny(before, denied)
    allowed = claims.allowed_sources(claims.permission(before))
    assert claims.allowed_sources(claims.permission(after)) == allowed - denied
    assert after.get("canPublishSources") != []
    if not allowed & denied:
        assert after == before


@pytest.mark.parametrize(
    ("grants", "permission"),
    [
        ({}, Permission()),
        ({"canSubscribe": False}, Permission(can_subscribe=False)),
        ({"canPublish": True}, Permission(can_publish=True)),
        (
            {"canPublish": True, "canPublishSources": ["camera"]},
            Permission(can_publish=True, can_publish_sources=frozenset({"camera"})),
        ),
        (
            {"canPublishData": True, "canUpdateOwnMetadata": True, "canSubscribeMetrics": True},
            Permission(can_publish_data=True, can_update_metadata=True, can_subscribe_metrics=True),
        ),
        ({"hidden": True, "agent": True, "roomAdmin": True}, Permission(hidden=True, agent=True)),
    ],
    ids=["nothing", "no subscribing", "publishing", "a source", "data", "hidden"],
)
def test_the_permission_is_what_the_grants_give(grants: dict[str, Any], permission: Permission) -> None:
    assert claims.permission(video(**grants)) == permission


def test_powers_are_what_reaches_beyond_the_room() -> None:
    assert claims.powers(video()) == frozenset()
    assert claims.powers(video(roomAdmin=True, roomRecord=True, hidden=True)) == {"roomAdmin", "roomRecord"}


def test_the_profile_is_empty_or_as_declared() -> None:
    assert claims.profile(Role(name="host")) == claims.Profile()
    role = {"name": "host", "displayName": "Host", "metadata": {"a": 1}, "attributes": {"team": "a"}}
    assert claims.profile(Role.model_validate(role)) == claims.Profile("Host", '{"a":1}', {"team": "a"})


NUMBERS = st.integers(0, 2**32 - 1)


@given(st.builds(RoomConfig, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.booleans()))
def test_livekit_reads_the_room_configuration_as_it_was_meant(config: RoomConfig) -> None:
    spec = RoomSpec.model_validate({"lifecycle": "OnDemand", "metadata": {"topic": "ü"}})
    parsed = ParseDict(claims.room_configuration(spec, config), api.RoomConfiguration())
    assert parsed == api.RoomConfiguration(
        empty_timeout=config.empty_timeout_seconds,
        departure_timeout=config.departure_timeout_seconds,
        max_participants=config.max_participants,
        min_playout_delay=config.min_playout_delay_milliseconds,
        max_playout_delay=config.max_playout_delay_milliseconds,
        sync_streams=config.sync_streams,
        metadata='{"topic":"ü"}',
    )


@pytest.mark.parametrize(
    ("lifecycle", "length", "carries"),
    [
        ("Persistent", 10, False),
        ("OnDemand", 10, True),
        ("OnDemand", claims.MAX_CARRIED_METADATA_BYTES - len('{"a":""}'), True),
        ("OnDemand", claims.MAX_CARRIED_METADATA_BYTES - len('{"a":""}') + 1, False),
    ],
)
def test_a_token_carries_short_metadata_of_a_room_that_is_born_by_joins(
    lifecycle: str, length: int, *, carries: bool
) -> None:
    spec = RoomSpec.model_validate({"lifecycle": lifecycle, "metadata": {"a": "x" * length}})
    assert ("metadata" in claims.room_configuration(spec, RoomConfig(300, 20))) is carries


def test_tokens_of_a_room_that_exists_once_carry_no_room() -> None:
    spec = RoomSpec.model_validate({"lifecycle": "Once", "metadata": {"a": 1}})
    assert claims.room_configuration(spec, RoomConfig(300, 20, 9)) == {}
