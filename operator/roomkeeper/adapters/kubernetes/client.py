"""The API server over one HTTP session."""

from __future__ import annotations

import json
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import aiohttp
from yarl import URL

from roomkeeper import __version__
from roomkeeper.adapters.fenced import fenced
from roomkeeper.adapters.kubernetes.authentication import Authentication
from roomkeeper.adapters.kubernetes.pace import Pace
from roomkeeper.adapters.kubernetes.resources import SECRETS, SUBJECT_ACCESS_REVIEWS, TOKEN_REVIEWS
from roomkeeper.adapters.kubernetes.responses import GONE, error_of, is_error, parse
from roomkeeper.adapters.ports import Effect, KubernetesError, KubernetesUnreachableError, admit_all
from roomkeeper.api.common import FIELD_MANAGER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from roomkeeper.adapters.ports import Admit, Body, Resource

    Observe = Callable[[str, str, str, float], None]

_PAGE_SIZE = 500
_MAX_RESTARTS = 3  # of a list whose snapshot was compacted away while it was read
_TIMEOUT_SECONDS = 10.0
_LIST_TIMEOUT_SECONDS = 30.0  # of one page
_MAX_CONNECTIONS = 32
_UNAUTHORIZED = 401
_REVIEWS = tuple(f"/apis/{each.group}/" for each in (TOKEN_REVIEWS, SUBJECT_ACCESS_REVIEWS))
_LEASE_GROUP = "coordination.k8s.io"

_JSON = "application/json"
_APPLY = "application/apply-patch+yaml"  # JSON is YAML
_MERGE_PATCH = "application/merge-patch+json"


def _observe_nothing(verb: str, plural: str, code: str, seconds: float) -> None:
    pass


class KubernetesClient:
    """The port `Kubernetes` on one aiohttp session.

    Address, TLS and authentication are those of `kubernetes.aio`, its typed API is not used: a server-side apply of
    a Secret costs 0.99 ms of CPU through it and 0.35 ms through a session (measured; over TLS on a busy machine with
    16 at a time 1.6 and 0.7 ms).

    Nothing is retried in here, because the engine's queue does that with backoff. The exception is a 401: the
    credentials are read again and the request is sent once more. While the API server refuses, requests wait for their
    turn; all but those for a Lease, which is lost when it is renewed late, and which is one request in seconds.
    """

    def __init__(
        self, authentication: Authentication, observe: Observe, admit: Admit, field_manager: str
    ) -> None:
        """Use connect() instead, which reads the configuration."""
        self._authentication = authentication
        self._field_manager = field_manager
        self._observe = observe
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_MAX_CONNECTIONS, ssl=authentication.ssl_context),
            request_class=fenced(admit, _effect_of),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"roomkeeper/{__version__}", "Accept": _JSON},
        )
        self._proxy = authentication.proxy
        self._pace = Pace()

    @classmethod
    async def connect(
        cls,
        kubeconfig: str | None = None,
        *,
        observe: Observe | None = None,
        admit: Admit = admit_all,
        field_manager: str = FIELD_MANAGER,
    ) -> Self:
        """Read the configuration; nothing is sent yet. KubernetesError says what is wrong with it.

        Without a kubeconfig: KUBECONFIG, else ~/.kube/config, else the pod's ServiceAccount. After each request
        `observe(verb, plural, code, seconds)` is called; plural is `rooms/status` for a subresource, code the HTTP
        status or "error" when there was no answer. `admit` is asked right before each request is sent.
        """
        return cls(await Authentication.load(kubeconfig), observe or _observe_nothing, admit, field_manager)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def list(
        self, resource: Resource, *, namespace: str = "", label_selector: str = ""
    ) -> AsyncIterator[Body]:
        """Yield every object, page by page.

        When the API server drops the snapshot between two pages (410), the list begins again: an object can then
        come twice, and the later one counts.
        """
        query = {"limit": str(_PAGE_SIZE)}
        if label_selector:
            query["labelSelector"] = label_selector
        path = _path(resource, namespace)
        continued, restarts = "", 0
        while True:
            page_query = {**query, "continue": continued} if continued else query
            try:
                page = await self._send(
                    "list", resource, "GET", path, query=page_query, timeout=_LIST_TIMEOUT_SECONDS
                )
            except KubernetesError as error:
                if error.status != GONE or not continued or restarts == _MAX_RESTARTS:
                    raise
                continued, restarts = "", restarts + 1
                continue
            for item in page["items"]:
                yield item
            continued = page["metadata"].get("continue", "")
            if not continued:
                return

    async def get(self, resource: Resource, *, namespace: str, name: str) -> Body:
        """Read one object."""
        return await self._send("get", resource, "GET", _path(resource, namespace, name))

    async def create(self, resource: Resource, body: Body) -> Body:
        """Create an object; AlreadyExistsError where the name is taken."""
        path = _path(resource, body["metadata"].get("namespace", ""))
        query = {"fieldManager": self._field_manager}
        return await self._send("create", resource, "POST", path, query=query, body=body)

    async def apply(self, resource: Resource, body: Body) -> Body:
        """Apply server-side with force; a uid and resourceVersion in the metadata guard it."""
        metadata = body["metadata"]
        return await self._send(
            "apply",
            resource,
            "PATCH",
            _path(resource, metadata.get("namespace", ""), metadata["name"]),
            query={"fieldManager": self._field_manager, "force": "true"},
            body=body,
            content_type=_APPLY,
        )

    async def patch(
        self,
        resource: Resource,
        *,
        namespace: str,
        name: str,
        patch: Mapping[str, Any],
        subresource: str = "",
    ) -> Body:
        """Merge-patch an object or its subresource; a status is guarded by the resourceVersion alone."""
        return await self._send(
            "patch",
            resource,
            "PATCH",
            _path(resource, namespace, name, subresource),
            query={"fieldManager": self._field_manager},
            body=patch,
            content_type=_MERGE_PATCH,
            subresource=subresource,
        )

    async def replace(self, resource: Resource, body: Body) -> Body:
        """Replace exactly the version of an object that the metadata names."""
        metadata = body["metadata"]
        path = _path(resource, metadata["namespace"], metadata["name"])
        query = {"fieldManager": self._field_manager}
        return await self._send("replace", resource, "PUT", path, query=query, body=body)

    async def delete(
        self, resource: Resource, *, namespace: str, name: str, uid: str, resource_version: str
    ) -> None:
        """Delete exactly this version of this object."""
        preconditions = {"uid": uid, "resourceVersion": resource_version}
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions}
        await self._send("delete", resource, "DELETE", _path(resource, namespace, name), body=options)

    async def _send(
        self,
        verb: str,
        resource: Resource,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = _JSON,
        subresource: str = "",
        timeout: float = _TIMEOUT_SECONDS,  # noqa: ASYNC109 - aiohttp keeps it
    ) -> Body:
        request = {
            "method": method,
            "url": URL(self._authentication.address + path, encoded=True).with_query(query),
            "data": None if body is None else json.dumps(body).encode(),
            "timeout": aiohttp.ClientTimeout(total=timeout),
        }
        plural = f"{resource.plural}/{subresource}" if subresource else resource.plural
        if resource.group != _LEASE_GROUP:
            await self._pace.wait()
        authorization = await self._authentication.header()
        status, text = await self._exchange(verb, plural, request, _headers(authorization, content_type))
        if status == _UNAUTHORIZED:
            await self._authentication.reload(authorization)
            authorization = await self._authentication.header()
            status, text = await self._exchange(verb, plural, request, _headers(authorization, content_type))
        if is_error(status):
            raise error_of(status, text, request=f"{verb} {path}", about_secret=resource == SECRETS)
        return parse(text)

    async def _exchange(
        self, verb: str, plural: str, request: Mapping[str, Any], headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        """Send one request and read its answer to the end."""
        started, code = time.monotonic(), "error"
        try:
            async with self._session.request(
                **request,
                headers=headers,
                proxy=self._proxy,
                server_hostname=self._authentication.server_hostname,
                allow_redirects=False,
            ) as response:
                text = await response.read()
                code = str(response.status)
                self._pace.answered(response.status, response.headers.get("Retry-After", ""))
                return response.status, text
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self._pace.answered(0)
            message = f"{verb} {plural}: no answer from the API server ({type(error).__name__})"
            raise KubernetesUnreachableError(message) from error
        finally:
            self._observe(verb, plural, code, time.monotonic() - started)


def _effect_of(method: str, url: URL) -> Effect:
    """A review is created, but only asked: nothing is stored, so a replica that stands by may."""
    is_asked = method == "GET" or url.path.startswith(_REVIEWS)
    return Effect.READ if is_asked else Effect.WRITE


def _headers(authorization: str | None, content_type: str) -> dict[str, str]:
    headers = {"Content-Type": content_type}
    if authorization:
        headers["Authorization"] = authorization
    return headers


def _path(resource: Resource, namespace: str = "", name: str = "", subresource: str = "") -> str:
    parts = (_collection(resource, namespace), quote(name, safe=""), subresource)
    return "/".join(part for part in parts if part)


@lru_cache(maxsize=1024)
def _collection(resource: Resource, namespace: str) -> str:
    """Return where all objects of a kind are: a few paths, for every request."""
    parts = ["apis", resource.group, resource.version] if resource.group else ["api", resource.version]
    if namespace:
        parts += ["namespaces", namespace]
    return "".join("/" + quote(part, safe="") for part in (*parts, resource.plural))
