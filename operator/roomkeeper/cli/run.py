"""`roomkeeper run`: the operator itself."""

from __future__ import annotations

import os

import click
import kopf

from roomkeeper import logs
from roomkeeper.engine.settings import (
    LOG_FORMATS,
    LOG_LEVELS,
    SHORTEST_LEASE_SECONDS,
    Settings,
    SettingsError,
    livekit_server,
    server_key,
    shard,
    storage_key,
)


@click.command()
@click.option(
    "-n",
    "--namespace",
    "namespaces",
    multiple=True,
    envvar="ROOMKEEPER_NAMESPACE",
    help="Work in this namespace only; may be repeated. Nothing cluster-wide is read then.",
)
@click.option("-A", "--all-namespaces", is_flag=True, help="Work in every namespace: the default without -n.")
@click.option(
    "--http-host",
    default="",
    envvar="ROOMKEEPER_HTTP_HOST",
    help="Address to listen on. [default: every interface]",
)
@click.option(
    "--http-port",
    default=8080,
    show_default=True,
    type=click.IntRange(1, 65535),
    envvar="ROOMKEEPER_HTTP_PORT",
    help="Port for LiveKit's webhooks (/livekit/webhook), /healthz, /readyz and /metrics.",
)
@click.option(
    "--participant-counts",
    default="on",
    show_default=True,
    type=click.Choice(["on", "off"]),
    envvar="ROOMKEEPER_PARTICIPANT_COUNTS",
    help="Show in status how many people are in each room.",
)
@click.option(
    "--resync-seconds",
    default=60.0,
    show_default=True,
    type=click.FloatRange(min=1.0),
    envvar="ROOMKEEPER_RESYNC_SECONDS",
    help="How often LiveKit's rooms are listed, in case a webhook was lost.",
)
@click.option(
    "--default-server",
    default="",
    metavar="NS/NAME",
    envvar="ROOMKEEPER_DEFAULT_SERVER",
    help="The LiveKitServer of objects that name none. [default: LIVEKIT_URL]",
)
@click.option(
    "--default-storage",
    default="",
    metavar="NS/NAME",
    envvar="ROOMKEEPER_DEFAULT_STORAGE",
    help="The RecordingStorage of Recordings that name none. [default: the Egress worker's own]",
)
@click.option(
    "--shard",
    "shard_name",
    default="",
    metavar="NAME",
    envvar="ROOMKEEPER_SHARD",
    help="Work only on objects with the label roomkeeper.dev/shard=NAME: others do the rest. [default: on all]",
)
@click.option(
    "--shard-selector",
    default="",
    metavar="SELECTOR",
    envvar="ROOMKEEPER_SHARD_SELECTOR",
    help="Which objects are this shard's instead, as a label selector of roomkeeper.dev/shard.",
)
@click.option(
    "--token-endpoint",
    default="off",
    show_default=True,
    type=click.Choice(["off", "on"]),
    envvar="ROOMKEEPER_TOKEN_ENDPOINT",
    help="Give whoever may create rooms/token a token of a dynamic role (POST /token).",
)
@click.option(
    "--webhook-url",
    default="",
    envvar="ROOMKEEPER_WEBHOOK_URL",
    help="How LiveKit reaches this operator's /livekit/webhook.",
)
@click.option(
    "--leader-elect",
    default="true",
    show_default=True,
    type=click.Choice(["true", "false"]),
    envvar="ROOMKEEPER_LEADER_ELECT",
    help="Work only while holding a Lease, so that another replica can stand by; false: there is no other.",
)
@click.option(
    "--lease-namespace",
    default="",
    envvar=["ROOMKEEPER_LEASE_NAMESPACE", "POD_NAMESPACE"],
    help="Where the Lease is. [default: the pod's namespace]",
)
@click.option(
    "--lease-seconds",
    default=15,
    show_default=True,
    type=click.IntRange(SHORTEST_LEASE_SECONDS),
    envvar="ROOMKEEPER_LEASE_SECONDS",
    help="How long the Lease is good without a renewal. It is renewed after a third of it; two thirds after the last "
    "renewal its holder ends.",
)
@click.option(
    "--advertise-address",
    default="",
    metavar="HOST[:PORT]",
    envvar=["ROOMKEEPER_ADVERTISE_ADDRESS", "POD_IP"],
    help="Where other replicas reach this one, to hand webhooks on. [default port: --http-port]",
)
@click.option(
    "--log-format",
    default=LOG_FORMATS[0],
    show_default=True,
    type=click.Choice(LOG_FORMATS),
    envvar="ROOMKEEPER_LOG_FORMAT",
    help="How log lines are written.",
)
@click.option(
    "--log-level",
    default=LOG_LEVELS[0],
    show_default=True,
    type=click.Choice(LOG_LEVELS),
    envvar="ROOMKEEPER_LOG_LEVEL",
    help="Which lines are written: these and worse ones.",
)
def run(
    *,
    namespaces: tuple[str, ...],
    all_namespaces: bool,
    http_host: str,
    http_port: int,
    participant_counts: str,
    resync_seconds: float,
    default_server: str,
    default_storage: str,
    shard_name: str,
    shard_selector: str,
    token_endpoint: str,
    webhook_url: str,
    leader_elect: str,
    lease_namespace: str,
    lease_seconds: int,
    advertise_address: str,
    log_format: str,
    log_level: str,
) -> None:
    """Run the operator until it is told to stop.

    The cluster is the one of KUBECONFIG, or the one it runs in. LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET
    name the LiveKit server. Every option can also be given as an environment variable ROOMKEEPER_….
    """
    if all_namespaces and namespaces:
        raise click.UsageError("-A and -n exclude each other")
    os.environ["ROOMKEEPER_NAMESPACE"] = " ".join(namespaces)  # decides what the handlers watch
    try:
        url, credentials = livekit_server(os.environ)
        settings = Settings(
            namespaces=namespaces,
            http_host=http_host,
            http_port=http_port,
            participant_counts=participant_counts == "on",
            resync_seconds=resync_seconds,
            log_format=log_format,
            log_level=log_level.upper(),
            default_server=server_key(default_server),
            default_storage=storage_key(default_storage),
            shard=shard(shard_name, shard_selector),
            token_endpoint=token_endpoint == "on",  # noqa: S105 - a choice
            webhook_url=webhook_url,
            leader_elect=leader_elect == "true",
            lease_namespace=lease_namespace,
            lease_seconds=lease_seconds,
            advertise_address=advertise_address,
            livekit_url=url,
            livekit_credentials=credentials,
        )
    except SettingsError as error:
        raise click.UsageError(str(error)) from None
    start(settings)


def start(settings: Settings, **memo: object) -> None:
    """Run Kopf with our handlers, in this process, until a signal ends it."""
    logs.configure(settings.log_format, settings.log_level)
    from roomkeeper import handlers  # noqa: F401, PLC0415 - they register themselves, by the scope chosen above

    try:
        kopf.run(
            registry=kopf.get_default_registry(),
            standalone=True,
            clusterwide=not settings.namespaces,
            namespaces=settings.namespaces,
            memo=kopf.Memo(settings=settings, **memo),
        )
    except Exception as error:
        if isinstance(error.__cause__, kopf.PermanentError):  # what handlers.start says to the user
            raise click.ClickException(str(error.__cause__)) from None
        raise
