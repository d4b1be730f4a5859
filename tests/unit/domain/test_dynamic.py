"""Dynamic roles: whose identities are theirs, what may be signed, and who has to be corrected afterwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from roomkeeper.api.room import RoomSpec
from roomkeeper.domain import dynamic, room_status
from roomkeeper.domain.objects import ROOM, CustomObject
from roomkeeper.domain.rooms import World

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def viewer(**more: Any) -> dict[str, Any]:
    grants = more.pop("grants", {})
    return {"name": "viewer", "dynamic": {"identityPrefix": "viewer-", **more}, "grants": grants}


def world(*roles: dict[str, Any], status: dict[str, Any] | None = None) -> World:
    body = {
        "metadata": {"name": "standup", "namespace": "team-a", "uid": "u", "generation": 1, "resourceVersion": "1",
                     "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"roles": list(roles)},
        "status": status or {},
    }  # fmt: skip
    room = CustomObject.from_body(ROOM, body)
    return World(
        room=room, spec=RoomSpec.model_validate(room.spec), spec_error="", room_name="x", server=None, now=NOW
    )


def later(before: World, *roles: dict[str, Any], seconds: float = 0) -> World:
    """Return the world after status was written and the spec is another one."""
    after = world(*roles, status=dynamic.status(before))
    return replace(after, now=before.now + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("roles", "found"),
    [
        ([viewer()], None),
        ([viewer(), {"name": "host", "identities": ["view", "alice"]}], None),
        ([viewer(), {"name": "host", "identities": ["viewer-1"]}], ("viewer-", "viewer-1")),
        ([viewer(), {"name": "host", "dynamic": {"identityPrefix": "viewer-x"}}], ("viewer-", "viewer-x")),
        ([viewer(), {"name": "host", "dynamic": {"identityPrefix": "viewer-"}}], ("viewer-", "viewer-")),
    ],
)
def test_nobody_is_of_two_roles(roles: list[dict[str, Any]], found: tuple[str, str] | None) -> None:
    assert dynamic.ambiguous(RoomSpec.model_validate({"roles": roles})) == found


def test_nothing_is_corrected_where_nothing_has_changed() -> None:
    first = world(viewer())
    assert dynamic.revoked(first) == {}
    assert dynamic.status(later(first, viewer())) == dynamic.status(first)
    assert dynamic.revoked(later(first, viewer(maxTTLSeconds=3600))) == {}, (
        "they live longer from now on, no more"
    )


@pytest.mark.parametrize(
    "roles",
    [
        [],
        [viewer(grants={"canPublish": True})],
        [{**viewer(), "displayName": "Viewer"}],
        [{**viewer(), "dynamic": {"identityPrefix": "guest-"}}],
        [viewer(maxTTLSeconds=60)],
    ],
    ids=["gone", "grants", "profile", "prefix", "shorter"],
)
def test_who_may_have_another_token_is_corrected_until_it_ends(roles: list[dict[str, Any]]) -> None:
    edited = later(world(viewer(maxTTLSeconds=3600)), *roles)
    ends = NOW + timedelta(seconds=3660)
    assert dynamic.revoked(edited) == {"viewer-": ends}
    assert dynamic.status(edited)["revokedPrefixes"] == [
        {"identityPrefix": "viewer-", "until": "2026-01-01T13:01:00Z"}
    ]
    assert dynamic.revocation(dynamic.revoked(edited), "viewer-7")
    assert dynamic.revocation(dynamic.revoked(edited), "alice") is None
    assert dynamic.next_end(edited) == ends
    assert dynamic.revoked(later(edited, *roles, seconds=3659)) == {"viewer-": ends}
    assert dynamic.revoked(later(edited, *roles, seconds=3661)) == {}


def test_who_is_connected_has_a_token_of_ten_minutes_more() -> None:
    edited = later(world(viewer(maxTTLSeconds=60)))
    assert dynamic.revoked(edited) == {"viewer-": NOW + timedelta(minutes=11)}


def test_what_cannot_be_read_forgets_nobody() -> None:
    before = later(world(viewer()), viewer(grants={"canPublish": True}))
    broken = replace(later(before), spec=None, spec_error="no")
    assert dynamic.status(broken) == dynamic.status(before)


def test_a_dynamic_role_has_no_secret_and_is_issued() -> None:
    conclusion = room_status.conclude(world(viewer()))
    assert "tokens" not in conclusion.status
    assert [one["identityPrefix"] for one in conclusion.status["dynamicTokens"]] == ["viewer-"]


@pytest.mark.parametrize(
    ("change", "may"),
    [
        ({}, True),
        ({"conditions": []}, False),
        ({"conditions": [{"type": "TokensIssued", "status": "False", "observedGeneration": 1}]}, False),
        ({"conditions": [{"type": "TokensIssued", "status": "True", "observedGeneration": 0}]}, False),
        ({"dynamicTokens": []}, False),
    ],
    ids=["as declared", "not seen", "not issued", "another generation", "not recorded"],
)
def test_nothing_is_signed_before_status_says_what(change: dict[str, Any], *, may: bool) -> None:
    status = {
        **dynamic.status(world(viewer())),
        "conditions": [{"type": "TokensIssued", "status": "True", "observedGeneration": 1}],
        **change,
    }
    status["dynamicTokens"] = [{**one, "signingKey": "k"} for one in status["dynamicTokens"]]
    declared = world(viewer(), status=status)
    assert declared.spec
    (role,) = declared.spec.roles
    assert dynamic.may_be_signed(declared.room, role, "k") is may
    assert not dynamic.may_be_signed(declared.room, role, "another key")
    changed = RoomSpec.model_validate({"roles": [viewer(grants={"canPublish": True})]}).roles[0]
    assert not dynamic.may_be_signed(declared.room, changed, "k")
