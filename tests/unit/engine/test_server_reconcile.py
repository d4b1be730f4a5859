"""World in, world out for LiveKitServers: their credentials, rotation, and what holds one in use."""

from __future__ import annotations

from dataclasses import replace

import pytest

from roomkeeper.adapters.kubernetes.resources import LIVEKIT_SERVERS, ROOMS
from roomkeeper.adapters.ports import LiveKitCredentialsError, LiveKitUnreachableError
from roomkeeper.api import common
from roomkeeper.domain.livekit import Credentials, WebhookEvent
from roomkeeper.domain.rooms import ServerState
from roomkeeper.engine.keyring import PREVIOUS_KEY_LIFETIME
from roomkeeper.engine.servers import OWN
from tests.unit.engine.fleet import (
    KEY,
    MAIN,
    NEW_KEY,
    NEW_SECRET,
    PROVIDER,
    SECRET,
    URL,
    Fleet,
    a_fleet,
)
from tests.unit.engine.harness import NAME, NAMESPACE, OWN_URL

ON_MAIN = {"serverRef": {"namespace": PROVIDER, "name": "main"}}
HOST = {"name": "host"}


@pytest.fixture
async def fleet() -> Fleet:
    return await a_fleet()


def signing_key(fleet: Fleet) -> str:
    """Return which key signed the tokens of the host."""
    annotations: dict[str, str] = fleet.secret("standup.host")["metadata"]["annotations"]
    return annotations[common.ANNOTATION_SIGNING_KEY]


async def test_a_new_server() -> None:
    fleet = Fleet()
    livekit = fleet.add_livekit()
    fleet.keep()
    fleet.add_server()
    fleet.asked()
    await fleet.settle()
    kubernetes = [f"{call.verb} {call.plural} {call.name}" for call in fleet.kubernetes.calls]
    assert kubernetes == [f"get secrets {SECRET}", "patch livekitservers/status main"]
    assert livekit.calls == [("list_rooms", ""), ("creates_rooms_on_join", ""), ("has_redis", "")]
    assert (fleet.server_reason(), fleet.server_status()["autoCreate"]) == ("Connected", "Enabled")
    assert fleet.livekit.calls == []  # the operator's own is another


async def test_a_resync_of_a_server_that_is_as_it_was_is_one_list(fleet: Fleet) -> None:
    fleet.livekits[URL].calls.clear()
    await fleet.reconcile(MAIN)
    assert fleet.asked() == [f"get secrets {SECRET}"]
    assert fleet.livekits[URL].calls == [("list_rooms", "")]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "SecretNotFound"),
        ({"LIVEKIT_API_KEY": KEY.api_key}, "SecretNotFound"),
        ({"LIVEKIT_API_KEY": KEY.api_key, "LIVEKIT_API_SECRET": ""}, "SecretNotFound"),
        ({"LIVEKIT_API_SECRET": KEY.api_secret}, "SecretNotFound"),
        (
            {"LIVEKIT_API_KEY": KEY.api_key, "LIVEKIT_API_SECRET": NEW_SECRET.api_secret},
            "InvalidCredentials",
        ),
    ],
    ids=["no Secret", "no secret in it", "an empty secret", "no key", "a wrong secret"],
)
async def test_credentials_that_do_not_work_are_told_and_mended(
    data: dict[str, str] | None, reason: str
) -> None:
    fleet = Fleet()
    fleet.add_livekit()
    if data is not None:
        fleet.keep_data(data)
    fleet.add_server()
    await fleet.settle()
    assert fleet.server_reason() == reason
    fleet.keep()
    await fleet.reconcile(MAIN)
    assert fleet.server_reason() == "Connected"


async def test_a_secret_that_goes_is_told_and_the_last_good_key_works_on(fleet: Fleet) -> None:
    key = fleet.declare(roles=[HOST], **ON_MAIN)
    await fleet.settle()
    fleet.lose()
    await fleet.reconcile(MAIN)
    assert fleet.server_reason() == "SecretNotFound"
    fleet.delete(key)
    await fleet.settle()
    assert fleet.livekits[URL]._rooms == {}


async def test_a_server_that_does_not_answer_is_told_and_comes_back(fleet: Fleet) -> None:
    fleet.livekits[URL].outage = LiveKitUnreachableError("down")
    for _ in range(2):
        await fleet.reconcile(MAIN)
    assert fleet.server_reason() == "ServerUnreachable"
    fleet.livekits[URL].outage = None
    await fleet.reconcile(MAIN)
    assert fleet.server_reason() == "Connected"


async def test_an_address_that_cannot_be_called_is_told() -> None:
    fleet = Fleet()
    fleet.keep()
    key = fleet.add_server(url="ws://main.example.com:99999")
    await fleet.settle()
    assert fleet.server_reason(key) == "InvalidURL"
    room = fleet.declare(namespace=PROVIDER, serverRef={"name": "main"})
    await fleet.settle()
    assert fleet.ready_reason(room) not in ("", "Available")


async def test_an_address_that_becomes_unusable_leaves_the_old_connection(fleet: Fleet) -> None:
    fleet.edit_server(spec={"url": "ws://main.example.com:99999"})
    await fleet.settle()
    assert fleet.server_reason() == "InvalidURL"
    assert fleet.connection().url == URL
    assert fleet.connection().is_usable


async def test_a_new_address_is_the_same_server(fleet: Fleet) -> None:
    key = fleet.declare(roles=[HOST], **ON_MAIN)
    await fleet.settle()
    sid = fleet.status(key)["sid"]
    fleet.livekits["ws://inside.example.com"] = fleet.livekits[URL]
    fleet.edit_server(spec={"apiURL": "ws://inside.example.com"})
    await fleet.settle()
    assert fleet.connection().url == "ws://inside.example.com"
    assert (fleet.status(key)["sid"], fleet.status(key)["recreations"]) == (sid, 0)


@pytest.mark.parametrize("new", [NEW_KEY, NEW_SECRET], ids=["a new key", "a new secret under the old key"])
async def test_rotation_kubernetes_first(fleet: Fleet, new: Credentials) -> None:
    """Nothing is signed with what LiveKit does not know yet."""
    key = fleet.declare(roles=[HOST], **ON_MAIN)
    await fleet.settle()
    before = fleet.secret("standup.host")
    fleet.keep(new)
    await fleet.reconcile(MAIN)
    await fleet.reconcile(key)
    assert fleet.server_reason() == "InvalidCredentials"
    assert fleet.connection().keys.current == KEY
    assert fleet.secret("standup.host") == before
    fleet.livekits[URL].accepted.add(new)
    await fleet.reconcile(MAIN)
    assert fleet.server_reason() == "Connected"
    assert fleet.connection().keys.current == new
    fleet.clock.advance(600)
    await fleet.reconcile(key)
    assert signing_key(fleet) == fleet.connection().keys.fingerprint


async def test_rotation_livekit_first(fleet: Fleet) -> None:
    """The old key works until it is taken away; then the new one is there already."""
    key = fleet.declare(roles=[HOST], **ON_MAIN)
    await fleet.settle()
    fleet.livekits[URL].accepted.add(NEW_KEY)
    await fleet.reconcile(MAIN)
    assert fleet.connection().keys.current == KEY
    fleet.keep(NEW_KEY)
    await fleet.reconcile(MAIN)
    assert fleet.connection().keys.current == NEW_KEY
    fleet.clock.advance(600)
    await fleet.reconcile(key)
    assert signing_key(fleet) == fleet.connection().keys.fingerprint
    fleet.livekits[URL].accepted.discard(KEY)
    await fleet.reconcile(MAIN)
    assert fleet.server_reason() == "Connected"
    assert set(fleet.connection().keys.believed()) == {KEY, NEW_KEY}
    fleet.clock.advance(PREVIOUS_KEY_LIFETIME.total_seconds())
    assert set(fleet.connection().keys.believed()) == {NEW_KEY}


async def test_livekit_takes_the_key_away_before_kubernetes_has_another(fleet: Fleet) -> None:
    key = fleet.declare(roles=[HOST], **ON_MAIN)
    await fleet.settle()
    fleet.livekits[URL].accepted = {NEW_SECRET}
    await fleet.reconcile(MAIN)
    assert fleet.connection().state is ServerState.REFUSED
    before = fleet.secret("standup.host")
    await fleet.reconcile(key)
    assert fleet.secret("standup.host") == before
    fleet.keep(NEW_SECRET)
    await fleet.reconcile(MAIN)  # the tokens are void: they are replaced at once
    assert signing_key(fleet) == fleet.connection().keys.fingerprint


async def test_a_clock_that_is_off_is_told_as_long_as_it_is(fleet: Fleet) -> None:
    livekit = fleet.livekits[URL]
    livekit.outage = LiveKitCredentialsError("refused", skew_seconds=-300)
    await fleet.reconcile(MAIN)
    [told] = [one["message"] for one in fleet.server_status()["conditions"] if one["type"] == "Ready"]
    assert told.endswith("LiveKit's clock is 300 s behind the operator's")
    livekit.outage = LiveKitCredentialsError("refused")
    await fleet.reconcile(MAIN)
    [told] = [one["message"] for one in fleet.server_status()["conditions"] if one["type"] == "Ready"]
    assert told == "LiveKit refuses the API key or its secret"


async def test_a_server_is_held_while_a_room_on_it_is(fleet: Fleet) -> None:
    assert "finalizers" not in fleet.server_body()["metadata"]
    key = fleet.declare(**ON_MAIN)
    await fleet.settle()
    await fleet.reconcile(MAIN)
    assert fleet.server_body()["metadata"]["finalizers"] == [common.IN_USE_FINALIZER]
    assert fleet.server_status()["rooms"] == 1
    fleet.delete_server()
    await fleet.settle()
    assert fleet.server_reason() == "InUse"
    assert fleet.ready_reason(key) == "Available"
    fleet.delete(key)
    await fleet.settle()
    await fleet.soon()
    assert fleet.kubernetes.store.list(LIVEKIT_SERVERS) == []
    assert fleet.operator.servers.get(MAIN) is None
    assert fleet.livekits[URL]._rooms == {}


async def test_the_last_room_that_goes_frees_the_server(fleet: Fleet) -> None:
    key = fleet.declare(**ON_MAIN)
    await fleet.settle()
    await fleet.reconcile(MAIN)
    fleet.delete(key)
    await fleet.settle()
    await fleet.soon()
    assert not fleet.server_body()["metadata"].get("finalizers")
    assert fleet.server_status()["rooms"] == 0


async def test_the_finalizers_of_others_stay(fleet: Fleet) -> None:
    fleet.edit_server(metadata={"finalizers": ["example.com/theirs"]})
    key = fleet.declare(**ON_MAIN)
    await fleet.settle()
    await fleet.reconcile(MAIN)
    both = ["example.com/theirs", common.IN_USE_FINALIZER]
    assert fleet.server_body()["metadata"]["finalizers"] == both
    fleet.delete(key)
    await fleet.settle()
    await fleet.soon()
    assert fleet.server_body()["metadata"]["finalizers"] == ["example.com/theirs"]


async def test_many_that_go_are_one_look_at_the_server(fleet: Fleet) -> None:
    keys = [fleet.declare(f"room-{number}", **ON_MAIN) for number in range(20)]
    await fleet.settle()
    await fleet.reconcile(MAIN)
    fleet.livekits[URL].calls.clear()
    for key in keys:
        fleet.delete(key)
        await fleet.settle()
    await fleet.soon()
    assert fleet.livekits[URL].calls.count(("list_rooms", "")) == 1
    assert not fleet.server_body()["metadata"].get("finalizers")


async def test_the_operators_own_server_has_no_object_and_no_secret() -> None:
    fleet = Fleet()
    await fleet.reconcile(OWN)
    assert fleet.asked() == [
        "livekit list_rooms",
        "livekit creates_rooms_on_join",
        "livekit has_redis",
    ]
    assert fleet.known(OWN).ref is None
    assert fleet.known(OWN).url == OWN_URL
    assert fleet.known(OWN).auto_create is True
    key = fleet.declare()
    await fleet.settle()
    assert "serverRef" not in fleet.status(key)


async def test_a_spec_that_cannot_be_read_is_told(fleet: Fleet) -> None:
    fleet.edit_server(spec={"autoCreate": "Perhaps"})
    await fleet.settle()
    assert fleet.server_reason() == "InvalidSpec"
    assert fleet.known().connection is not None


async def test_a_server_that_becomes_ready_wakes_the_rooms_that_wait_for_it() -> None:
    fleet = Fleet()
    fleet.add_livekit()
    key = fleet.declare(**ON_MAIN)
    await fleet.settle()
    assert fleet.ready_reason(key) == "ServerNotAllowed"
    fleet.keep()
    fleet.add_server(allowedNamespaces={"from": "All"})
    await fleet.settle()
    assert fleet.ready_reason(key) == "Available"
    assert fleet.livekits[URL]._rooms.keys() == {NAME}
    assert fleet.status(key)["serverRef"]["uid"] == fleet.server_body()["metadata"]["uid"]
    assert fleet.body(key)["metadata"]["namespace"] == NAMESPACE


async def test_a_room_whose_server_has_no_usable_address_is_judged_all_the_same() -> None:
    """Another Room of that name, on a server that answers, must not be compared to death."""
    fleet = await a_fleet()
    fleet.declare(roomName=NAME, **ON_MAIN)
    await fleet.settle()
    fleet.add_server("broken", namespace=NAMESPACE, url="ws://main.example.com:99999")
    fleet.keep(namespace=NAMESPACE)
    await fleet.settle()
    key = fleet.declare("other", roomName=NAME, serverRef={"name": "broken"})
    await fleet.settle()
    assert fleet.ready_reason(key) == "ServerUnreachable"


async def test_a_bogus_secret_of_ones_own_server_wakes_nobody_of_another(fleet: Fleet) -> None:
    """A tenant declares the server of others with their key name and a secret of its own, and signs with that."""
    fleet.declare(**ON_MAIN)
    bogus = Credentials(KEY.api_key, "a-bogus-secret-that-the-tenant-knows-well")
    fleet.keep(bogus, namespace="evil")
    evil = fleet.add_server(namespace="evil")
    squatter = fleet.declare("squatter", namespace="evil", roomName=NAME, serverRef={"name": "main"})
    await fleet.settle()
    assert fleet.server_reason(evil) == "InvalidCredentials"
    secrets = fleet.operator.servers.webhook_keys()[KEY.api_key]
    assert set(secrets) == {KEY.api_secret, bogus.api_secret}
    sid = fleet.livekits[URL]._rooms[NAME].live.sid
    event = WebhookEvent("EV_1", "room_finished", NAME, sid, KEY.api_key, fleet.clock.now())
    fleet.wakeups.webhook(event, bogus)
    woken = [await fleet.queue.get() for _ in range(len(fleet.queue))]
    assert set(woken) <= {squatter}
    assert fleet.connection().sightings.take_hint(NAME) is None
    assert fleet.connection().last_webhook is None
    real = replace(event, id="EV_2", event="participant_joined")
    assert fleet.wakeups.webhook(real, KEY) == "woken"
    assert fleet.connection().last_webhook is not None


async def test_further_keys_of_a_server_sign_webhooks_until_they_are_taken_away(fleet: Fleet) -> None:
    fleet.keep_data({NEW_KEY.api_key: NEW_KEY.api_secret, "empty": ""}, name="hooks")
    fleet.edit_server(spec={"webhook": {"keysSecretRef": {"name": "hooks"}}})
    await fleet.settle()
    assert set(fleet.connection().keys.believed()) == {KEY, NEW_KEY}
    assert fleet.operator.servers.signed_by(NEW_KEY) == [fleet.connection()]
    fleet.edit_server(spec={"webhook": None})
    await fleet.settle()
    assert set(fleet.connection().keys.believed()) == {KEY}


async def test_further_keys_that_are_missing_are_told(fleet: Fleet) -> None:
    fleet.edit_server(spec={"webhook": {"keysSecretRef": {"name": "hooks"}}})
    await fleet.settle()
    assert fleet.server_reason() == "SecretNotFound"
    assert fleet.connection().is_usable


async def test_what_is_not_allowed_reads_like_what_is_missing() -> None:
    fleet = await a_fleet(allowedNamespaces={"from": "Same"})
    shut_out = fleet.declare("a", **ON_MAIN)
    missing = fleet.declare("b", serverRef={"namespace": PROVIDER, "name": "nobody"})
    outcomes = await fleet.settle()
    assert outcomes[0] == outcomes[1]
    texts = [str(fleet.status(key)).replace("nobody", "main") for key in (shut_out, missing)]
    assert texts[0] == texts[1]
    assert "finalizers" not in fleet.body(shut_out)["metadata"]


async def test_a_server_that_shuts_a_namespace_out_still_deletes_its_rooms(fleet: Fleet) -> None:
    key = fleet.declare(**ON_MAIN)
    await fleet.settle()
    assert fleet.livekits[URL]._rooms.keys() == {NAME}
    fleet.edit_server(spec={"allowedNamespaces": {"from": "Same"}})
    await fleet.settle()
    assert fleet.ready_reason(key) == "ServerNotAllowed"
    fleet.delete(key)
    await fleet.settle()
    assert fleet.livekits[URL]._rooms == {}
    assert fleet.kubernetes.store.list(ROOMS) == []
