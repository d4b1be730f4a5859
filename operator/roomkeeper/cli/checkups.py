"""The checks of `doctor`: each looks at one thing, and says what to do where it is wrong."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import yaml

from roomkeeper import localstack
from roomkeeper.adapters.kubernetes import reviews
from roomkeeper.adapters.kubernetes.resources import (
    LEASES,
    LIVEKIT_SERVERS,
    RECORDING_SCHEDULES,
    RECORDING_STORAGES,
    RECORDINGS,
    ROOMS,
)
from roomkeeper.adapters.livekit.tokens import sign_webhook
from roomkeeper.adapters.ports import (
    ForbiddenError,
    LiveKitCredentialsError,
    LiveKitError,
    NotFoundError,
    Resource,
)
from roomkeeper.api.crd import custom_resource_definition
from roomkeeper.api.generate import KINDS
from roomkeeper.cli.live import LiveServers, NoViewError
from roomkeeper.domain.conditions import find
from roomkeeper.domain.reasons import Reason, named

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    from roomkeeper.adapters.ports import Body, Kubernetes

CRDS: Final = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions")
# A token is good from its first second on, and LiveKit and its clients are given this much by their own leeway.
MOST_SKEW_SECONDS: Final = 5.0
MOST_TOLD: Final = 20  # objects of a kind
_OF_SERVERS: Final = frozenset({"Ready", "EgressAvailable", "WebhooksReceived"})
_RULES: Final = Path(localstack.__file__).parent / "rbac.yaml"


class Verdict(StrEnum):
    """What a check came to; SKIPPED: it could not be made from here."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Checkup:
    """One thing that was looked at, in a sentence, and what to do about it."""

    verdict: Verdict
    subject: str
    found: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """What is looked at: a cluster, and who and where the operator is in it."""

    kubernetes: Kubernetes
    account: tuple[str, str]  # the operator's ServiceAccount, by namespace and name
    watched: tuple[str, ...]  # namespaces that it works in; none: all of them


async def installed(patient: Patient) -> AsyncIterator[Checkup]:
    """Look whether the kinds are there, and are those of this version."""
    for kind in KINDS:
        ours = custom_resource_definition(kind)
        name = ours["metadata"]["name"]
        try:
            found = await patient.kubernetes.get(CRDS, namespace="", name=name)
        except NotFoundError:
            yield Checkup(
                Verdict.FAILED,
                f"CRD {name}",
                "is not installed",
                "install the chart, or kubectl apply -f crds/",
            )
            continue
        except ForbiddenError:
            yield Checkup(Verdict.SKIPPED, f"CRD {name}", "you may not read it")
            continue
        if _schema(found) == _schema(ours):
            yield Checkup(Verdict.OK, f"CRD {name}", "is that of this version")
        else:
            yield Checkup(
                Verdict.WARNING,
                f"CRD {name}",
                "differs from that of this version of roomkeeper",
                "use the roomkeeper of the operator's version, or upgrade the CRDs before the operator",
            )


async def permitted(patient: Patient) -> AsyncIterator[Checkup]:
    """Ask the API server whether the operator's ServiceAccount may do what it needs to."""
    namespace, name = patient.account
    user = f"system:serviceaccount:{namespace}:{name}"
    denied = []
    try:
        for where, attributes in _needs(patient):
            if not await reviews.may(patient.kubernetes, {"user": user}, {**attributes, "namespace": where}):
                denied.append(
                    f"{attributes['verb']} {attributes['resource']}" + (f" in {where}" if where else "")
                )
    except ForbiddenError:
        yield Checkup(Verdict.SKIPPED, "permissions", "you may not create subjectaccessreviews")
        return
    if denied:
        yield Checkup(
            Verdict.FAILED,
            "permissions",
            f"ServiceAccount {namespace}/{name} may not {', '.join(denied[:5])}"
            + (" and more" * (len(denied) > 5)),  # noqa: PLR2004
            "bind the chart's roles to it; another ServiceAccount: --service-account NS/NAME",
        )
    else:
        yield Checkup(Verdict.OK, "permissions", f"ServiceAccount {namespace}/{name} may do what it has to")


async def led(patient: Patient) -> AsyncIterator[Checkup]:
    """Look whether somebody holds the Lease."""
    namespace = patient.account[0]
    try:
        lease = await patient.kubernetes.get(LEASES, namespace=namespace, name="roomkeeper")
    except NotFoundError:
        yield Checkup(
            Verdict.WARNING,
            "leader",
            f"there is no Lease roomkeeper in namespace {namespace}",
            "the operator does not run there, or with --leader-elect=false",
        )
        return
    except ForbiddenError:
        yield Checkup(Verdict.SKIPPED, "leader", "you may not read leases")
        return
    spec = lease["spec"]
    age = (datetime.now(UTC) - datetime.fromisoformat(spec["renewTime"])).total_seconds()
    if not spec.get("holderIdentity") or age > spec["leaseDurationSeconds"]:
        yield Checkup(
            Verdict.FAILED,
            "leader",
            f"nobody works: the Lease was renewed {age:.0f} s ago",
            f"kubectl get pods -n {namespace}, and their logs",
        )
    else:
        yield Checkup(Verdict.OK, "leader", f"{spec['holderIdentity']} works")


async def served(patient: Patient) -> AsyncIterator[Checkup]:
    """Look at every LiveKitServer: what the operator says of it, and whether it answers from here."""
    servers = LiveServers(patient.kubernetes)
    try:
        async for body in _listed(patient, LIVEKIT_SERVERS):
            async for checkup in _server(body, servers):
                yield checkup
    except ForbiddenError:
        yield Checkup(Verdict.SKIPPED, "LiveKitServers", "you may not list them")
    finally:
        await servers.aclose()


async def declared(patient: Patient) -> AsyncIterator[Checkup]:
    """Look at everything else that is declared, and tell of what is not Ready: a few of each kind."""
    for resource in (ROOMS, RECORDINGS, RECORDING_SCHEDULES, RECORDING_STORAGES):
        count = 0
        try:
            async for body in _listed(patient, resource):
                ready = find(body.get("status", {}).get("conditions", ()), "Ready")
                if ready is None or ready["status"] == "True":
                    continue
                count += 1
                if count <= MOST_TOLD:
                    name = f"{body['metadata']['namespace']}/{body['metadata']['name']}"
                    yield _said(f"{body['kind']} {name}", ready, Verdict.WARNING)
        except ForbiddenError:
            yield Checkup(Verdict.SKIPPED, resource.plural, "you may not list them")
        if count > MOST_TOLD:
            yield Checkup(Verdict.WARNING, resource.plural, f"{count - MOST_TOLD} more are not Ready")


CHECKS: Final[tuple[Callable[[Patient], AsyncIterator[Checkup]], ...]] = (
    installed, permitted, led, served, declared,
)  # fmt: skip


async def _listed(patient: Patient, resource: Resource) -> AsyncIterator[Body]:
    """Yield what the operator sees of a kind."""
    for namespace in patient.watched or ("",):
        async for body in patient.kubernetes.list(resource, namespace=namespace):
            yield body


async def _server(body: Body, servers: LiveServers) -> AsyncIterator[Checkup]:
    namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
    subject = f"LiveKitServer {namespace}/{name}"
    for condition in body.get("status", {}).get("conditions", ()):
        if condition["type"] in _OF_SERVERS and condition["status"] == "False":
            yield _said(subject, condition, Verdict.FAILED)
    if not find(body.get("status", {}).get("conditions", ()), "Ready"):
        yield Checkup(Verdict.WARNING, subject, "no operator has looked at it", "does the operator run?")
    if url := body["spec"].get("webhook", {}).get("url"):
        yield await _webhook(subject, url, servers, (namespace, name))
    try:
        server = await servers.named(namespace, name)
        await server.list_rooms()
    except NoViewError as error:
        yield Checkup(Verdict.SKIPPED, subject, str(error))
    except LiveKitCredentialsError:
        yield Checkup(
            Verdict.FAILED,
            subject,
            "refuses the API key or its secret, asked from here",
            f"put a pair of LiveKit's own `keys:` into the Secret {body['spec']['credentialsSecretRef']['name']}",
        )
    except LiveKitError as error:
        yield Checkup(
            Verdict.WARNING,
            subject,
            f"does not answer from here: {error}",
            "it may do so from the cluster; check apiURL",
        )
    else:
        yield await _skew(subject, body["spec"].get("apiURL") or body["spec"]["url"])


def _said(subject: str, condition: Mapping[str, Any], verdict: Verdict) -> Checkup:
    """Tell what a condition says, and what to do about its reason; one of another version has no advice here."""
    reason = condition["reason"]
    advice = named(reason).advice if reason in set(Reason) else ""
    return Checkup(verdict, subject, f"{reason}: {condition['message']}", advice)


async def _webhook(subject: str, url: str, servers: LiveServers, server: tuple[str, str]) -> Checkup:
    """Send a webhook there, signed as the server signs its own: about a room that nobody has, so nothing comes of it."""
    body = json.dumps(
        {"event": "room_started", "id": "EV_doctor", "room": {"name": "roomkeeper-doctor"}}
    ).encode()
    try:
        credentials = (await servers.access(*server))[1]
        headers = {"Authorization": sign_webhook(credentials, body, now=datetime.now(UTC))}
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, data=body, headers=headers, timeout=aiohttp.ClientTimeout(5)) as answer,
        ):
            status = answer.status
    except NoViewError as error:
        return Checkup(Verdict.SKIPPED, subject, str(error))
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        found = f"its webhook.url does not answer from here ({type(error).__name__})"
        return Checkup(Verdict.WARNING, subject, found, "it may do so from where LiveKit is")
    match status:
        case HTTPStatus.OK:
            return Checkup(Verdict.OK, subject, "a webhook that is sent to its webhook.url arrives")
        case HTTPStatus.UNAUTHORIZED:
            advice = "what stands between may change the body; or the operator knows another API key"
            return Checkup(
                Verdict.FAILED, subject, "its webhook.url takes a signed webhook for a forged one", advice
            )
        case HTTPStatus.SERVICE_UNAVAILABLE:
            return Checkup(
                Verdict.FAILED, subject, "no replica takes webhooks", "see what the doctor says of the leader"
            )
        case _:
            advice = "it must lead to /livekit/webhook of the operator"
            return Checkup(Verdict.FAILED, subject, f"its webhook.url answers {status}", advice)


async def _skew(subject: str, url: str) -> Checkup:
    """Compare the clocks: a token that is minted ahead of LiveKit's clock is refused."""
    address = url.replace("ws", "http", 1) if url.startswith("ws") else url
    asked = time.time()
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.get(address, timeout=aiohttp.ClientTimeout(5)) as answer,
        ):
            told = answer.headers.get("Date", "")
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        return Checkup(Verdict.SKIPPED, subject, f"its clock cannot be asked ({type(error).__name__})")
    if not told:
        return Checkup(Verdict.OK, subject, "answers and takes the key")
    skew = parsedate_to_datetime(told).timestamp() - asked
    if abs(skew) > MOST_SKEW_SECONDS:
        return Checkup(
            Verdict.FAILED,
            subject,
            f"its clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} this machine's",
            "have both keep time by NTP: tokens are refused before their first second",
        )
    return Checkup(Verdict.OK, subject, "answers, takes the key, and its clock is right")


def _schema(definition: Body) -> Any:
    return definition["spec"]["versions"][0]["schema"]


def _needs(patient: Patient) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield where the operator has to be able to do what, by the roles that it is given."""
    roles = [one for one in yaml.safe_load_all(_RULES.read_text()) if one["kind"] == "ClusterRole"]
    for role in roles:
        name = role["metadata"]["name"]
        if (name.endswith("-cluster") and patient.watched) or name.endswith("-tokens"):
            continue  # the last is of those who have switched the token endpoint on
        places = (patient.account[0],) if name.endswith("-lease") else patient.watched or ("",)
        for rule in role["rules"]:
            for resource in rule["resources"]:
                kind, _, subresource = resource.partition("/")
                for verb in rule["verbs"]:
                    needed = {"group": rule["apiGroups"][0], "resource": kind, "verb": verb}
                    yield from (
                        (place, {**needed, "subresource": subresource} if subresource else needed)
                        for place in places
                    )
