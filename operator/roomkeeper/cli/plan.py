"""`roomkeeper plan`: what manifests would change on LiveKit."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from roomkeeper.adapters.livekit.client import LiveKitClient
from roomkeeper.cli.cluster import in_cluster, namespace_option
from roomkeeper.cli.foreseen import lines
from roomkeeper.domain.objects import RECORDING, ROOM
from roomkeeper.engine.clock import SystemClock
from roomkeeper.engine.preview import Foreseen, Preview
from roomkeeper.engine.settings import Settings, SettingsError, livekit_server, server_key, storage_key
from roomkeeper.validation import manifests
from roomkeeper.validation.check import Severity, is_ours, problems, schema_of
from roomkeeper.validation.manifests import Manifest, ManifestError
from roomkeeper.validation.structural import completed

if TYPE_CHECKING:
    from roomkeeper.adapters.ports import LiveKit
    from roomkeeper.cli.cluster import Cluster
    from roomkeeper.domain.livekit import Credentials
    from roomkeeper.domain.objects import Key

FORESEEN = (ROOM, RECORDING)
CHANGES = 2


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@namespace_option
@click.option(
    "--default-server",
    default="",
    metavar="NS/NAME",
    envvar="ROOMKEEPER_DEFAULT_SERVER",
    help="As the operator was started with. [default: LIVEKIT_URL]",
)
@click.option(
    "--default-storage",
    default="",
    metavar="NS/NAME",
    envvar="ROOMKEEPER_DEFAULT_STORAGE",
    help="As the operator was started with.",
)
def plan(paths: tuple[str, ...], namespace: str, default_server: str, default_storage: str) -> None:
    """Show what manifests would change on LiveKit, and who would be disconnected.

    It looks at the cluster of KUBECONFIG and at LiveKit as the operator does, decides as the operator does, and changes
    nothing. You need to read what the operator reads: our kinds, namespaces and Secrets, in all namespaces; where it has a
    server of its own, set the LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET of that.
    Rooms and Recordings are foreseen; what is not in the manifests is left as it is.

    \b
    Exit codes:
      0  nothing would change
      1  something is wrong with the manifests or the cluster
      2  something would change
    """
    read = list(manifests.read(paths))
    for error in (one for one in read if isinstance(one, ManifestError)):
        raise click.ClickException(f"{error.path}:{error.line}: {error}")
    ours = [one for one in read if isinstance(one, Manifest) and is_ours(one)]
    _refuse_what_the_api_server_would(ours)
    wanted = [one for one in ours if one.value["kind"] in FORESEEN]
    try:
        url, credentials = livekit_server(os.environ)
        settings = Settings(
            default_server=server_key(default_server),
            default_storage=storage_key(default_storage),
            livekit_url=url,
            livekit_credentials=credentials,
        )
    except SettingsError as error:
        raise click.UsageError(str(error)) from None

    async def look(cluster: Cluster) -> list[Foreseen]:
        preview = Preview(settings, kubernetes=cluster.kubernetes, connect=_open_livekit, clock=SystemClock())
        try:
            await preview.learn()
            return [await _foresee(preview, one, cluster.namespace) for one in wanted]
        finally:
            await preview.aclose()

    foreseen = in_cluster(namespace, look)
    for one in foreseen:
        for line in lines(one):
            click.echo(line)
    changed = sum(one.is_new or one.is_edited or bool(one.actions) for one in foreseen)
    objects = "1 object" if len(foreseen) == 1 else f"{len(foreseen)} objects"
    click.echo(f"{objects} looked at, {changed} would change")
    sys.exit(CHANGES if changed else 0)


async def _foresee(preview: Preview, manifest: Manifest, namespace: str) -> Foreseen:
    schema = schema_of(manifest) or {}
    spec: dict[str, Any] = completed(manifest.value, schema)["spec"]
    where = manifest.metadata.get("namespace") or namespace
    of = preview.of_room if manifest.value["kind"] == ROOM else preview.of_recording
    return await of(where, manifest.metadata["name"], spec)


def _refuse_what_the_api_server_would(ours: list[Manifest]) -> None:
    found = [one for manifest in ours for one in problems(manifest, ours) if one.severity is Severity.ERROR]
    if found:
        first = found[0]
        raise click.ClickException(
            f"{first.file}:{first.line}: {first.message}. For all of it: roomkeeper validate"
        )


def _open_livekit(_: Key, url: str, credentials: Credentials) -> LiveKit:
    return LiveKitClient(url, credentials)
