"""What a LiveKitServer says of itself, and what holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.support import RESYNC_SECONDS, eventually
from tests.e2e.tenancy import Namespace, another_livekit, namespaces, room_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roomkeeper.localstack import LocalStack
    from tests.e2e.support import OperatorProcess

LATER = RESYNC_SECONDS + 2
DEFAULT = {"roomkeeper.dev/is-default-server": "true"}


@pytest.fixture
def provider(stack: LocalStack) -> Iterator[Namespace]:
    with namespaces(stack) as make:
        yield make()


@pytest.fixture
def make(stack: LocalStack) -> Iterator[Callable[..., Namespace]]:
    with namespaces(stack) as make:
        yield make


@pytest.fixture(scope="module")
def bare(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """Return a LiveKit without Redis, without webhooks and with auto_create off."""
    with another_livekit(
        stack,
        tmp_path_factory.mktemp("bare"),
        parts=("livekit",),
        webhook_url="",
        livekit_config={"room": {"auto_create": False}},
    ) as running:
        yield running


def test_a_server_that_answers(operator: OperatorProcess, provider: Namespace, stack: LocalStack) -> None:
    provider.offer_livekit("main", stack)
    eventually("it is Ready", lambda: provider.server_says("main", "True", "Connected"), within=2)
    assert provider.server_says("main", "Unknown", "NotTriedYet", "EgressAvailable")
    found = provider.get("livekitserver", "main")
    assert found
    assert (found["status"]["autoCreate"], found["status"]["rooms"]) == ("Enabled", 0)
    assert found["status"]["observedGeneration"] == found["metadata"]["generation"]
    provider.apply(provider.uses(provider, "main", "standup"))
    eventually("a Room is Ready on it", lambda: provider.is_ready("standup"), within=2)
    eventually(
        "its webhook counts",
        lambda: provider.server_says("main", "True", "Received", "WebhooksReceived"),
        within=LATER,
    )
    assert f"{provider.namespace}_standup" in room_names(stack)


def test_credentials_that_are_refused(
    operator: OperatorProcess, provider: Namespace, stack: LocalStack
) -> None:
    provider.offer("main", stack.livekit.url, stack.livekit.api_key, "not-the-secret-that-livekit-was-given")
    eventually("it says why", lambda: provider.server_says("main", "False", "InvalidCredentials"), within=2)
    provider.apply(provider.uses(provider, "main", "standup"))
    eventually("so does a Room", lambda: provider.says("standup", "InvalidCredentials"), within=2)
    assert provider.secret("standup.host") is None
    provider.offer_livekit("main", stack)
    eventually(
        "with the right ones it is Ready",
        lambda: provider.server_says("main", "True", "Connected"),
        within=LATER,
    )
    eventually("so is the Room", lambda: provider.is_ready("standup"), within=2)


def test_nobody_at_the_address(operator: OperatorProcess, provider: Namespace, stack: LocalStack) -> None:
    provider.offer("main", "ws://127.0.0.1:9", stack.livekit.api_key, stack.livekit.api_secret)
    eventually("it says why", lambda: provider.server_says("main", "False", "ServerUnreachable"), within=2)
    provider.server("main", "ws://127.0.0.1:9", apiURL=stack.livekit.http_url)
    eventually(
        "the operator calls apiURL", lambda: provider.server_says("main", "True", "Connected"), within=2
    )
    provider.apply(provider.uses(provider, "main", "standup"))
    eventually("a Room is Ready on it", lambda: provider.is_ready("standup"), within=2)
    secret = provider.secret("standup.host")
    assert secret
    assert secret["LIVEKIT_URL"] == "ws://127.0.0.1:9", "clients get url"


def test_credentials_that_are_missing(
    operator: OperatorProcess, provider: Namespace, stack: LocalStack
) -> None:
    provider.server("main", stack.livekit.url)
    found = eventually(
        "it names the Secret", lambda: provider.server_says("main", "False", "SecretNotFound"), within=2
    )
    assert "'main-api'" in found["message"]
    data = {"LIVEKIT_API_KEY": stack.livekit.api_key}
    half = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "main-api"}, "stringData": data}
    provider.apply(half)
    eventually(
        "it names the key",
        lambda: "no LIVEKIT_API_SECRET" in provider.server_says("main", "False", "SecretNotFound")["message"],
        within=LATER,
    )
    provider.offer_livekit("main", stack)
    eventually("it is Ready", lambda: provider.server_says("main", "True", "Connected"), within=LATER)


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999", "ws://:7880", "ws://[::1:7880"])
def test_urls_that_the_crd_lets_through(
    operator: OperatorProcess, provider: Namespace, stack: LocalStack, url: str
) -> None:
    provider.offer_livekit("main", stack, apiURL=url)
    found = eventually(
        "it names the field", lambda: provider.server_says("main", "False", "InvalidURL"), within=2
    )
    assert found["message"].startswith("spec.apiURL: ")
    assert url not in found["message"]
    provider.offer_livekit("main", stack)
    eventually("corrected it is Ready", lambda: provider.server_says("main", "True", "Connected"), within=2)


def test_a_livekit_without_redis_webhooks_and_auto_create(
    bare: LocalStack, operator: OperatorProcess, provider: Namespace
) -> None:
    provider.offer_livekit("main", bare)
    eventually(
        "it cannot record",
        lambda: provider.server_says("main", "False", "NoRedis", "EgressAvailable"),
        within=2,
    )
    found = provider.get("livekitserver", "main")
    assert found
    assert found["status"]["autoCreate"] == "Disabled"
    provider.apply(
        provider.uses(provider, "main", "standup"),
        provider.uses(provider, "main", "later", lifecycle="OnDemand"),
    )
    eventually("a Room that is kept is Ready", lambda: provider.is_ready("standup"), within=2)
    eventually("one on demand is not", lambda: provider.says("later", "AutoCreateDisabled"), within=2)
    provider.offer_livekit("main", bare, autoCreate="Enabled")
    eventually("what is declared counts", lambda: provider.says("later", "OnDemand", "True"), within=2)
    bare.livekit.restart()  # which loses its rooms, and nobody tells
    eventually(
        "it misses webhooks",
        lambda: provider.server_says("main", "False", "NoneSeenWhileRoomsActive", "WebhooksReceived"),
        within=5 * RESYNC_SECONDS,
    )


def test_a_selector_without_the_right_to_read_labels(
    operator: OperatorProcess, provider: Namespace, stack: LocalStack
) -> None:
    with operator.started_with("-n", provider.namespace):
        allowed = {"from": "Selector", "selector": {"matchLabels": {"team": "a"}}}
        provider.offer_livekit("main", stack, allowedNamespaces=allowed)
        eventually(
            "it says why",
            lambda: provider.server_says("main", "False", "SelectorNeedsClusterScope"),
            within=2,
        )
        provider.server("main", stack.livekit.url)
        eventually(
            "with Same it is Ready", lambda: provider.server_says("main", "True", "Connected"), within=2
        )


def finalizers(provider: Namespace, name: str) -> list[str]:
    """Return what holds a server."""
    found = provider.get("livekitserver", name)
    assert found
    return list(found["metadata"].get("finalizers", []))


def test_a_server_stays_while_it_is_used(
    make: Callable[..., Namespace], operator: OperatorProcess, stack: LocalStack
) -> None:
    provider, tenant = make(), make()
    provider.offer_livekit("main", stack, allowedNamespaces={"from": "All"})
    eventually("it is Ready", lambda: provider.server_says("main", "True", "Connected"), within=2)
    assert finalizers(provider, "main") == []
    tenant.apply(tenant.uses(provider, "main", "standup"))
    eventually("a Room is Ready on it", lambda: tenant.is_ready("standup"), within=2)
    eventually("it is held", lambda: finalizers(provider, "main") == ["roomkeeper.dev/in-use"], within=LATER)

    provider.delete("livekitserver", "main")
    provider.delete("secret", "main-api")
    found = eventually("it says why", lambda: provider.server_says("main", "False", "InUse"), within=2)
    assert "1 Rooms" in found["message"]
    assert f"{tenant.namespace}_standup" in room_names(stack)
    tenant.delete("room", "standup")
    eventually("the Room goes", lambda: tenant.get("room", "standup") is None, within=2)
    assert f"{tenant.namespace}_standup" not in room_names(stack)
    eventually("so does the server", lambda: provider.get("livekitserver", "main") is None, within=2)


def test_a_server_that_nobody_uses_goes_at_once(
    operator: OperatorProcess, provider: Namespace, stack: LocalStack
) -> None:
    provider.offer_livekit("main", stack)
    provider.apply(provider.uses(provider, "main", "standup"))
    eventually("a Room is Ready on it", lambda: provider.is_ready("standup"), within=2)
    provider.delete("room", "standup")
    eventually("the Room goes", lambda: provider.get("room", "standup") is None, within=2)
    eventually("nothing holds the server", lambda: finalizers(provider, "main") == [], within=LATER)
    provider.delete("livekitserver", "main", wait=True)
    assert provider.get("livekitserver", "main") is None


def server_of(tenant: Namespace, room: str) -> str:
    """Return the server that a Ready Room has."""
    assert tenant.is_ready(room)
    found = tenant.get("room", room)
    assert found
    ref = found["status"].get("serverRef", {"namespace": "", "name": "environment"})
    return f"{ref['namespace']}/{ref['name']}"


def test_the_default_server(
    make: Callable[..., Namespace], operator: OperatorProcess, bare: LocalStack, stack: LocalStack
) -> None:
    provider, own, stranger = make(), make(), make()
    provider.offer_livekit("main", bare, allowedNamespaces={"from": "All"}, annotations=DEFAULT)
    own.offer_livekit("own", stack, annotations=DEFAULT)
    own.offer_livekit("second", bare)
    stranger.apply(stranger.room("early"))
    eventually("the environment", lambda: server_of(stranger, "early") == "/environment", within=2)
    with operator.started_with("--default-server", f"{provider.namespace}/main"):
        own.apply(own.room("standup"))
        stranger.apply(stranger.room("standup"))
        eventually("its own", lambda: server_of(own, "standup") == f"{own.namespace}/own", within=2)
        eventually(
            "--default-server",
            lambda: server_of(stranger, "standup") == f"{provider.namespace}/main",
            within=2,
        )
        assert server_of(stranger, "early") == "/environment", "it stays where it was first"
        assert f"{stranger.namespace}_standup" in room_names(bare)

        own.offer_livekit("own", stack, annotations={"roomkeeper.dev/is-default-server": "false"})
        own.offer_livekit("second", bare, annotations=DEFAULT)
        eventually("the server is Ready", lambda: own.server_says("second", "True", "Connected"), within=2)
        own.apply(own.room("later"))
        eventually("the new default", lambda: server_of(own, "later") == f"{own.namespace}/second", within=2)
        assert server_of(own, "standup") == f"{own.namespace}/own", "it stays where it was first"
        assert f"{own.namespace}_standup" not in room_names(bare)
