"""From a kind's models to its CustomResourceDefinition with a structural schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic.json_schema import GenerateJsonSchema

from roomkeeper.api.common import API_VERSION, CATEGORY, GROUP, MAX_INT32, VERSION

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import core_schema

    from roomkeeper.api.kind import Column, Kind, Rule

JSON = dict[str, Any]

# What every object has: the API server knows it, tools that read nothing but the CRD do not.
_TYPE_META: Final[JSON] = {
    "apiVersion": {"description": f"The version of this schema: `{API_VERSION}`.", "type": "string"},
    "kind": {"description": "The kind of this object.", "type": "string"},
    # Its name is spelled out so that a rule can point at it.
    "metadata": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 253}}},
}
# An object that no operator has seen yet must not look finished to tools that compare generations (kstatus).
_STATUS_DEFAULT: Final[JSON] = {"observedGeneration": -1}


class _NotNullable(GenerateJsonSchema):
    """Pydantic's schema with `X | None` written as X: in the Kubernetes API an optional field is absent, not null."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])


def custom_resource_definition(kind: Kind) -> JSON:
    """Render the whole CustomResourceDefinition, ready to be written as YAML."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": _names(kind),
            "scope": "Namespaced",
            "conversion": {"strategy": "None"},
            "versions": [_version(kind)],
        },
    }


def schema(kind: Kind) -> JSON:
    """Render the structural schema of a kind: no `$ref`, no `anyOf` with null, CEL rules where they hang."""
    generated = kind.model.model_json_schema(schema_generator=_NotNullable)
    definitions = generated.pop("$defs", {})
    root = _structural(generated, definitions, defaults=True)
    root["properties"] = {**_TYPE_META, **root["properties"]}
    status = _structural(root["properties"]["status"], definitions, defaults=False)
    root["properties"]["status"] = {**status, "default": dict(_STATUS_DEFAULT)}
    for rule in kind.rules:
        _locate(root, rule.at).setdefault("x-kubernetes-validations", []).append(_validation(rule))
    return root


def _names(kind: Kind) -> JSON:
    return {
        "kind": kind.kind,
        "listKind": f"{kind.kind}List",
        "plural": kind.plural,
        "singular": kind.kind.lower(),
        "shortNames": [kind.short_name],
        "categories": [CATEGORY],
    }


def _version(kind: Kind) -> JSON:
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "selectableFields": [{"jsonPath": path} for path in kind.selectable_fields],
        "additionalPrinterColumns": [_column(column) for column in kind.columns],
        "schema": {"openAPIV3Schema": schema(kind)},
    }


def _column(column: Column) -> JSON:
    rendered: JSON = {"name": column.name, "type": column.type, "jsonPath": column.json_path}
    return {**rendered, "priority": 1} if column.wide else rendered


def _validation(rule: Rule) -> JSON:
    rendered = {"rule": rule.rule, "message": rule.message}
    return {**rendered, "fieldPath": rule.field_path} if rule.field_path else rendered


def _structural(node: JSON, definitions: JSON, *, defaults: bool) -> JSON:
    """Inline references and drop what a structural schema has no place for.

    Inside lists and maps no default is kept (`defaults`): the API server would write it into the object, and GitOps tools then
    report a difference that nobody made.
    """
    node = _inlined(node, definitions)
    default = node.pop("default", None)
    if defaults and isinstance(default, str | int):
        node["default"] = default
    if "properties" in node:
        node["properties"] = {
            name: _structural(child, definitions, defaults=defaults)
            for name, child in node["properties"].items()
        }
    for of_many in ("items", "additionalProperties"):
        if of_many in node:
            node[of_many] = _structural(node[of_many], definitions, defaults=False)
    if node.get("type") == "integer":
        node["format"] = "int32" if node.get("maximum", MAX_INT32 + 1) <= MAX_INT32 else "int64"
    return node


def _inlined(node: JSON, definitions: JSON) -> JSON:
    node = dict(node)
    if "$ref" in node:
        definition = dict(definitions[node.pop("$ref").rpartition("/")[2]])
        definition.pop("description", None)  # a docstring is for people who read the code
        node = definition | node
    node.pop("title", None)
    if node.get("additionalProperties") is True:
        del node["additionalProperties"]  # said by x-kubernetes-preserve-unknown-fields
    if "const" in node:
        node["enum"] = [node.pop("const")]
    description = {"description": node.pop("description")} if "description" in node else {}
    return description | node


def _locate(root: JSON, path: str) -> JSON:
    """Find the schema of `spec.roles[].name`; "" is the root."""
    node = root
    for step in path.split(".") if path else ():
        name = step.removesuffix("[]")
        node = node["properties"][name]
        if step != name:
            node = node["items"]
    return node
