"""The limits of a server beyond names and grants, and whom they concern."""

from __future__ import annotations

from typing import Any

import pytest

from roomkeeper.api.policy import PolicySpec
from roomkeeper.api.recording_policy import RecordingPolicySpec
from roomkeeper.domain import checks, tokens
from roomkeeper.domain.outcomes import Stalled
from roomkeeper.domain.policy import SAFE_GRANTS, Policy, from_spec
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.room_plan import plan
from roomkeeper.domain.room_status import conclude
from roomkeeper.domain.rooms import DeleteRoom, IssueTokens
from tests.unit.domain.builders import ACCEPTED, NAME, NOW, WorldBuilder, a_world

FINE = a_world().held().with_role("host")


def limited(**spec: Any) -> WorldBuilder:
    """Return a Room of another namespace than the server's, under this policy."""
    return FINE.on(policy=from_spec(PolicySpec.model_validate(spec)), namespace="livekit")


def test_no_policy_is_the_safe_one() -> None:
    assert from_spec(PolicySpec()) == Policy()


def test_a_policy_is_taken_over_in_full() -> None:
    policy = from_spec(
        PolicySpec.model_validate(
            {
                "allowedGrants": ["hidden"],
                "roomNamePatterns": ["x-*"],
                "maxTokenTTLSeconds": 700,
                "maxRoomsPerNamespace": 3,
                "maxParticipants": 9,
                "allowedAgents": ["notetaker"],
                "metadataSchema": {"pattern": "a"},
                "recordings": {"maxSeconds": 60},
            }
        )
    )
    assert policy == Policy(
        frozenset({"hidden"}),
        ("x-*",),
        700,
        3,
        9,
        frozenset({"notetaker"}),
        {"pattern": "a"},
        RecordingPolicySpec(max_seconds=60),
        "pattern is not allowed in it",
    )


AGENT = {"agents": [{"agentName": "notetaker"}]}
SCHEMA = {"properties": {"topic": {"enum": ["a"]}}, "required": ["topic"]}


@pytest.mark.parametrize(
    ("world", "message"),
    [
        (
            limited(maxParticipants=9).declaring(maxParticipants=10),
            "spec.maxParticipants: 10 is more than the 9",
        ),
        (limited().declaring(**AGENT), "spec.agents[notetaker]: "),
        (limited(allowedAgents=["notetaker2"]).declaring(**AGENT), "spec.agents[notetaker]: "),
        (limited(maxTokenTTLSeconds=600), "spec.roles[host].ttlSeconds: 3600 is more than the 600"),
        (limited(maxRoomsPerNamespace=2).having(rooms_before=2), "already has 2 older Rooms"),
        (limited(maxRoomsPerNamespace=0).having(rooms_before=0), "its policy allows 0"),
        (limited(metadataSchema=SCHEMA), "spec.metadata: required"),
        (limited(metadataSchema=SCHEMA).declaring(metadata={"topic": "hush"}), "spec.metadata.topic: enum"),
        (limited(metadataSchema=SCHEMA).declaring(rawMetadata="hush"), "spec.rawMetadata: it must be JSON"),
        (
            limited(metadataSchema=SCHEMA).declaring(rawMetadata='{"topic":"hush"}'),
            "spec.rawMetadata.topic: enum",
        ),
        (
            limited(metadataSchema=SCHEMA).declaring(rawMetadata="[" * 20_000),
            "spec.rawMetadata: it must be JSON",
        ),
        (limited(metadataSchema={}).declaring(rawMetadata="NaN"), "spec.rawMetadata: it must be JSON"),
        (
            limited(metadataSchema={}).declaring(rawMetadata="[-Infinity]"),
            "spec.rawMetadata: it must be JSON",
        ),
        (limited(metadataSchema={}).declaring(rawMetadata="9" * 5000), "spec.rawMetadata: it must be JSON"),
        (
            limited(metadataSchema={"multipleOf": 0.1}).declaring(rawMetadata="1e400"),
            "number that is too large",
        ),
        (
            limited(metadataSchema={"multipleOf": 0.1}).declaring(rawMetadata="9" * 400),
            "number that is too large",
        ),
        (limited(metadataSchema={"pattern": "a"}), "the metadataSchema of the server cannot be used"),
        (limited().called("team-b_standup"), "is the name of a room of another namespace"),
        (
            limited(roomNamePatterns=["*"]).called("team-b_standup"),
            "is the name of a room of another namespace",
        ),
        (limited().called("lobby"), "it must match team-a_*"),
        (limited(roomNamePatterns=[]).called("lobby"), "what the server's roomNameTemplate makes"),
    ],
)
def test_a_limit_is_named(world: WorldBuilder, message: str) -> None:
    finding = checks.obstacle(world.build())
    assert finding is not None
    assert finding.reason is Reason.POLICY_VIOLATION
    assert message in finding.message
    assert "hush" not in finding.message


@pytest.mark.parametrize(
    "world",
    [
        limited(maxParticipants=9).declaring(maxParticipants=9),
        limited(maxParticipants=9),
        limited(allowedAgents=["notetaker"]).declaring(**AGENT),
        limited(maxTokenTTLSeconds=3600),
        limited(maxRoomsPerNamespace=2).having(rooms_before=1),
        limited(maxRoomsPerNamespace=2),
        limited(metadataSchema=SCHEMA).declaring(metadata={"topic": "a"}),
        limited(metadataSchema=SCHEMA).declaring(rawMetadata='{"topic":"a"}'),
        limited(roomNamePatterns=["*"]).called("lobby"),
        limited(roomNamePatterns=["*"]).called("Team-B_standup"),
        limited(roomNamePatterns=[]),
    ],
)
def test_what_is_within_the_limits_passes(world: WorldBuilder) -> None:
    assert checks.obstacle(world.build()) is None


@pytest.mark.parametrize(
    "world",
    [
        limited(maxParticipants=9).declaring(maxParticipants=10),
        limited().declaring(**AGENT),
        limited().with_role("admin", grants={"roomAdmin": True}),
        limited(maxTokenTTLSeconds=600),
        limited(maxRoomsPerNamespace=0).having(rooms_before=3),
        limited(metadataSchema=SCHEMA),
        limited().called("lobby"),
    ],
)
def test_the_policy_does_not_limit_the_namespace_of_the_server(world: WorldBuilder) -> None:
    assert checks.obstacle(world.build()) is not None
    assert checks.obstacle(world.on(namespace="team-a").build()) is None


def test_the_name_of_another_namespace_is_refused_in_that_of_the_server_too() -> None:
    finding = checks.obstacle(FINE.on(namespace="team-a").called("team-b_standup").build())
    assert finding is not None
    assert finding.reason is Reason.POLICY_VIOLATION


def test_the_environment_is_a_stranger_to_every_namespace() -> None:
    assert checks.policy_is_violated(FINE.called("lobby").build()) is not None


@pytest.mark.parametrize(
    ("name", "template", "allowed"),
    [
        ("c1-team-a_x", "c1-{namespace}_{name}", True),
        ("team-a_x", "c1-{namespace}_{name}", False),
        ("c1-team-b_x", "c1-{namespace}_{name}", False),
        ("c2-team-a_x", "c1-{namespace}_{name}", False),
    ],
)
def test_names_stand_behind_the_prefix_of_the_template(name: str, template: str, *, allowed: bool) -> None:
    server = FINE.on(room_name_template=template, namespace="livekit")
    assert (checks.obstacle(server.called(name).build()) is None) is allowed
    assert server.server is not None
    assert checks.may_have_name(server.server, namespace="team-a", room_name=name) is allowed


READY = FINE.live().with_secret("host").concluded()


@pytest.mark.parametrize(
    "policy",
    [
        Policy(allowed_grants=SAFE_GRANTS - {"canSubscribe"}),
        Policy(max_rooms_per_namespace=0),
        Policy(max_token_ttl_seconds=600),
    ],
)
def test_a_policy_that_is_tightened_later_ends_no_session(policy: Policy) -> None:
    world = READY.on_server_with(policy).having(rooms_before=1)
    assert plan(world.build()) == ()
    concluded = conclude(world.build())
    assert isinstance(concluded.outcome, Stalled)
    assert concluded.status["sid"] == "RM_1"
    assert plan(world.deleted().build()) == (DeleteRoom(NAME),)


def test_tokens_that_may_not_live_as_long_any_more_are_renewed_for_as_long_as_they_may() -> None:
    policy = Policy(max_token_ttl_seconds=600)
    due = NOW.replace(hour=13)
    world = READY.on_server_with(policy).with_role("new").at(due)
    [action] = plan(world.build())
    assert isinstance(action, IssueTokens)
    assert action.issue.tokens.role == "host"  # and none for the role that never had any
    assert (action.issue.expires_at - due).total_seconds() == 600
    assert conclude(READY.on_server_with(policy).build()).outcome != Stalled()  # it comes back for them


def test_other_limits_renew_nothing() -> None:
    policy = Policy(max_token_ttl_seconds=600, allowed_grants=frozenset())
    assert plan(READY.on_server_with(policy).at(NOW.replace(hour=13)).build()) == ()


def test_tokens_within_the_policy_are_as_declared() -> None:
    [wanted, *_] = [
        action.issue.tokens
        for action in plan(FINE.on(policy=Policy(max_token_ttl_seconds=7200)).build())
        if isinstance(action, IssueTokens)
    ]
    issue = tokens.issue(wanted, reason="", owner_uid="", now=NOW)
    assert (issue.expires_at - NOW).total_seconds() == 3600


def test_a_server_that_is_not_there_and_one_that_is_not_allowed_read_the_same() -> None:
    concluded = conclude(a_world().naming_a_server().build())
    ready = concluded.status["conditions"][0]
    assert (ready["reason"], ready["message"]) == ("ServerNotAllowed", Reason.SERVER_NOT_ALLOWED.advice)
    assert concluded.outcome == Stalled()
    assert ACCEPTED.url not in str(concluded.status)
