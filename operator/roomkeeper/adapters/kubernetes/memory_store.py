"""Objects with the rules of a Kubernetes API server, in memory: what tests of the engine run on.

The rules are held to those of a real API server by tests/integration/kubernetes. There is no schema, so no
defaulting and no validation.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from roomkeeper.adapters.kubernetes.fields import (
    SYSTEM_METADATA,
    leaves,
    merge_patch,
    remove,
    without_system_fields,
)
from roomkeeper.adapters.ports import AlreadyExistsError, ConflictError, ForbiddenError, NotFoundError
from roomkeeper.api.common import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from roomkeeper.adapters.kubernetes.fields import Path
    from roomkeeper.adapters.ports import Body, Clock, Resource

    OnEvent = Callable[[Resource, str, Body], None]
    Key = tuple[Resource, str, str]


@dataclass(slots=True)
class _Stored:
    body: Body
    applied: set[Path] = field(default_factory=set)  # owned by server-side apply
    updated: set[Path] = field(default_factory=set)  # owned by create and patch


class ObjectStore:
    """What the API server keeps. Tests use it directly for what people and other programs do."""

    def __init__(self, clock: Clock) -> None:
        self.terminating_namespaces: set[str] = set()
        self._clock = clock
        self._objects: dict[Key, _Stored] = {}
        self._resource_version = 0
        self._watchers: list[OnEvent] = []

    def watch(self, on_event: OnEvent) -> None:
        """Call `on_event(resource, "ADDED" | "MODIFIED" | "DELETED", body)` at each change from now on."""
        self._watchers.append(on_event)

    def list(self, resource: Resource, *, namespace: str = "", label_selector: str = "") -> list[Body]:
        """Return copies of all that match, ordered by namespace and name."""
        wanted = _parse_selector(label_selector)
        found = sorted(key for key in self._objects if key[0] == resource and namespace in {"", key[1]})
        bodies = (self._objects[key].body for key in found)
        return [copy.deepcopy(body) for body in bodies if wanted.items() <= _labels(body).items()]

    def get(self, resource: Resource, *, namespace: str, name: str) -> Body:
        """Return a copy of one object."""
        return copy.deepcopy(self._find(resource, namespace, name).body)

    def create(self, resource: Resource, body: Body) -> Body:
        """Add an object, without its status where that is a subresource."""
        key = _key(resource, body)
        if key in self._objects:
            raise AlreadyExistsError(f"create {resource.plural} {key[2]}: 409 AlreadyExists", status=409)
        stored = self._add(key, body)
        stored.updated = set(leaves(without_system_fields(stored.body)))
        return copy.deepcopy(stored.body)

    def apply(self, resource: Resource, body: Body) -> Body:
        """Create or update as one field manager, with force: fields it no longer applies go."""
        key = _key(resource, body)
        stored = self._objects.get(key)
        fields = _main_fields(resource, body)
        applied = leaves(fields)
        if stored is None:
            if body["metadata"].get("uid"):
                raise ConflictError(f"apply {resource.plural} {key[2]}: 409 Conflict", status=409)
            stored = self._add(key, body)
            stored.applied = set(applied)
            return copy.deepcopy(stored.body)
        _check_version(stored.body, body["metadata"])
        before = leaves(stored.body)
        after = copy.deepcopy(stored.body)
        for path in stored.applied - set(applied) - stored.updated:
            if path in before:
                remove(after, path)
        after = merge_patch(after, fields)
        taken = {path for path, value in applied.items() if before.get(path, ...) != value}
        owned_before = stored.applied
        stored.applied, stored.updated = set(applied), stored.updated - taken
        self._replace(key, stored, after, touched=owned_before != stored.applied)
        return copy.deepcopy(stored.body)

    def patch(
        self,
        resource: Resource,
        *,
        namespace: str,
        name: str,
        patch: Mapping[str, Any],
        subresource: str = "",
    ) -> Body:
        """Merge-patch an object, or only its status: then the API server looks at no uid."""
        stored = self._find(resource, namespace, name)
        expected = dict(patch.get("metadata", {}))
        if subresource:
            expected.pop("uid", None)
        _check_version(stored.body, expected)
        if subresource:
            fields = {"status": patch["status"]} if "status" in patch else {}
        else:
            fields = _main_fields(resource, patch)
        before = leaves(stored.body)
        after = merge_patch(stored.body, fields)
        changed = {path for path, value in leaves(after).items() if before.get(path, ...) != value}
        stored.applied -= changed
        stored.updated |= changed
        self._replace((resource, namespace, name), stored, after)
        return copy.deepcopy(stored.body)

    def replace(self, resource: Resource, body: Body) -> Body:
        """Replace an object but for its status, where that is a subresource."""
        key = _key(resource, body)
        stored = self._find(*key)
        _check_version(stored.body, body["metadata"])
        kept = {name: value for name, value in stored.body["metadata"].items() if name in SYSTEM_METADATA}
        fields = _main_fields(resource, body)
        after = {"apiVersion": body["apiVersion"], "kind": body["kind"], **fields}
        after["metadata"] = fields["metadata"] | kept
        if _is_custom(resource) and "status" in stored.body:
            after["status"] = stored.body["status"]
        stored.applied, stored.updated = set(), set(leaves(without_system_fields(after)))
        self._replace(key, stored, after)
        return copy.deepcopy(stored.body)

    def delete(
        self, resource: Resource, *, namespace: str, name: str, uid: str = "", resource_version: str = ""
    ) -> None:
        """Delete an object, or mark it for deletion while it has finalizers."""
        stored = self._find(resource, namespace, name)
        _check_version(stored.body, {"uid": uid, "resourceVersion": resource_version})
        metadata = stored.body["metadata"]
        if not metadata.get("finalizers"):
            self._remove((resource, namespace, name))
        elif "deletionTimestamp" not in metadata:
            after = copy.deepcopy(stored.body)
            after["metadata"]["deletionTimestamp"] = rfc3339(self._clock.now())
            after["metadata"]["deletionGracePeriodSeconds"] = 0
            if "generation" in metadata:
                after["metadata"]["generation"] += 1
            self._replace((resource, namespace, name), stored, after)

    def collect_garbage(self) -> None:
        """Delete what is owned only by objects that are gone, as the garbage collector of Kubernetes does."""
        while orphans := self._orphans():
            for resource, namespace, name in orphans:
                self.delete(resource, namespace=namespace, name=name)

    def _orphans(self) -> set[Key]:
        alive = {stored.body["metadata"]["uid"] for stored in self._objects.values()}
        return {
            key
            for key, stored in self._objects.items()
            if (owners := stored.body["metadata"].get("ownerReferences"))
            and "deletionTimestamp" not in stored.body["metadata"]
            and alive.isdisjoint(owner["uid"] for owner in owners)
        }

    def _find(self, resource: Resource, namespace: str, name: str) -> _Stored:
        try:
            return self._objects[resource, namespace, name]
        except KeyError:
            raise NotFoundError(f"{resource.plural} {namespace}/{name}: 404 NotFound", status=404) from None

    def _add(self, key: Key, body: Body) -> _Stored:
        resource, namespace, name = key
        if namespace in self.terminating_namespaces:
            raise ForbiddenError(
                f"{resource.plural} {name}: 403: namespace {namespace} terminates", status=403
            )
        added = {"apiVersion": body["apiVersion"], "kind": body["kind"], **_main_fields(resource, body)}
        added["metadata"] |= {
            "name": name,
            "uid": str(uuid4()),
            "resourceVersion": self._next_version(),
            "creationTimestamp": rfc3339(self._clock.now()),
        }
        if namespace:
            added["metadata"]["namespace"] = namespace
        if _is_custom(resource):
            added["metadata"]["generation"] = 1
        self._objects[key] = _Stored(added)
        self._notify(resource, "ADDED", added)
        return self._objects[key]

    def _replace(self, key: Key, stored: _Stored, after: Body, *, touched: bool = False) -> None:
        if after == stored.body and not touched:
            return
        metadata = after["metadata"] = dict(after["metadata"])
        if "generation" in metadata and _spec(after) != _spec(stored.body):
            metadata["generation"] += 1
        metadata["resourceVersion"] = self._next_version()
        stored.body = after
        if "deletionTimestamp" in metadata and not metadata.get("finalizers"):
            self._remove(key)
        else:
            self._notify(key[0], "MODIFIED", after)

    def _remove(self, key: Key) -> None:
        body = self._objects.pop(key).body
        body["metadata"]["resourceVersion"] = self._next_version()
        self._notify(key[0], "DELETED", body)

    def _next_version(self) -> str:
        self._resource_version += 1
        return str(self._resource_version)

    def _notify(self, resource: Resource, kind: str, body: Body) -> None:
        for on_event in self._watchers:
            on_event(resource, kind, copy.deepcopy(body))


def _key(resource: Resource, body: Body) -> Key:
    return resource, body["metadata"].get("namespace", ""), body["metadata"]["name"]


def _is_custom(resource: Resource) -> bool:
    """Tell a kind of a CRD with the subresource status from the built-in kinds that the operator uses."""
    return bool(resource.group) and not resource.group.endswith("k8s.io")


def _main_fields(resource: Resource, body: Mapping[str, Any]) -> Body:
    fields = without_system_fields(body)
    if _is_custom(resource):
        fields.pop("status", None)
    return fields


def _spec(body: Body) -> Body:
    return {key: value for key, value in body.items() if key not in {"metadata", "status"}}


def _labels(body: Body) -> dict[str, str]:
    return body["metadata"].get("labels") or {}


def _check_version(body: Body, expected: Mapping[str, Any]) -> None:
    for name in ("uid", "resourceVersion"):
        if expected.get(name) and expected[name] != body["metadata"][name]:
            raise ConflictError(f"{body['kind']} {body['metadata']['name']}: 409: another {name}", status=409)


def _parse_selector(selector: str) -> dict[str, str]:
    """Read `key=value,key=value`, the one form that the operator uses."""
    return dict(term.split("=", 1) for term in selector.split(",") if term)
