"""Keys of buckets, streams and servers are told to LiveKit alone: in no log, status, Event or metric, whatever goes wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.studio import ROOM, S3_SECRET
from tests.e2e.studios import Tenant, studios
from tests.e2e.support import assert_tells_no_secret, eventually
from tests.e2e.test_secrecy import metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roomkeeper.localstack import LocalStack
    from tests.e2e.crowd import Crowd
    from tests.e2e.support import OperatorProcess

SESSION = "a-session-token-that-is-temporary"
STREAM_KEY, MUX_KEY, SRT_KEY, ODD_KEY = "live_9321_streamkey", "muxkey-77-secret", "srt-pass-88", "no-url-99"
WS_TOKEN = "token-of-the-websocket-55"
GCP_KEY, AZURE_KEY, ALI_KEY = "gcp-private-key-11", "YXp1cmUta2V5LTIy", "ali-secret-33"
WRONG_SECRET = "wrong-secret-of-a-decent-length-0123456789"
SECRETS = (S3_SECRET, SESSION, STREAM_KEY, MUX_KEY, SRT_KEY, ODD_KEY, WS_TOKEN, GCP_KEY, AZURE_KEY, ALI_KEY, WRONG_SECRET)  # fmt: skip
ADDRESSES = {
    "one": f"rtmp://a.rtmp.example.com/live2/{STREAM_KEY}",
    "two": f"rtmp://b.rtmp.example.com/app/{STREAM_KEY}2",
}


@pytest.fixture
def make(stack: LocalStack) -> Iterator[Callable[..., Tenant]]:
    with studios(stack) as make:
        yield make


def keep(tenant: Tenant, name: str, **data: str) -> None:
    """Apply a Secret."""
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}}
    tenant.apply({**secret, "stringData": data})


def lose(tenant: Tenant, name: str) -> None:
    tenant.delete("secret", name, wait=True)


def s3(tenant: Tenant, **more: Any) -> dict[str, Any]:
    return {"storage": {"s3": {**tenant.s3_target(), **more}}}


def assert_silent(tenant: Tenant, operator: OperatorProcess, *, counted: str = "") -> None:
    """Fail if a secret is told anywhere but in Secrets."""
    stack = tenant.stack
    for where, text in {
        "the log": operator.output(),
        "an object or an Event": tenant.everything(),
        "/metrics": counted + metrics(stack),
    }.items():
        assert_tells_no_secret(stack, where, text, *SECRETS)


def opened(make: Callable[..., Tenant]) -> Tenant:
    """Return a namespace with a server of its own, a Room, and Secrets of every kind."""
    tenant = make()
    tenant.stack.s3.create_bucket(tenant.bucket)
    tenant.host()
    tenant.move_in(tenant)
    keep(
        tenant,
        "archive-keys",
        AWS_ACCESS_KEY_ID=tenant.access_key,
        AWS_SECRET_ACCESS_KEY=S3_SECRET,
        AWS_SESSION_TOKEN=SESSION,
    )
    keep(tenant, "addresses", **ADDRESSES)
    keep(tenant, "socket", url=f"ws://127.0.0.1:9/audio?token={WS_TOKEN}")
    return tenant


STREAM = {
    "outputs": {"file": {"filepath": "streamed"}, "stream": {"urlsSecretRef": {"name": "addresses"}}},
}


def test_no_secret_is_told_while_all_is_well(
    make: Callable[..., Tenant], operator: OperatorProcess, crowd: Crowd, stack: LocalStack
) -> None:
    tenant = opened(make)
    roles = [{"name": "host", "identities": ["alice"], "grants": {"canPublish": True}}]
    tenant.apply(tenant.uses(tenant, "main", ROOM, roles=roles))
    secret = eventually("there are tokens", lambda: tenant.secret(f"{ROOM}.host"), within=2)
    assert crowd.join("alice", secret)
    assert crowd.publish("alice")
    microphone = {"track": {"identity": "alice", "source": "microphone"}}
    tenant.begin("talk", **s3(tenant))
    tenant.begin("streams", **s3(tenant), **STREAM)
    tenant.begin("socket", source=microphone, outputs={"websocket": {"urlSecretRef": {"name": "socket"}}})
    eventually(
        "one has no webhook to carry its mark",
        lambda: tenant.refused("WebhookURLRequired", "socket"),
        within=3,
    )
    tenant.run("talk", "streams")
    before = tenant.status("streams")["appliedStreams"]
    lose(tenant, "addresses")
    keep(tenant, "addresses", two=ADDRESSES["two"], srt=f"srt://a.srt.example.com:9/?passphrase={SRT_KEY}")
    applied = lambda: tenant.status("streams")["appliedStreams"]  # noqa: E731
    eventually("streams come and go", lambda: len(applied()) == 2 and applied() != before, within=6)
    operator.stop()
    operator.start(
        ROOMKEEPER_LOG_FORMAT="json",
        ROOMKEEPER_WEBHOOK_URL=f"http://127.0.0.1:{stack.operator_port}/livekit/webhook",
    )
    tenant.run("talk", "streams", "socket")
    tenant.end("talk", "streams", "socket")
    # What is looked for was really used; the stand-in shows what LiveKit does, which hides all but SRT's.
    asked = json.dumps([one.request for one in tenant.egresses()])
    assert asked.count('"secret": "{secret}"') == 2
    assert_silent(tenant, operator)


def test_no_secret_is_told_when_livekit_or_the_store_fails(
    make: Callable[..., Tenant], operator: OperatorProcess, stack: LocalStack
) -> None:
    tenant = opened(make)
    worker, room = stack.egress_standin, tenant.room_name
    often = {**s3(tenant), **STREAM, "backoffLimit": 0}
    for fault in ("refuse", "answer_failed", "answer_unavailable", "abort", "fail_upload", "die"):
        worker.fault(room, fault)  # type: ignore[arg-type]
        name = fault.replace("_", "-")
        tenant.begin(name, **often)
        eventually("LiveKit was asked", lambda name=name: tenant.status(name).get("attempts"), within=5)
        if fault == "fail_upload":
            tenant.run(name)
        tenant.stop(name)
        eventually(f"{name} is over", lambda name=name: tenant.status(name).get("endedAt"), within=30)
    nowhere = f"http://{S3_SECRET}@127.0.0.1:9"
    with pytest.raises(Exception, match="endpoint"):
        tenant.begin("password", **s3(tenant, endpoint=nowhere))
    tenant.begin("nowhere", **s3(tenant, endpoint="http://127.0.0.1:9"), backoffLimit=0)
    tenant.begin("no-bucket", **s3(tenant, bucket="no-such-bucket"), backoffLimit=0)
    tenant.run("nowhere", "no-bucket")
    for name in ("nowhere", "no-bucket"):
        tenant.stop(name)
        end = eventually(f"{name} is over", lambda name=name: tenant.status(name).get("endedAt"), within=30)
        assert end
    for name, address in {"odd": ODD_KEY, "mux": f"mux://{MUX_KEY}"}.items():
        lose(tenant, "addresses")
        keep(tenant, "addresses", one=address)
        tenant.begin(name, **often)
        eventually("it is refused", lambda name=name: tenant.status(name).get("endedAt"), within=5)
    lose(tenant, "addresses")
    keep(tenant, "addresses", **ADDRESSES)
    tenant.begin("changes", **often)
    tenant.run("changes")
    keep(tenant, "addresses", **ADDRESSES, three=f"mux://{MUX_KEY}")
    eventually(
        "LiveKit refuses the change", lambda: "UpdateStream: invalid_argument" in operator.output(), within=6
    )
    counted = metrics(stack)
    operator.stop()
    operator.start(LIVEKIT_API_SECRET=WRONG_SECRET)
    tenant.credentials("main-api", stack.livekit.api_key, WRONG_SECRET)
    eventually(
        "a wrong API secret is told",
        lambda: tenant.server_says("main", "False", "InvalidCredentials"),
        within=8,
    )
    assert_silent(tenant, operator, counted=counted)
    operator.stop()
    operator.start()
    tenant.offer_livekit("main", stack)


STORES: dict[str, tuple[dict[str, Any], dict[str, str], str]] = {
    "no-secret": ({"s3": {"bucket": "b"}}, {}, "Secret 'keys-no-secret' is not in namespace"),
    "no-key": ({"s3": {"bucket": "b"}}, {"AWS_ACCESS_KEY_ID": "AKIA"}, "has no AWS_SECRET_ACCESS_KEY"),
    "other-names": (
        {"s3": {"bucket": "b"}},
        {"access_key": "AKIA", "secret": S3_SECRET},
        "has no AWS_ACCESS_KEY_ID and no AWS_SECRET_ACCESS_KEY",
    ),
    "empty": (
        {"s3": {"bucket": "b"}},
        {"AWS_ACCESS_KEY_ID": " ", "AWS_SECRET_ACCESS_KEY": S3_SECRET},
        "has no AWS_ACCESS_KEY_ID",
    ),
    "gcp": ({"gcp": {"bucket": "b"}}, {"credentials.json": GCP_KEY}, "credentials.json is not the JSON"),
    "gcp-list": ({"gcp": {"bucket": "b"}}, {"credentials.json": f'["{GCP_KEY}"]'}, "credentials.json is not the JSON"),
    "azure": (
        {"azure": {"accountName": "account", "containerName": "media"}},
        {"key": AZURE_KEY},
        "has no AZURE_STORAGE_KEY",
    ),
    "ali": (
        {"aliOSS": {"bucket": "b", "endpoint": "oss.example.com"}},
        {"ALIBABA_CLOUD_ACCESS_KEY_SECRET": ALI_KEY},
        "has no ALIBABA_CLOUD_ACCESS_KEY_ID",
    ),
}  # fmt: skip


def test_secrets_that_are_missing_or_malformed_are_named_with_their_keys_alone(
    make: Callable[..., Tenant], operator: OperatorProcess
) -> None:
    tenant = opened(make)
    binary = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "keys-binary"},
        "data": {"k": "/////w=="},
    }
    tenant.apply(binary)
    stores = {
        **STORES,
        "binary": ({"s3": {"bucket": "b"}}, {}, "Secret 'keys-binary' holds something that is not text"),
    }
    for name, (target, data, _) in stores.items():
        if data:
            keep(tenant, f"keys-{name}", **data)
        [(kind, fields)] = target.items()
        declared = {kind: {**fields, "credentialsSecretRef": {"name": f"keys-{name}"}}}
        storage = {
            "apiVersion": "roomkeeper.dev/v1alpha1",
            "kind": "RecordingStorage",
            "metadata": {"name": name},
            "spec": declared,
        }
        tenant.apply(
            storage,
            tenant.recording(f"inline-{name}", start="Immediately", storage=declared),
            tenant.recording(f"by-{name}", start="Immediately", storageRef={"name": name}),
        )
    for name, (_, _, told) in stores.items():
        for recording in (f"inline-{name}", f"by-{name}"):
            message = tenant.is_refused(recording, "SecretNotFound", told)
            assert message.startswith(f"Secret 'keys-{name}'")
        eventually("the storage says so too", lambda name=name: told_of_storage(tenant, name), within=3)
    lose(tenant, "addresses")
    tenant.begin("no-addresses", **s3(tenant), **STREAM)
    tenant.is_refused("no-addresses", "SecretNotFound", "Secret 'addresses' is not in namespace")
    assert tenant.egresses() == []
    assert_silent(tenant, operator)


def told_of_storage(tenant: Tenant, name: str) -> bool:
    found = tenant.get("recordingstorage", name)
    conditions = found["status"].get("conditions", []) if found else []
    ready = {one["type"]: one for one in conditions}["Ready"]
    return bool(ready["reason"] == "SecretNotFound" and f"'keys-{name}'" in ready["message"])


def test_a_tenant_learns_nothing_of_the_secret_of_a_shared_storage(
    make: Callable[..., Tenant], operator: OperatorProcess
) -> None:
    provider, tenant = make(), make()
    provider.host()
    provider.share(allowedNamespaces={"from": "All"})
    lose(provider, "archive-keys")
    tenant.move_in(provider)
    tenant.begin("talk", **provider.archive())
    told = tenant.is_refused("talk", "SecretNotFound")
    for part in ("archive-keys", provider.namespace, "AWS_"):
        assert part not in told


def test_the_newest_credentials_are_used_at_the_start(
    make: Callable[..., Tenant], operator: OperatorProcess, stack: LocalStack
) -> None:
    tenant = opened(make)
    tenant.apply(tenant.storage("archive"))
    tenant.record("talk", startAt="2099-01-01T00:00:00Z", start="Immediately", **tenant.archive())
    eventually("it is armed", lambda: tenant.is_("Armed"), within=2)
    keep(tenant, "archive-keys", AWS_ACCESS_KEY_ID="NEWKEY", AWS_SECRET_ACCESS_KEY=S3_SECRET)
    tenant.patch("recording", "talk", {"spec": {"startAt": None}})
    tenant.run("talk")
    [result] = tenant.results("talk")
    assert {one.access_key for one in stack.s3.requests() if result["filename"] in one.path} == {"NEWKEY"}
