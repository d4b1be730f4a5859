"""RecordingStorages that the API server refuses, each with what its message must say."""

from __future__ import annotations

from typing import Any, Final

from tests.e2e.manifests.bad_storage_targets import bad_targets
from tests.e2e.manifests.base import JSON, Bad, spec

_PREFIX: Final = "spec.prefixTemplate"
_SELECTOR: Final = "spec.allowedNamespaces.selector"


def _expression(**fields: Any) -> JSON:
    return spec(allowedNamespaces={"from": "Selector", "selector": {"matchExpressions": [fields]}})


BAD_STORAGES: Final = (
    Bad("name-too-long", {"metadata": {"name": "s" * 64}}, ("metadata.name", "no more than 63 characters")),
    Bad("no-spec", {"spec": None}, ("spec: Required value",)),
    *bad_targets("spec", lambda target: {"spec": target}),
    Bad("prefix-too-long", spec(prefixTemplate="p" * 129), (_PREFIX, "may not be more than 128")),
    *(
        Bad(f"prefix-escapes-{number}", spec(prefixTemplate=prefix), (_PREFIX, 'must not begin with "/"'))
        for number, prefix in enumerate(("/", "/a/", "../", "a/../", "a//b", "./a", "a/./b", "a\\"))
    ),
    Bad(
        "prefix-with-a-bell",
        spec(prefixTemplate="a\a/"),
        (_PREFIX, "prefixTemplate must not contain control characters"),
    ),
    *(
        Bad(f"prefix-variable-{number}", spec(prefixTemplate=prefix), (_PREFIX, "one variable, {namespace}"))
        for number, prefix in enumerate(
            ("{name}/", "{", "{namespace", "{{namespace}}/", "{time}/{namespace}/")
        )
    ),
    *(
        Bad(
            f"prefix-that-tenants-share-{number}",
            spec(allowedNamespaces=allowed, prefixTemplate=prefix),
            (_PREFIX, "prefixTemplate must hold {namespace}/ if other namespaces are allowed"),
        )
        for number, (allowed, prefix) in enumerate(
            (
                ({"from": "All"}, ""),
                ({"from": "All"}, "recordings/"),
                ({"from": "All"}, "{namespace}"),
                ({"from": "All"}, "{namespace}-"),
                ({"from": "Selector", "selector": {}}, "recordings/"),
            )
        )
    ),
    Bad("from-unknown", spec(allowedNamespaces={"from": "Some"}), ("spec.allowedNamespaces.from", '"Same"')),
    Bad(
        "selector-missing",
        spec(allowedNamespaces={"from": "Selector"}),
        (_SELECTOR, "selector goes with from: Selector"),
    ),
    Bad(
        "selector-for-nothing",
        spec(allowedNamespaces={"from": "All", "selector": {}}),
        (_SELECTOR, "selector goes with from: Selector"),
    ),
    Bad(
        "expression-without-values",
        _expression(key="team", operator="In"),
        (f"{_SELECTOR}.matchExpressions[0].values", "values goes with operator In and NotIn"),
    ),
    Bad(
        "allowed-server-without-name",
        spec(allowedServers=[{"namespace": "livekit"}]),
        ("spec.allowedServers[0].name", "Required value"),
    ),
    Bad(
        "too-many-allowed-servers",
        spec(allowedServers=[{"name": f"s{number}"} for number in range(33)]),
        ("spec.allowedServers", "at most 32 items"),
    ),
)
