"""Storages: whom they serve, where in them a namespace writes, and what their status says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from roomkeeper.api import crd
from roomkeeper.api.recording_storage import KIND, RecordingStorageSpec
from roomkeeper.domain import egress, storages
from roomkeeper.domain.conditions import Finding, find
from roomkeeper.domain.object_keys import KeyTemplateError
from roomkeeper.domain.objects import STORAGE, CustomObject, Key
from roomkeeper.domain.outcomes import Done, Stalled
from roomkeeper.domain.reasons import Reason
from roomkeeper.domain.storages import Storage, StorageWorld
from tests.unit.domain.kstatus import CURRENT, FAILED, kstatus

NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
STATUS = Draft202012Validator(crd.schema(KIND)["properties"]["status"])
KEY = Key(STORAGE, "provider", "archive")
CREDENTIALS = {"name": "keys"}
S3 = {"s3": {"bucket": "media", "credentialsSecretRef": CREDENTIALS}}
S3_SECRET = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "very-secret"}


def spec(**fields: Any) -> RecordingStorageSpec:
    return RecordingStorageSpec.model_validate({**S3, **fields})


def storage(**fields: Any) -> Storage:
    return Storage(KEY, "uid-1", spec(**fields))


def world(**parts: Any) -> StorageWorld:
    metadata = {
        "namespace": KEY.namespace,
        "name": KEY.name,
        "uid": "uid-1",
        "resourceVersion": "1",
        "generation": 3,
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    return StorageWorld(
        **{
            "storage": CustomObject.from_body(STORAGE, {"metadata": metadata}),
            "spec": spec(),
            "spec_error": "",
            "now": NOW,
            "target": egress.S3Target("media"),
            **parts,
        }
    )


@pytest.mark.parametrize(
    ("template", "prefix"),
    [
        ("{namespace}/", "team-a/"),
        ("media/{namespace}/rooms-", "media/team-a/rooms-"),
        ("", ""),
        ("fixed/", "fixed/"),
    ],
)
def test_a_prefix_stands_before_every_key(template: str, prefix: str) -> None:
    assert storage(prefixTemplate=template).key_prefix("team-a") == prefix


def test_the_default_prefix_is_the_namespace() -> None:
    assert storage().key_prefix("team-a") == "team-a/"


@pytest.mark.parametrize(
    "template", ["/x/", "a/../{namespace}/", "\\", "a\n", "{room_name}/{namespace}/", "{time}"]
)
def test_a_prefix_leads_nowhere_else(template: str) -> None:
    with pytest.raises(KeyTemplateError):
        storage(prefixTemplate=template).key_prefix("team-a")
    concluded = storages.conclude(world(spec=spec(prefixTemplate=template)))
    assert reason(concluded.status) == Reason.INVALID_SPEC
    assert message(concluded.status).startswith("spec.prefixTemplate: ")
    assert concluded.outcome == Stalled()


@pytest.mark.parametrize(
    ("template", "others"),
    [
        ("{namespace}/", True),
        ("a/{namespace}/b/", True),
        ("{namespace}{namespace}/", True),
        ("{namespace}", False),  # team-a writing to "-b/x" would be in the place of team-a-b
        ("{namespace}-", False),
        ("media/", False),
        ("", False),
    ],
)
def test_others_need_a_place_of_their_own(template: str, *, others: bool) -> None:
    assert storage(prefixTemplate=template).may_serve("team-a") is others
    assert storage(prefixTemplate=template).may_serve(KEY.namespace)


NAMESPACES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
PIECES = st.lists(st.sampled_from(["{namespace}", "/", "a", "-", "media/"]), max_size=5)


@given(first=NAMESPACES, second=NAMESPACES, before=PIECES, after=PIECES, rest=st.text("a-/b", max_size=6))
def test_no_namespace_reaches_into_the_place_of_another(
    first: str, second: str, before: list[str], after: list[str], rest: str
) -> None:
    kept = storage(prefixTemplate="".join([*before, "{namespace}/", *after]).lstrip("/"))
    if first != second:
        assert not (kept.key_prefix(first) + rest).startswith(kept.key_prefix(second))


@pytest.mark.parametrize(
    ("allowed", "told"),
    [
        ([], {"own", "environment"}),
        ([{"name": "main"}], {"own"}),  # in its own namespace
        ([{"name": "main", "namespace": "team-a"}], {"tenant"}),
        (
            [{"name": "main", "namespace": "provider"}, {"name": "main", "namespace": "team-a"}],
            {"own", "tenant"},
        ),
        ([{"name": "other"}], set()),
    ],
)
def test_credentials_travel_to_few_servers(allowed: list[dict[str, str]], told: set[str]) -> None:
    servers = {
        "own": Key("LiveKitServer", "provider", "main"),
        "tenant": Key("LiveKitServer", "team-a", "main"),
        "environment": Key("LiveKitServer", "", ""),
    }
    kept = storage(allowedServers=allowed)
    assert {name for name, key in servers.items() if kept.may_tell(key)} == told


STORES: list[tuple[dict[str, Any], dict[str, str], egress.Target]] = [
    (S3, S3_SECRET, egress.S3Target("media", access_key="AKIA", secret="very-secret")),
    (
        {
            "s3": {
                "bucket": "media",
                "region": "eu-central-1",
                "endpoint": "https://s3.example.com",
                "forcePathStyle": True,
                "assumeRoleARN": "arn:aws:iam::123456789012:role/egress",
                "credentialsSecretRef": CREDENTIALS,
            }
        },
        {**S3_SECRET, "AWS_SESSION_TOKEN": "session", "other": "ignored"},
        egress.S3Target(
            "media",
            "eu-central-1",
            "https://s3.example.com",
            force_path_style=True,
            assume_role_arn="arn:aws:iam::123456789012:role/egress",
            access_key="AKIA",
            secret="very-secret",
            session_token="session",
        ),
    ),
    ({"s3": {"bucket": "media"}}, {}, egress.S3Target("media")),
    (
        {"gcp": {"bucket": "media", "credentialsSecretRef": CREDENTIALS}},
        {"credentials.json": '{"type": "service_account"}'},
        egress.GCPTarget("media", '{"type": "service_account"}'),
    ),
    ({"gcp": {"bucket": "media"}}, {}, egress.GCPTarget("media")),
    (
        {"azure": {"accountName": "acct", "containerName": "media", "credentialsSecretRef": CREDENTIALS}},
        {"AZURE_STORAGE_KEY": "key"},
        egress.AzureTarget("media", "acct", "key"),
    ),
    (
        {
            "aliOSS": {
                "bucket": "media",
                "endpoint": "oss.example.com",
                "region": "r",
                "credentialsSecretRef": CREDENTIALS,
            }
        },
        {"ALIBABA_CLOUD_ACCESS_KEY_ID": "id", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret"},
        egress.AliOSSTarget("media", "r", "oss.example.com", "id", "secret"),
    ),
]


@pytest.mark.parametrize(("declared", "secret", "target"), STORES)
def test_a_store_goes_with_its_credentials(
    declared: dict[str, Any], secret: dict[str, str], target: egress.Target
) -> None:
    found = storages.target(RecordingStorageSpec.model_validate(declared), secret)
    assert found == target
    assert not any(value in repr(found) for value in secret.values() if len(value) > 3)


@pytest.mark.parametrize(("declared", "secret", "target"), [store for store in STORES if store[1]])
def test_an_entry_that_is_missing_is_named(
    declared: dict[str, Any], secret: dict[str, str], target: egress.Target
) -> None:
    needed = [entry for entry in secret if entry not in ("AWS_SESSION_TOKEN", "other")]
    for entry in needed:
        for broken in ({**secret, entry: ""}, {key: value for key, value in secret.items() if key != entry}):
            found = storages.target(RecordingStorageSpec.model_validate(declared), broken)
            assert found == Finding(Reason.SECRET_NOT_FOUND, f"Secret 'keys' has no {entry}")
    assert isinstance(storages.target(RecordingStorageSpec.model_validate(declared), {}), Finding)


@pytest.mark.parametrize(
    "text", ["not json", "[]", "[" * 100_000, "{} # hush", '{"type": "external_account"}']
)
def test_what_is_no_service_account_is_said_before_it_fails_an_upload(text: str) -> None:
    declared = RecordingStorageSpec.model_validate(
        {"gcp": {"bucket": "media", "credentialsSecretRef": CREDENTIALS}}
    )
    found = storages.target(declared, {"credentials.json": text})
    assert isinstance(found, Finding)
    assert found.reason is Reason.SECRET_NOT_FOUND
    assert text[:9] not in found.message
    assert "is not the JSON of a service account" in found.message


def test_a_store_of_a_kind_that_this_version_does_not_know_is_said_to_be_none() -> None:
    found = storages.target(RecordingStorageSpec.model_validate({"tape": {}}), {})
    assert isinstance(found, Finding)
    assert found.reason is Reason.INVALID_SPEC


def reason(status: dict[str, Any]) -> str:
    condition = find(status["conditions"], "Ready")
    assert condition is not None
    return str(condition["reason"])


def message(status: dict[str, Any]) -> str:
    condition = find(status["conditions"], "Ready")
    assert condition is not None
    return str(condition["message"])


MISSING = Finding(Reason.SECRET_NOT_FOUND, "Secret 'keys' is not in namespace 'provider'")


@pytest.mark.parametrize(
    ("parts", "expected", "outcome"),
    [
        ({}, Reason.STORAGE_READY, Done(60.0)),
        ({"target": MISSING}, Reason.SECRET_NOT_FOUND, Stalled(60.0)),
        ({"spec": None, "spec_error": "spec.s3.bucket: …"}, Reason.INVALID_SPEC, Stalled()),
        (
            {"spec": spec(prefixTemplate="media/", allowedNamespaces={"from": "All"})},
            Reason.PREFIX_WITHOUT_NAMESPACE,
            Stalled(),
        ),
        ({"spec": spec(prefixTemplate="media/")}, Reason.STORAGE_READY, Done(60.0)),
        ({"selector_unusable": True}, Reason.SELECTOR_NEEDS_CLUSTER_SCOPE, Stalled()),
    ],
    ids=["ready", "no secret", "unreadable", "no place for others", "its own namespace only", "selector"],
)
def test_what_status_says(parts: dict[str, Any], expected: Reason, outcome: Done | Stalled) -> None:
    built = world(**parts)
    concluded = storages.conclude(built)
    STATUS.validate(concluded.status)
    assert reason(concluded.status) == expected
    assert concluded.outcome == outcome
    assert concluded.status["observedGeneration"] == 3
    assert kstatus(built.storage, concluded.status) == (CURRENT if isinstance(outcome, Done) else FAILED)


def test_the_same_is_concluded_again() -> None:
    first = storages.conclude(world()).status
    known = replace(world().storage, status=first)
    assert storages.conclude(world(storage=known, now=datetime(2026, 1, 3, tzinfo=UTC))).status == first


def test_a_wish_to_look_again_is_acknowledged() -> None:
    asked = replace(world().storage, annotations={"roomkeeper.dev/reconcile-at": "now"})
    assert storages.conclude(world(storage=asked)).status["lastHandledReconcileAt"] == "now"
