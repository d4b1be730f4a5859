"""What the commands that talk to a cluster share: where it is, in which namespace, and how its refusals are told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from roomkeeper.adapters.kubernetes.authentication import current_namespace
from roomkeeper.adapters.kubernetes.client import KubernetesClient
from roomkeeper.adapters.ports import (
    ForbiddenError,
    KubernetesError,
    KubernetesUnreachableError,
    LiveKitError,
    NotFoundError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from roomkeeper.adapters.ports import Body, Kubernetes, Resource

    Answer = TypeVar("Answer")

FIELD_MANAGER = "roomkeeper-cli"  # not the operator's: what people set is theirs

namespace_option = click.option(
    "-n", "--namespace", default="", help="The namespace. [default: the kubeconfig's]"
)


@dataclass(frozen=True, slots=True)
class Cluster:
    """The cluster of KUBECONFIG, seen from one namespace."""

    kubernetes: Kubernetes
    namespace: str

    async def get(self, resource: Resource, name: str) -> Body:
        """Return an object; a ClickException that says where it was looked for."""
        try:
            return await self.kubernetes.get(resource, namespace=self.namespace, name=name)
        except NotFoundError:
            what = resource.plural.removesuffix("s")
            raise click.ClickException(
                f"there is no {what} {name!r} in namespace {self.namespace!r}"
            ) from None

    async def patch_spec(
        self, resource: Resource, name: str, spec: dict[str, Any], *, version: str = ""
    ) -> Body:
        """Change fields of an object's spec; with `version`, only if it is still that one."""
        patch: dict[str, Any] = {"spec": spec}
        if version:
            patch["metadata"] = {"resourceVersion": version}
        try:
            return await self.kubernetes.patch(resource, namespace=self.namespace, name=name, patch=patch)
        except NotFoundError:
            what = resource.plural.removesuffix("s")
            raise click.ClickException(
                f"there is no {what} {name!r} in namespace {self.namespace!r}"
            ) from None


def in_cluster(namespace: str, action: Callable[[Cluster], Awaitable[Answer]]) -> Answer:
    """Do something in the cluster of KUBECONFIG; what goes wrong becomes a ClickException that says what to do."""

    async def run() -> Answer:
        kubernetes = await KubernetesClient.connect(field_manager=FIELD_MANAGER)
        try:
            return await action(Cluster(kubernetes, namespace or current_namespace()))
        finally:
            await kubernetes.aclose()

    try:
        return asyncio.run(run())
    except ForbiddenError as error:
        raise click.ClickException(f"{error}. Ask whoever runs the cluster for that permission") from None
    except KubernetesUnreachableError as error:
        raise click.ClickException(f"{error}. Is KUBECONFIG the right one?") from None
    except (KubernetesError, LiveKitError) as error:
        raise click.ClickException(str(error)) from None
