from __future__ import annotations

import pytest

from roomkeeper.api.common import MAX_URL
from roomkeeper.domain.livekit import Credentials
from roomkeeper.domain.objects import Key
from roomkeeper.domain.shards import Shard
from roomkeeper.engine.settings import Settings, SettingsError

LIVEKIT = {"LIVEKIT_URL": "wss://livekit.example.com", "LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "s"}


def test_an_empty_environment_gives_the_defaults() -> None:
    assert Settings.from_environment({}) == Settings()
    assert Settings().livekit_credentials is None


def test_everything_can_be_set() -> None:
    settings = Settings.from_environment(
        {
            **LIVEKIT,
            "ROOMKEEPER_NAMESPACE": "a b",
            "ROOMKEEPER_HTTP_HOST": "127.0.0.1",
            "ROOMKEEPER_HTTP_PORT": "9000",
            "ROOMKEEPER_PARTICIPANT_COUNTS": "off",
            "ROOMKEEPER_RESYNC_SECONDS": "2.5",
            "ROOMKEEPER_LOG_FORMAT": "json",
            "ROOMKEEPER_LEADER_ELECT": "false",
            "ROOMKEEPER_LEASE_NAMESPACE": "livekit",
            "ROOMKEEPER_LEASE_SECONDS": "30",
            "ROOMKEEPER_ADVERTISE_ADDRESS": "10.0.0.1",
            "ROOMKEEPER_DEFAULT_SERVER": "livekit/main",
            "ROOMKEEPER_DEFAULT_STORAGE": "livekit/archive",
            "ROOMKEEPER_WEBHOOK_URL": "http://roomkeeper.roomkeeper.svc:8080/livekit/webhook",
            "ROOMKEEPER_SHARD": "rest",
            "ROOMKEEPER_SHARD_SELECTOR": "!roomkeeper.dev/shard",
        }
    )
    assert settings == Settings(
        namespaces=("a", "b"),
        http_host="127.0.0.1",
        http_port=9000,
        participant_counts=False,
        resync_seconds=2.5,
        log_format="json",
        leader_elect=False,
        lease_namespace="livekit",
        lease_seconds=30,
        advertise_address="10.0.0.1",
        default_server=Key("LiveKitServer", "livekit", "main"),
        default_storage=Key("RecordingStorage", "livekit", "archive"),
        webhook_url="http://roomkeeper.roomkeeper.svc:8080/livekit/webhook",
        shard=Shard.of("rest", "!roomkeeper.dev/shard"),
        livekit_url="wss://livekit.example.com",
        livekit_credentials=Credentials("k", "s"),
    )
    assert "'s'" not in repr(settings)
    assert settings.shard_name == "rest"


@pytest.mark.parametrize("missing", LIVEKIT)
def test_a_server_is_named_by_all_three_variables_or_none(missing: str) -> None:
    environment = {name: value for name, value in LIVEKIT.items() if name != missing}
    with pytest.raises(SettingsError, match=f"^{missing} must be set too"):
        Settings.from_environment(environment)


@pytest.mark.parametrize("url", ["livekit.example.com", "ftp://x", "wss://", "://"])
def test_an_address_that_could_not_work_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="LIVEKIT_URL must look like"):
        Settings.from_environment({**LIVEKIT, "LIVEKIT_URL": url})


@pytest.mark.parametrize("scheme", ["ws", "wss", "http", "https"])
def test_addresses_that_work(scheme: str) -> None:
    url = f"{scheme}://127.0.0.1:7880"
    assert Settings.from_environment({**LIVEKIT, "LIVEKIT_URL": url}).livekit_url == url


@pytest.mark.parametrize(
    "url",
    [
        "hooks.example.com/livekit/webhook",
        "wss://hooks.example.com/livekit/webhook",
        "https://",
        "https://:8080/livekit/webhook",
        "https://hooks.example.com:0/livekit/webhook",
        "https://[::1/livekit/webhook",
        "https://me:hush@hooks.example.com/livekit/webhook",
        "https://hooks.example.com/livekit/webhook?token=hush",
        "https://hooks.example.com/livekit/webhook#hush",
        "https://hooks.example.com/livekit/webhook\n",
        f"https://hooks.example.com/{'l' * MAX_URL}",
    ],
)
def test_a_webhook_address_that_could_not_work_is_refused_before_an_egress_is_given_it(url: str) -> None:
    with pytest.raises(
        SettingsError, match=r"^--webhook-url \(ROOMKEEPER_WEBHOOK_URL\) must look like"
    ) as told:
        Settings.from_environment({"ROOMKEEPER_WEBHOOK_URL": url})
    assert "hush" not in str(told.value)


@pytest.mark.parametrize("url", ["", "http://[::1]:8080/livekit/webhook", "https://hooks.example.com"])
def test_webhook_addresses_that_work(url: str) -> None:
    assert Settings.from_environment({"ROOMKEEPER_WEBHOOK_URL": url}).webhook_url == url


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ROOMKEEPER_HTTP_PORT", "http"),
        ("ROOMKEEPER_HTTP_PORT", "0"),
        ("ROOMKEEPER_HTTP_PORT", "0.5"),
        ("ROOMKEEPER_HTTP_PORT", "65536"),
        ("ROOMKEEPER_RESYNC_SECONDS", "soon"),
        ("ROOMKEEPER_RESYNC_SECONDS", "-1"),
        ("ROOMKEEPER_RESYNC_SECONDS", "nan"),
        ("ROOMKEEPER_HTTP_PORT", "inf"),
        ("ROOMKEEPER_PARTICIPANT_COUNTS", "yes"),
        ("ROOMKEEPER_LEADER_ELECT", "on"),
        ("ROOMKEEPER_LEASE_SECONDS", "2"),
    ],
)
def test_what_is_wrong_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name} must be"):
        Settings.from_environment({name: value})


@pytest.mark.parametrize("text", ["main", "/main", "livekit/"])
@pytest.mark.parametrize("what", ["SERVER", "STORAGE"])
def test_a_default_is_named_with_its_namespace(what: str, text: str) -> None:
    with pytest.raises(
        SettingsError, match=f"^the default {what.lower()} must be NAMESPACE/NAME, not '{text}'"
    ):
        Settings.from_environment({f"ROOMKEEPER_DEFAULT_{what}": text})


@pytest.mark.parametrize("port", [1, 65_535])
def test_ports_that_there_are(port: int) -> None:
    assert Settings.from_environment({"ROOMKEEPER_HTTP_PORT": str(port)}).http_port == port


@pytest.mark.parametrize("port", [0, -1, 65_536])
def test_a_port_that_there_is_not_is_refused_from_a_flag_too(port: int) -> None:
    with pytest.raises(SettingsError, match=r"^ROOMKEEPER_HTTP_PORT must be a port from 1 to 65535, not "):
        Settings(http_port=port)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"ROOMKEEPER_SHARD": "A"}, r"^--shard must be a DNS label"),
        ({"ROOMKEEPER_SHARD_SELECTOR": "!roomkeeper.dev/shard"}, r"^--shard-selector needs --shard"),
        (
            {"ROOMKEEPER_SHARD": "a", "ROOMKEEPER_SHARD_SELECTOR": "team=a"},
            r"^--shard-selector must be a label selector of roomkeeper\.dev/shard",
        ),
    ],
)
def test_a_shard_that_could_not_work_is_refused(environment: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Settings.from_environment(environment)


def test_a_pod_is_told_where_it_is_by_its_own_variables() -> None:
    pod = {"POD_NAMESPACE": "livekit", "POD_IP": "10.0.0.1"}
    settings = Settings.from_environment(pod)
    assert (settings.lease_namespace, settings.address) == ("livekit", "10.0.0.1:8080")
    told = {"ROOMKEEPER_LEASE_NAMESPACE": "other", "ROOMKEEPER_ADVERTISE_ADDRESS": "roomkeeper.local:9000"}
    settings = Settings.from_environment({**pod, **told})
    assert (settings.lease_namespace, settings.address) == ("other", "roomkeeper.local:9000")


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("", ""),
        ("10.0.0.1", "10.0.0.1:9000"),
        ("10.0.0.1:80", "10.0.0.1:80"),
        ("fd00::1", "[fd00::1]:9000"),
        ("[fd00::1]:80", "[fd00::1]:80"),
        ("roomkeeper-0.roomkeeper", "roomkeeper-0.roomkeeper:9000"),
    ],
)
def test_the_address_for_other_replicas_has_a_port(given: str, address: str) -> None:
    assert Settings(advertise_address=given, http_port=9000).address == address
