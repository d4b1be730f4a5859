"""What a ServiceAccount may do as it is granted, and what it did as the audit log tells."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.localstack import LocalStack
    from roomkeeper.localstack.audit import Call
    from tests.e2e.manifests.base import JSON

EVERYWHERE = "*"


class Grant(NamedTuple):
    """One verb on one resource, in one namespace or everywhere."""

    namespace: str
    group: str
    resource: str
    verb: str

    def covers(self, call: Call) -> bool:
        """Tell whether a call needed this grant."""
        resource = f"{call.resource}/{call.subresource}" if call.subresource else call.resource
        return (self.group, self.resource, self.verb) == (call.group, resource, call.verb) and (
            self.namespace in (EVERYWHERE, call.namespace)
        )


def granted(stack: LocalStack, namespace: str, account: str) -> set[Grant]:
    """Return all that bindings to a ServiceAccount itself grant; what every account may do is not among it."""
    subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
    return {
        Grant(binding["metadata"].get("namespace", EVERYWHERE), group, resource, verb)
        for binding in _read(stack, "rolebindings", "clusterrolebindings")
        if subject in binding.get("subjects", ())
        for rule in _role(stack, binding)["rules"]
        for group, resource, verb in _triples(rule)
    }


def _triples(rule: JSON) -> Iterator[tuple[str, str, str]]:
    for group in rule["apiGroups"]:
        for resource in rule["resources"]:
            for verb in rule["verbs"]:
                yield group, resource, verb


def _role(stack: LocalStack, binding: JSON) -> JSON:
    reference = binding["roleRef"]
    where = [f"--namespace={binding['metadata']['namespace']}"] if reference["kind"] == "Role" else []
    found: JSON = json.loads(stack.kubectl("get", reference["kind"], reference["name"], *where, "-o", "json"))
    return found


def _read(stack: LocalStack, *kinds: str) -> list[JSON]:
    items: list[JSON] = json.loads(stack.kubectl("get", ",".join(kinds), "-A", "-o", "json"))["items"]
    return items
