"""Specs of Rooms as people write them; only such as the CRD lets in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

LIFECYCLES = ("Persistent", "OnDemand", "Once")
ROLES = ("host", "viewer", "crew")
IDENTITIES = ("alice", "bob", "carol")
STRANGERS = ("guest", "mallory")
APPLICATION_KEY = "counter"  # that the application writes beside the declared metadata

_GRANTS: tuple[dict[str, Any], ...] = (
    {},
    {"canPublish": True},
    {"canPublish": True, "canPublishSources": ["camera", "microphone"], "canPublishData": True},
    {"canPublish": True, "roomAdmin": True},
    {"canSubscribe": False, "canPublishData": True, "canUpdateOwnMetadata": True},
)
_METADATA: tuple[dict[str, Any], ...] = (
    {},
    {"metadata": {"topic": "a"}},
    {"metadata": {"topic": "b", "level": 1}},
    {"metadata": {"level": True}},
    {"rawMetadata": "plain text"},
)
_AGENTS: tuple[list[dict[str, Any]], ...] = (
    [],
    [{"agentName": "notetaker", "dispatch": "WithRoom"}],
    [{"agentName": "greeter", "metadata": {"lang": "de"}}],
    [{"agentName": "notetaker"}, {"agentName": "greeter", "dispatch": "WithRoom"}],
)


@st.composite
def specs(draw: DrawFn, room: str, lifecycles: tuple[str, ...] = LIFECYCLES) -> dict[str, Any]:
    """Draw the spec of a Room; no two Rooms name the same Secret."""
    places = {identity: draw(st.sampled_from((None, "blocked", *ROLES))) for identity in IDENTITIES}
    blocked = [identity for identity, place in places.items() if place == "blocked"]
    blocked += draw(st.sampled_from(([], ["mallory"])))
    spec: dict[str, Any] = {
        "lifecycle": draw(st.sampled_from(lifecycles)),
        "roles": draw(_roles(room, places)),
        "moderation": {"blockedIdentities": blocked, "deniedSources": draw(_denied())},
        "agents": draw(st.sampled_from(_AGENTS)),
        "updatePolicy": draw(st.sampled_from(("WhenEmpty", "Always", "Never"))),
        "metadataPolicy": draw(st.sampled_from(("Merge", "Enforce", "Initial"))),
        "departureTimeoutSeconds": draw(st.sampled_from((5, 30))),
        **draw(st.sampled_from(_METADATA)),
        **draw(_optional("emptyTimeoutSeconds", (300, 900))),
        **draw(_optional("maxParticipants", (2, 50))),
        **draw(_optional("deletionPolicy", ("Delete", "Retain"))),
    }
    return {name: value for name, value in spec.items() if value not in ([], {})}


@st.composite
def _roles(draw: DrawFn, room: str, places: dict[str, str | None]) -> list[dict[str, Any]]:
    roles = []
    for name in ROLES:
        identities = [identity for identity, place in places.items() if place == name]
        if not identities and not draw(st.booleans()):
            continue
        role: dict[str, Any] = {
            "name": name,
            "grants": draw(st.sampled_from(_GRANTS)),
            "ttlSeconds": draw(st.sampled_from((3600, 1800))),
            **draw(_optional("permissionsPolicy", ("Enforce",))),
            **draw(_optional("displayName", ("One", "Two"))),
            **draw(_optional("attributes", ({"team": "a"}, {"shift": "b"}))),
            **draw(_optional("secretTemplate", ({"name": f"{room}-as-{name}"}, {"labels": {"app": "x"}}))),
        }
        if identities:
            role["identities"] = identities
        roles.append(role)
    return roles


def _denied() -> SearchStrategy[list[dict[str, Any]]]:
    one = st.fixed_dictionaries(
        {
            "identity": st.sampled_from((*IDENTITIES, "host", "guest")),
            "sources": st.sampled_from((["camera"], ["microphone", "screen_share"])),
        }
    )
    return st.lists(one, max_size=2, unique_by=lambda entry: entry["identity"])


def _optional(name: str, values: tuple[Any, ...]) -> SearchStrategy[dict[str, Any]]:
    return st.sampled_from(({}, *({name: value} for value in values)))


def roles_of(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the role of each identity."""
    return {
        identity: role
        for role in spec.get("roles", ())
        for identity in role.get("identities", [role["name"]])
    }
