"""What a server's policy lets the Recordings of other namespaces do: what is refused names the field and the limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from roomkeeper.localstack.egress_standin import WORKER_BUCKET
from tests.e2e.studio import ROOM
from tests.e2e.studios import ALL, Tenant, studios
from tests.e2e.support import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roomkeeper.localstack import LocalStack
    from tests.e2e.support import OperatorProcess

INTERNAL = "http://169.254.169.254/latest/meta-data/iam"
PAGE = "https://pages.example.com/wall?style=dark"
FILE = {"file": {"filepath": "talk"}}
ROLE = "arn:aws:iam::123456789012:role/egress"


@pytest.fixture
def make(stack: LocalStack) -> Iterator[Callable[..., Tenant]]:
    with studios(stack) as make:
        yield make


def web(url: str) -> dict[str, Any]:
    return {"source": {"web": {"url": url}}, "outputs": FILE}


def layout(url: str) -> dict[str, Any]:
    return {"source": {"roomComposite": {"customBaseURL": url}}, "outputs": FILE}


STREAM = {"outputs": {**FILE, "stream": {"urlsSecretRef": {"name": "addresses"}}}}
WEBSOCKET = {
    "source": {"track": {"trackID": "TR_AM1"}},
    "outputs": {"websocket": {"urlSecretRef": {"name": "addresses"}}},
}


@dataclass(frozen=True)
class Excess:
    """A Recording that wants more than it may have, and what it is told."""

    id: str
    spec: dict[str, Any]
    told: str
    reason: str = "PolicyViolation"


BY_DEFAULT = [
    Excess("web-internal", web(INTERNAL), "spec.source.web: the policy of the server does not allow it (recordings.sources)"),
    Excess("page-internal", layout(INTERNAL), "spec.source.roomComposite.customBaseURL"),
    Excess("stream", STREAM, "spec.outputs.stream: the policy of the server does not allow it (recordings.streams)"),
    Excess("websocket", WEBSOCKET, "spec.outputs.websocket: the policy of the server does not allow it"),
    Excess("keyless-s3", {"storage": {"s3": {"bucket": "recordings"}}}, "spec.storage: it needs a credentialsSecretRef"),
    Excess("keyless-gcp", {"storage": {"gcp": {"bucket": "recordings"}}}, "spec.storage: it needs a credentialsSecretRef"),
    Excess(
        "role",
        {"storage": {"s3": {"bucket": "b", "assumeRoleARN": ROLE, "credentialsSecretRef": {"name": "archive-keys"}}}},
        "spec.storage.s3.assumeRoleARN",
    ),
    Excess("role-keyless", {"storage": {"s3": {"bucket": "b", "assumeRoleARN": ROLE}}}, "spec.storage: it needs"),
    Excess("own-keyless", {"storageRef": {"name": "keyless"}}, "spec.storageRef: it needs a credentialsSecretRef"),
    Excess("worker", {}, "spec.storageRef: there is no default storage, and the policy of the server does not allow"),
]  # fmt: skip


def test_what_gives_reach_is_refused_unless_the_policy_names_it(
    make: Callable[..., Tenant], operator: OperatorProcess
) -> None:
    provider, tenant = make(), make()
    provider.host()
    tenant.s3_secret("archive-keys", tenant.access_key)
    tenant.move_in(provider)
    lent = {"s3": {"bucket": tenant.bucket}, "allowedServers": [provider.main()["serverRef"]]}
    tenant.apply(tenant.storage("keyless", **lent))
    tenant.apply(*(tenant.recording(one.id, start="Immediately", **one.spec) for one in BY_DEFAULT))
    for one in BY_DEFAULT:
        tenant.is_refused(one.id, one.reason, one.told)
    assert tenant.stack.egress_standin.egresses(tenant.room_name) == []
    assert tenant.stack.egress_standin.egresses(INTERNAL) == []


LAX = {
    "sources": ["roomComposite", "web"],
    "webURLs": [PAGE],
    "customBaseURLs": [PAGE],
    "streams": "Allowed",
    "inlineStorage": "Forbidden",
    "workerStorage": "Prefixed",
    "maxSeconds": 100,
}


def test_what_the_policy_names_is_had_and_nothing_beside_it(
    make: Callable[..., Tenant], operator: OperatorProcess, stack: LocalStack
) -> None:
    provider, tenant = make(), make()
    provider.host(policy=LAX)
    tenant.s3_secret("archive-keys", tenant.access_key)
    tenant.move_in(provider)
    address = "rtmp://media.example.com/live/a-key"
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "addresses"}}
    tenant.apply({**secret, "stringData": {"one": address}})
    tenant.apply(tenant.storage("own", allowedServers=[provider.main()["serverRef"]]))
    beside = [
        Excess("internal", web(INTERNAL), "spec.source.web.url"),
        Excess("longer", web(f"{PAGE}&next=1"), "spec.source.web.url"),
        Excess("shorter", web(PAGE.partition("?")[0]), "spec.source.web.url"),
        Excess("upper", web(PAGE.replace("pages", "PAGES")), "spec.source.web.url"),
        Excess("user", web(PAGE.replace("pages", "pages@internal")), "spec.source.web.url"),
        Excess("plain", web(PAGE.replace("https", "http")), "recordings.webURLs"),
        Excess("page", layout(INTERNAL), "recordings.customBaseURLs"),
        Excess("source", {"source": {"participant": {"identity": "alice"}}}, "spec.source.participant"),
        Excess("inline", {"storage": {"s3": tenant.s3_target()}}, "(recordings.inlineStorage)"),
        Excess("own", {"storageRef": {"name": "own"}}, "(recordings.inlineStorage)"),
        Excess(
            "long",
            {"activeDeadlineSeconds": 101},
            "spec.activeDeadlineSeconds: 101 is more than the 100 that the policy of the server allows"
            " (recordings.maxSeconds)",
        ),
    ]
    within = {
        "page-within": web(PAGE),
        "layout": layout(PAGE),
        "streams": STREAM,
        "long-enough": {"activeDeadlineSeconds": 100},
    }
    for name, spec in within.items():
        tenant.begin(name, **spec)
    tenant.run(*within)
    tenant.apply(*(tenant.recording(one.id, start="Immediately", **one.spec) for one in beside))
    for one in beside:
        tenant.is_refused(one.id, one.reason, one.told)
    [opened] = [one for one in stack.egress_standin.egresses(PAGE) if one.running]
    assert opened.kind == "web"
    results = tenant.results(*within)
    keys = stack.s3.keys(WORKER_BUCKET, f"{tenant.namespace}/")
    for result in results:
        assert result["filename"] in keys
        assert (
            result["filename"].startswith(f"{tenant.namespace}/talk-") or "long-enough" in result["filename"]
        )
    used = {one.access_key for one in stack.s3.requests() if f"/{tenant.namespace}/" in one.path}
    assert used == {stack.egress_standin.worker_access_key}
    assert stack.egress_standin.egresses(INTERNAL) == []


def test_ones_own_server_has_no_limits(
    make: Callable[..., Tenant], operator: OperatorProcess, stack: LocalStack
) -> None:
    tenant = make()
    strict = {"sources": [], "maxActivePerNamespace": 0, "maxSeconds": 1, "inlineStorage": "Forbidden"}
    tenant.host(policy=strict)
    tenant.move_in(tenant)
    tenant.begin("web", **web(f"{INTERNAL}?{tenant.namespace}"))
    tenant.begin("page", **layout(INTERNAL), activeDeadlineSeconds=100)
    tenant.run("web", "page")
    for result in tenant.results("web", "page"):
        assert result["filename"].startswith(("talk-", "web-"))
        assert result["filename"] in stack.s3.keys(WORKER_BUCKET)


def test_a_recording_that_names_no_end_ends_with_the_policys(
    make: Callable[..., Tenant], operator: OperatorProcess
) -> None:
    provider, tenant = make(), make()
    provider.host(policy={"maxSeconds": 3})
    provider.share(**ALL)
    tenant.move_in(provider)
    tenant.begin("talk", **provider.archive())
    tenant.begin("shorter", **provider.archive(), activeDeadlineSeconds=1)
    found = tenant.end("talk", "shorter", state="LimitReached")
    assert 1 <= found["shorter"]["recordedSeconds"] <= 2
    assert 3 <= found["talk"]["recordedSeconds"] <= 5


def test_what_runs_goes_on_when_the_policy_is_tightened(
    make: Callable[..., Tenant], operator: OperatorProcess, stack: LocalStack
) -> None:
    provider, tenant = make(), make()
    provider.host(policy={**LAX, "inlineStorage": "WithCredentials"})
    provider.share(**ALL)
    tenant.s3_secret("archive-keys", tenant.access_key)
    tenant.move_in(provider)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "addresses"}}
    tenant.apply({**secret, "stringData": {"one": "rtmp://media.example.com/live/a-key"}})
    running = {
        "page": web(PAGE),
        "layout": layout(PAGE),
        "streams": STREAM,
        "inline": {"storage": {"s3": tenant.s3_target()}},
        "shared": provider.archive(),
    }
    for name, spec in running.items():
        tenant.begin(name, **spec)
    tenant.run(*running)
    before = {name: status["egressID"] for name, status in tenant.statuses().items()}
    provider.host(policy={"sources": [], "inlineStorage": "Forbidden", "maxActivePerNamespace": 0})
    provider.share()
    again = {f"{name}-again": spec for name, spec in running.items()}
    for name, spec in again.items():
        tenant.begin(name, **spec)
    for name in again:
        tenant.is_refused(name, "PolicyViolation")
    provider.host(allowedNamespaces={"from": "Same"})
    eventually("nobody is let in", lambda: tenant.says(ROOM, "ServerNotAllowed"), within=3)
    assert all(one.running for one in tenant.egresses())
    statuses = tenant.end(*running)
    assert {name: status["egressID"] for name, status in statuses.items()} == before
    assert all(status["results"] for status in statuses.values())
