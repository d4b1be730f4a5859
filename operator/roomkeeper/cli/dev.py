"""`roomkeeper dev`: the operator on the manifests of a folder, without a cluster."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any

import click

from roomkeeper.api.common import GROUP
from roomkeeper.api.crd import custom_resource_definition
from roomkeeper.api.generate import KINDS
from roomkeeper.cli import reports
from roomkeeper.cli.validate import look_at
from roomkeeper.localstack import LocalStack
from roomkeeper.localstack.demo_recording import choose_worker
from roomkeeper.localstack.errors import LocalStackError
from roomkeeper.localstack.operator import Operator
from roomkeeper.localstack.processes import Guard
from roomkeeper.localstack.stack import ALL_PARTS
from roomkeeper.validation import manifests

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roomkeeper.validation.manifests import Manifest

LOOK_SECONDS = 0.5
BUCKET = "recordings"
# Not the category of all: kubectl looks that up in what it has remembered of before the CRDs were there.
OURS = ",".join(f"{kind.plural}.{GROUP}" for kind in KINDS)


@click.command()
@click.argument("folder", default=".", type=click.Path(exists=True, path_type=Path))
def dev(folder: Path) -> None:
    """Run everything on this machine with the manifests of a folder, and apply them again when they change.

    It starts a Kubernetes API server, LiveKit with its Egress, an S3 server and the operator, all of them real and on
    loopback; the first time they are built, which takes 20 to 25 minutes. What you save is checked and applied; what you
    remove is deleted. Namespaces that manifests name are made. Ctrl-C ends all of it.
    """
    with tempfile.TemporaryDirectory(prefix="roomkeeper-dev-") as directory:
        try:
            parts = (*ALL_PARTS, "s3", choose_worker())
            click.echo("starting Kubernetes, LiveKit and the operator")
            with LocalStack(directory=Path(directory), parts=parts) as stack:
                guard = Guard()
                try:
                    crds = [custom_resource_definition(kind) for kind in KINDS]
                    stack.kubectl("apply", "-f", "-", input=_list(crds))
                    stack.kubectl("wait", "--for=condition=Established", "crds", "--all", "--timeout=60s")
                    stack.s3.create_bucket(BUCKET)
                    Operator(stack, guard).start()
                    _say_where(stack)
                    _Session(stack, folder).follow()
                finally:
                    guard.close()
        except LocalStackError as error:
            raise click.ClickException(str(error)) from None
        except KeyboardInterrupt:
            click.echo("stopped")


class _Session:
    """What was applied of a folder, and what there is to show of it."""

    def __init__(self, stack: LocalStack, folder: Path) -> None:
        self._stack = stack
        self._folder = folder
        self._applied: dict[tuple[str, str, str], str] = {}  # by kind, namespace and name, the manifest
        self._shown = ""

    def follow(self) -> None:
        """Apply what changes, and show what becomes of it, until Ctrl-C."""
        before: dict[str, float] | None = None
        while True:
            now = {str(file): file.stat().st_mtime for file in manifests.files(self._folder)}
            if now != before:
                before = now
                self._apply()
            self._show()
            time.sleep(LOOK_SECONDS)

    def _apply(self) -> None:
        checked, read = look_at([str(self._folder)])
        click.echo(reports.text(checked))
        wanted = {_key(one): json.dumps(one.value) for one in read}
        changed = [json.loads(text) for key, text in wanted.items() if self._applied.get(key) != text]
        try:
            for namespace in sorted({one.metadata.get("namespace", "") for one in read} - {""}):
                made = _list([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}])
                self._stack.kubectl("apply", "-f", "-", input=made)
            if changed:
                click.echo(self._stack.kubectl("apply", "-f", "-", input=_list(changed)).rstrip())
            for kind, namespace, name in self._applied.keys() - wanted.keys():
                where = ("-n", namespace) if namespace else ()
                click.echo(self._stack.kubectl("delete", kind, name, *where, "--wait=false").rstrip())
        except LocalStackError as error:
            click.echo(str(error), err=True)
            return
        self._applied = wanted

    def _show(self) -> None:
        """Show the objects again when something other than their age has changed."""
        found = json.loads(self._stack.kubectl("get", OURS, "-A", "-o", "json"))["items"]
        digest = json.dumps([(one["metadata"]["uid"], one.get("status")) for one in found])
        if found and digest != self._shown:
            self._shown = digest
            click.echo(f"\n{self._stack.kubectl('get', OURS, '-A').rstrip()}")


def _key(manifest: Manifest) -> tuple[str, str, str]:
    metadata = manifest.metadata
    return str(manifest.value.get("kind")), str(metadata.get("namespace", "")), str(metadata.get("name"))


def _list(items: Iterable[Any]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(items)})


def _say_where(stack: LocalStack) -> None:
    livekit = stack.livekit
    click.echo("\nfor other shells:")
    click.echo(f"  export KUBECONFIG={stack.kubeconfig}")
    click.echo(f"  export LIVEKIT_URL={livekit.url} LIVEKIT_API_KEY={livekit.api_key}")
    click.echo(f"  export LIVEKIT_API_SECRET={livekit.api_secret}")
    click.echo(f"  export S3_ENDPOINT={stack.s3.endpoint}")
    if which("kubectl") is None:
        click.echo(f"  export PATH={stack.kubectl_path.parent}:$PATH")
    click.echo(f"for recordings there is the bucket {BUCKET}; it takes any keys\n")
