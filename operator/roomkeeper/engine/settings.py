"""What the operator is told when it starts."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from roomkeeper.api.common import MAX_URL
from roomkeeper.domain.livekit import Credentials
from roomkeeper.domain.objects import SERVER, STORAGE, Key
from roomkeeper.domain.servers import is_webhook_url
from roomkeeper.domain.shards import UNDIVIDED, Shard, ShardError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HIGHEST_PORT = 65535
LOG_FORMATS = ("plain", "json")  # the first is the default
LOG_LEVELS = ("info", "debug", "warning", "error")
SHORTEST_LEASE_SECONDS = 3  # with less, a busy machine loses it
LIVEKIT_VARIABLES = ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET")


class SettingsError(ValueError):
    """The operator cannot start like this; the message says what to change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that flags and the environment decide."""

    namespaces: tuple[str, ...] = ()  # none: all of them
    http_host: str = ""  # "": every interface, as probes and LiveKit's webhooks need it in a cluster
    http_port: int = 8080
    participant_counts: bool = True
    resync_seconds: float = 60.0
    log_format: str = "plain"
    log_level: str = "INFO"
    default_server: Key | None = None  # of objects that name none and whose namespace marks none
    default_storage: Key | None = None  # likewise
    shard: Shard = UNDIVIDED  # which objects are this operator's
    token_endpoint: bool = False  # whether POST /token signs tokens of dynamic roles
    webhook_url: str = ""  # how LiveKit reaches this operator, for servers that do not say it themselves
    leader_elect: bool = True  # False: there is one replica, and no Lease
    lease_namespace: str = ""  # "": the pod's
    lease_seconds: int = 15  # how long the Lease is good without a renewal; the other times follow from it
    advertise_address: str = ""  # HOST or HOST:PORT where other replicas reach this one; "": they do not
    livekit_url: str = ""  # "": no server of its own
    livekit_credentials: Credentials | None = None

    def __post_init__(self) -> None:
        """Refuse what could not work, before anything is connected."""
        if not 0 < self.http_port <= HIGHEST_PORT:
            raise SettingsError(
                f"ROOMKEEPER_HTTP_PORT must be a port from 1 to {HIGHEST_PORT}, not {self.http_port}"
            )
        if self.webhook_url and not is_webhook_url(self.webhook_url):
            raise SettingsError(  # which does not repeat it: people put passwords into URLs
                "--webhook-url (ROOMKEEPER_WEBHOOK_URL) must look like https://hooks.example.com/livekit/webhook:"
                f" http or https, no user, query or fragment, at most {MAX_URL} characters"
            )
        if self.lease_seconds < SHORTEST_LEASE_SECONDS:
            raise SettingsError(f"ROOMKEEPER_LEASE_SECONDS must be {SHORTEST_LEASE_SECONDS} or more")
        if not self.livekit_url:
            return
        parts = urlsplit(self.livekit_url)
        if parts.scheme not in ("ws", "wss", "http", "https") or not parts.hostname:
            raise SettingsError(
                "LIVEKIT_URL must look like wss://livekit.example.com (ws, wss, http or https)"
            )

    @property
    def shard_name(self) -> str:
        """What names the Lease of this shard; "": there are no shards."""
        return self.shard.name

    @property
    def address(self) -> str:
        """Where other replicas reach this one, as HOST:PORT; "": they do not."""
        host = self.advertise_address
        if not host or host.startswith("[") or host.count(":") == 1:
            return host
        return f"[{host}]:{self.http_port}" if ":" in host else f"{host}:{self.http_port}"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the LIVEKIT_ and ROOMKEEPER_ variables; SettingsError names what is wrong with which."""
        url, credentials = livekit_server(environment)
        return cls(
            namespaces=tuple(environment.get("ROOMKEEPER_NAMESPACE", "").split()),
            http_host=environment.get("ROOMKEEPER_HTTP_HOST", ""),
            http_port=int(_number(environment, "ROOMKEEPER_HTTP_PORT", "8080")),
            participant_counts=_choice(environment, "ROOMKEEPER_PARTICIPANT_COUNTS", ("on", "off")) == "on",
            resync_seconds=_number(environment, "ROOMKEEPER_RESYNC_SECONDS", "60"),
            default_server=server_key(environment.get("ROOMKEEPER_DEFAULT_SERVER", "")),
            default_storage=storage_key(environment.get("ROOMKEEPER_DEFAULT_STORAGE", "")),
            shard=shard(
                environment.get("ROOMKEEPER_SHARD", ""), environment.get("ROOMKEEPER_SHARD_SELECTOR", "")
            ),
            token_endpoint=_choice(environment, "ROOMKEEPER_TOKEN_ENDPOINT", ("off", "on")) == "on",
            webhook_url=environment.get("ROOMKEEPER_WEBHOOK_URL", ""),
            log_format=_choice(environment, "ROOMKEEPER_LOG_FORMAT", LOG_FORMATS),
            log_level=_choice(environment, "ROOMKEEPER_LOG_LEVEL", LOG_LEVELS).upper(),
            leader_elect=_choice(environment, "ROOMKEEPER_LEADER_ELECT", ("true", "false")) == "true",
            lease_namespace=_first(environment, "ROOMKEEPER_LEASE_NAMESPACE", "POD_NAMESPACE"),
            lease_seconds=int(_number(environment, "ROOMKEEPER_LEASE_SECONDS", "15")),
            advertise_address=_first(environment, "ROOMKEEPER_ADVERTISE_ADDRESS", "POD_IP"),
            livekit_url=url,
            livekit_credentials=credentials,
        )


def livekit_server(environment: Mapping[str, str]) -> tuple[str, Credentials | None]:
    """Read the operator's own server: all three variables, or none of them."""
    values = {name: environment.get(name, "") for name in LIVEKIT_VARIABLES}
    missing = [name for name, value in values.items() if not value]
    if len(missing) == len(values):
        return "", None
    if missing:
        raise SettingsError(f"{' and '.join(missing)} must be set too, or none of {', '.join(values)}")
    url, key, secret = values.values()
    return url, Credentials(key, secret)


def server_key(text: str) -> Key | None:
    """Read NAMESPACE/NAME of a LiveKitServer; empty: none."""
    return _key(SERVER, "the default server", text)


def storage_key(text: str) -> Key | None:
    """Read NAMESPACE/NAME of a RecordingStorage; empty: none."""
    return _key(STORAGE, "the default storage", text)


def shard(name: str, selector: str) -> Shard:
    """Read which objects are worked on; SettingsError names the option that is wrong."""
    try:
        return Shard.of(name, selector)
    except ShardError as error:
        raise SettingsError(str(error)) from None


def _key(kind: str, what: str, text: str) -> Key | None:
    if not text:
        return None
    namespace, separator, name = text.partition("/")
    if not (namespace and separator and name):
        raise SettingsError(f"{what} must be NAMESPACE/NAME, not {text!r}")
    return Key(kind, namespace, name)


def _number(environment: Mapping[str, str], name: str, default: str) -> float:
    try:
        value = float(environment.get(name, default))
    except ValueError:
        raise SettingsError(f"{name} must be a number") from None
    if not 0 < value < math.inf:  # neither does "nan" pass
        raise SettingsError(f"{name} must be more than 0")
    return value


def _choice(environment: Mapping[str, str], name: str, choices: Sequence[str]) -> str:
    """Return one of the choices, of which the first is the default."""
    value = environment.get(name, choices[0])
    if value not in choices:
        raise SettingsError(f"{name} must be {' or '.join(choices)}")
    return value


def _first(environment: Mapping[str, str], *names: str) -> str:
    """Return the first of these variables that is set."""
    return next(filter(None, (environment.get(name) for name in names)), "")
