"""From a kind's CustomResourceDefinition to a JSON Schema, as editors read it: it completes and checks fields while one types.

Rules in CEL have no counterpart there: `roomkeeper validate` checks those too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from roomkeeper.api.common import API_VERSION, GROUP, VERSION
from roomkeeper.api.crd import schema

if TYPE_CHECKING:
    from roomkeeper.api.kind import Kind

JSON = dict[str, Any]

_DIALECT: Final = (
    "http://json-schema.org/draft-07/schema#"  # the newest that all of the editors' servers know
)
_TEXTS: Final[JSON] = {"type": "object", "additionalProperties": {"type": "string"}}
# What people write of it. The API server knows more, and there is no harm in that.
_METADATA: Final[JSON] = {
    "description": "Standard object metadata.",
    "type": "object",
    "properties": {
        "name": {"description": "Name of the object, unique in its namespace.", "type": "string"},
        "generateName": {"description": "How the name begins, where there is none.", "type": "string"},
        "namespace": {"description": "Namespace of the object.", "type": "string"},
        "labels": {"description": "What the object can be selected by.", **_TEXTS},
        "annotations": {"description": "What tools note of the object.", **_TEXTS},
    },
}
_STATUS: Final[JSON] = {"description": "Written by the operator.", "type": "object"}


def file_name(kind: Kind) -> str:
    """Return where the schema of a kind is, below the folder of schemas: as kubeconform and its catalogues name it."""
    return f"{GROUP}/{kind.kind.lower()}_{VERSION}.json"


def json_schema(kind: Kind) -> JSON:
    """Render the schema of manifests of a kind."""
    root = schema(kind)
    fields = {name: _readable(field) for name, field in root["properties"].items()}
    return {
        "$schema": _DIALECT,
        "title": kind.kind,
        "description": root["description"],
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {
            **fields,
            "apiVersion": {**fields["apiVersion"], "const": API_VERSION},
            "kind": {**fields["kind"], "const": kind.kind},
            "metadata": _METADATA,
            "status": _STATUS,
        },
        "additionalProperties": False,
    }


def _readable(node: JSON) -> JSON:
    """Say in JSON Schema's own words what a structural schema says in Kubernetes's: unknown fields, sets."""
    plain = {name: value for name, value in node.items() if not name.startswith("x-kubernetes-")}
    if plain.get("format", "").startswith("int"):
        del plain["format"]
    if "properties" in plain:
        plain["properties"] = {name: _readable(child) for name, child in plain["properties"].items()}
        plain.setdefault("additionalProperties", False)
    elif isinstance(plain.get("additionalProperties"), dict):
        plain["additionalProperties"] = _readable(plain["additionalProperties"])
    if "items" in plain:
        plain["items"] = _readable(plain["items"])
    if node.get("x-kubernetes-list-type") == "set":
        plain["uniqueItems"] = True
    return plain
