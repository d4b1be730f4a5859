from __future__ import annotations

import pytest

from roomkeeper.api.role import Grants
from roomkeeper.api.room import RoomSpec
from roomkeeper.domain.policy import SAFE_GRANTS, Policy, violation

ALL_GRANTS = {info.alias or name for name, info in Grants.model_fields.items()}
UNSAFE = sorted(ALL_GRANTS - SAFE_GRANTS)


def spec_with(**grants: object) -> RoomSpec:
    return RoomSpec.model_validate({"roles": [{"name": "r", "grants": grants}]})


def test_what_gives_reach_is_not_safe() -> None:
    assert UNSAFE == ["agent", "hidden", "ingressAdmin", "roomAdmin", "roomRecord"]


@pytest.mark.parametrize("grant", UNSAFE)
def test_an_unsafe_grant_is_refused_unless_the_policy_names_it(grant: str) -> None:
    spec = spec_with(**{grant: True})
    given = {"namespace": "a", "room_name": "a_x", "spec": spec}
    finding = violation(Policy(), **given)
    assert finding is not None
    assert f"spec.roles[r].grants.{grant}" in finding.message
    assert violation(Policy(allowed_grants=SAFE_GRANTS | {grant}), **given) is None


@pytest.mark.parametrize("grant", UNSAFE)
def test_a_grant_that_is_declared_false_passes(grant: str) -> None:
    assert violation(Policy(), namespace="a", room_name="a_x", spec=spec_with(**{grant: False})) is None


def test_every_safe_grant_passes() -> None:
    grants = dict.fromkeys(SAFE_GRANTS - {"canPublishSources"}, True) | {"canPublishSources": ["camera"]}
    assert violation(Policy(), namespace="a", room_name="a_x", spec=spec_with(**grants)) is None


@pytest.mark.parametrize("grant", sorted(SAFE_GRANTS - {"canPublishSources"}))
def test_a_safe_grant_is_refused_where_the_policy_does_not_name_it(grant: str) -> None:
    policy = Policy(allowed_grants=SAFE_GRANTS - {grant})
    assert violation(policy, namespace="a", room_name="a_x", spec=spec_with(**{grant: True})) is not None


@pytest.mark.parametrize(
    ("patterns", "name", "passes"),
    [
        (("{namespace}_*",), "a_x", True),
        (("{namespace}_*",), "a-b_x", False),
        (("{namespace}_*",), "A_x", False),
        (("{namespace}_*",), "a", False),
        (("p-{namespace}_*", "lobby"), "lobby", True),
        (("p-{namespace}_*", "lobby"), "p-a_x", True),
        (("lobby",), "lobby2", False),
        ((), "a_x", True),
        ((), "a_X", False),
        (("lobby",), "a_x", True),
        (("lob?y", "[l]obby"), "lobby", False),
    ],
)
def test_names_are_matched_whole_and_with_their_case(
    patterns: tuple[str, ...], name: str, *, passes: bool
) -> None:
    policy = Policy(room_name_patterns=patterns)
    finding = violation(policy, namespace="a", room_name=name, spec=RoomSpec())
    assert (finding is None) is passes
