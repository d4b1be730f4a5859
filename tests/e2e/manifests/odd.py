"""Manifests that are wrong in ways which people seldom write, but validators differ in."""

from __future__ import annotations

from typing import Final

from tests.e2e.manifests.base import JSON, role, room, server, spec

ODD: Final[dict[str, JSON]] = {
    "two-mistakes": room(spec(maxParticipants=0, emptyTimeoutSeconds=1)),
    "unknown-beside-a-mistake": room(spec(maxParticipant=3, emptyTimeoutSeconds=1)),
    "unknown-in-a-list": room(role(grant={}, ttl=3)),
    "unknown-below-an-unknown": room(spec(extra={"deep": {"deeper": 1}})),
    "text-for-a-number": room(spec(maxParticipants="50")),
    "true-for-a-number": room(spec(maxParticipants=True)),
    "an-object-for-a-number": room(spec(maxParticipants={"a": 1})),
    "a-list-for-a-number": room(spec(maxParticipants=[1])),
    "a-fraction-for-a-number": room(spec(maxParticipants=1.5)),
    "a-whole-fraction": room(spec(maxParticipants=5.0)),
    "beyond-int32": room(spec(maxParticipants=2**40)),
    "a-number-for-text": room(spec(rawMetadata=7, metadata=None)),
    "a-list-for-an-object": room(spec(metadata=["a"])),
    "an-object-for-a-list": room(spec(roles={"name": "host"})),
    "text-for-a-list": room(spec(roles="host")),
    "text-in-a-list-of-objects": room(spec(roles=["host"])),
    "a-list-for-a-switch": room(spec(suspend=[])),
    "text-for-a-switch": room(spec(suspend="yes")),
    "a-number-for-an-enum": room(spec(lifecycle=3)),
    "null-in-a-list": {**room({}), "spec": {**room({})["spec"], "roles": [None]}},
    "null-for-a-field": {**room({}), "spec": {**room({})["spec"], "maxParticipants": None}},
    "null-for-a-field-with-a-default": {**room({}), "spec": {**room({})["spec"], "lifecycle": None}},
    "null-for-what-is-required": {**room({}), "spec": None},
    "empty-spec": {**room({}), "spec": {}},
    "spec-of-text": {**room({}), "spec": "all of it"},
    "spec-of-a-list": {**room({}), "spec": []},
    "role-without-a-name": room({"spec": {"roles": [{"count": 2}]}}),
    "two-roles-of-one-name": room({"spec": {"roles": [{"name": "a"}, {"name": "a"}]}}),
    "three-roles-of-one-name": room({"spec": {"roles": [{"name": "a"}] * 3}}),
    "identity-twice": room(role(identities=["a", "a"])),
    "quotes-and-controls": room(spec(roomName='a"\\\t\x00\x7f')),
    "beyond-the-basic-plane": room(spec(roomName="🎉|")),
    "long-in-bytes-only": room(spec(roomName="é" * 200)),
    "upper-case-name": room({"metadata": {"name": "Standup"}}),
    "name-with-an-underscore": room({"metadata": {"name": "a_b"}}),
    "name-too-long-for-anything": room({"metadata": {"name": "a" * 300}}),
    "no-name": room({"metadata": {"name": None}}),
    "odd-label-value": room({"metadata": {"labels": {"team": "a b"}}}),
    "long-label-value": room({"metadata": {"labels": {"team": "a" * 64}}}),
    "odd-label-key": room({"metadata": {"labels": {"te am": "a"}}}),
    "odd-label-prefix": room({"metadata": {"labels": {"A_B/team": "a"}}}),
    "odd-annotation-key": room({"metadata": {"annotations": {"/x": "a"}}}),
    "unknown-in-the-metadata": room({"metadata": {"label": {"team": "a"}}}),
    "status-given": {**room({}), "status": {"sid": "RM_x", "odd": 1}},
    "odd-port": server(spec(url="wss://livekit.example.com:port")),
    "below-a-fraction": server({"spec": {"policy": {"maxRoomsPerNamespace": 0.5}}}),
    "policy-of-everything-wrong": server(
        {
            "spec": {
                "policy": {
                    "allowedGrants": ["fly"],
                    "maxParticipants": 0,
                    "recordings": {"sources": ["x", "y"]},
                }
            }
        }
    ),
    "schema-free-below": server(
        {"spec": {"policy": {"metadataSchema": {"type": "object", "any": [1, None]}}}}
    ),
}
