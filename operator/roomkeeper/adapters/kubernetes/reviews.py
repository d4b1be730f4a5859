"""What the API server says of others: whose token this is, and what somebody may do. Nothing is stored by asking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roomkeeper.adapters.kubernetes.resources import SUBJECT_ACCESS_REVIEWS, TOKEN_REVIEWS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roomkeeper.adapters.ports import Body, Kubernetes, Resource


async def whose(kubernetes: Kubernetes, token: str, *, audience: str) -> Body | None:
    """Return the UserInfo of whoever has a token for this audience; None: nobody has. KubernetesError: nobody answers."""
    spec = {"token": token, "audiences": [audience]}
    status = await _ask(kubernetes, TOKEN_REVIEWS, "TokenReview", spec)
    is_theirs = status.get("authenticated") and audience in status.get("audiences", ())
    user: Body = status["user"] if is_theirs else {}
    return user or None


async def may(kubernetes: Kubernetes, subject: Mapping[str, object], attributes: Mapping[str, str]) -> bool:
    """Tell whether `subject`, as a SubjectAccessReview names it, may do what the resourceAttributes say."""
    spec = {**subject, "resourceAttributes": dict(attributes)}
    status = await _ask(kubernetes, SUBJECT_ACCESS_REVIEWS, "SubjectAccessReview", spec)
    return bool(status.get("allowed"))


async def _ask(kubernetes: Kubernetes, resource: Resource, kind: str, spec: Mapping[str, object]) -> Body:
    review = {"apiVersion": resource.api_version, "kind": kind, "metadata": {}, "spec": dict(spec)}
    status: Body = (await kubernetes.create(resource, review))["status"]
    return status
