"""Which schemas may run in a process that tenants share, and what they say of a value."""

from __future__ import annotations

from typing import Any

import pytest

from roomkeeper.domain import metadata_schema
from roomkeeper.domain.metadata_schema import DIALECT


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        schema = {"properties": {"a": schema}}
    return schema


def doubling(levels: int) -> dict[str, Any]:
    """Return a small schema that, followed, doubles at every level."""
    definitions: dict[str, Any] = {
        f"l{number}": {"allOf": [{"$ref": f"#/$defs/l{number + 1}"}, {"$ref": f"#/$defs/l{number + 1}"}]}
        for number in range(levels)
    }
    return {"$defs": {**definitions, f"l{levels}": {}}, "$ref": "#/$defs/l0"}


DEEP_LITERAL: list[Any] = []
for _ in range(5000):
    DEEP_LITERAL = [DEEP_LITERAL]


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"$schema": DIALECT, "type": "object"},
        {"properties": {"pattern": {"type": "string"}, "format": {"enum": ["a"]}}, "required": ["pattern"]},
        {
            "$defs": {"topic": {"type": "string", "maxLength": 9}},
            "properties": {"a": {"$ref": "#/$defs/topic"}},
        },
        {"$defs": {"a/b": {"type": "string"}}, "$ref": "#/$defs/a~1b"},
        {"additionalProperties": False, "properties": {"a": {"items": {"type": "integer"}}}},
        {"anyOf": [{"type": "object"}, True]},
        {"const": {"pattern": "a", "$ref": "http://example.com"}},
        {"dependentSchemas": {"pattern": {"required": ["a"]}}},
        nested(15),
        doubling(5),
    ],
)
def test_a_schema_that_may_be_used(schema: dict[str, Any]) -> None:
    assert metadata_schema.problem(schema) is None
    metadata_schema.violation(schema, {"a": "x"})


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"pattern": "^(a+)+$"}, "pattern is not allowed"),
        ({"properties": {"a": {"pattern": "a"}}}, "pattern is not allowed"),
        ({"items": {"pattern": "a"}}, "pattern is not allowed"),
        ({"allOf": [{"not": {"patternProperties": {"a": {}}}}]}, "patternProperties is not allowed"),
        ({"$defs": {"x": {"format": "uri"}}}, "format is not allowed"),
        ({"uniqueItems": True}, "uniqueItems is not allowed"),
        ({"unevaluatedProperties": False}, "unevaluatedProperties is not allowed"),
        ({"unevaluatedItems": False}, "unevaluatedItems is not allowed"),
        ({"$dynamicRef": "#a"}, "$dynamicRef is not allowed"),
        ({"$id": "http://example.com"}, "$id is not allowed"),
        (
            {"properties": {"a": {"$schema": "http://json-schema.org/draft-04/schema#"}}},
            "$schema is not allowed",
        ),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "$schema must be"),
        ({"$ref": "http://example.com/schema"}, "$ref may only point into"),
        ({"$ref": "other.json#/a"}, "$ref may only point into"),
        ({"$ref": "#name"}, "$ref may only point into"),
        ({"$ref": 3}, "$ref may only point into"),
        ({"$ref": "#/$defs/none"}, "points at nothing"),
        ({"$ref": "#"}, "leads back to itself"),
        ({"properties": {"a": {"$ref": "#"}}}, "leads back to itself"),
        ({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}, "leads back to itself"),
        (nested(40), "nested more than"),
        (doubling(30), "parts"),
        ({"const": "x" * 33_000}, "bytes as JSON"),
        ({"enum": list(range(600))}, "more than 500 parts"),
        ({"const": DEEP_LITERAL}, "nested too deep"),
        ({"type": "strange"}, "it is no JSON Schema: see type"),
        ({"properties": {"a": 3}}, "it is no JSON Schema: see properties.a"),
    ],
)
def test_a_schema_that_is_refused(schema: dict[str, Any], text: str) -> None:
    problem = metadata_schema.problem(schema)
    assert problem is not None
    assert text in problem


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        ({"required": ["a"]}, {"a": 1}, None),
        ({"required": ["a"]}, {}, ": required"),
        ({"properties": {"a": {"items": {"type": "string"}}}}, {"a": ["x", 3]}, ".a[1]: type"),
        ({"properties": {"a": {"enum": ["x"]}}}, {"a": "my secret"}, ".a: enum"),
        (
            {"properties": {"a": {"items": {"enum": list(range(400))}}}},
            {"a": [1] * 20},
            ": it is too much for the schema; shorten it",
        ),
        ({"properties": {"a": {"items": {"enum": list(range(9))}}}}, {"a": [1] * 300}, None),
        ({"anyOf": [{"type": "integer"}] * 400}, "x" * 60_000, ": it is too much for the schema; shorten it"),
        ({"const": "x" * 30_000}, ["x"] * 400, ": it is too much for the schema; shorten it"),
        ({}, "ü" * 33_000, ": it has more than 65536 bytes as JSON"),
    ],
)
def test_a_value_is_named_by_its_place_alone(
    schema: dict[str, Any], value: object, expected: str | None
) -> None:
    assert metadata_schema.violation(schema, value) == expected


def test_what_was_judged_once_is_not_judged_again(monkeypatch: pytest.MonkeyPatch) -> None:
    schema, value = {"anyOf": [{"type": "integer"}] * 3}, {"once": "x"}
    first = metadata_schema.problem(schema), metadata_schema.violation(schema, value)
    monkeypatch.setattr(metadata_schema, "Draft202012Validator", None)
    assert (metadata_schema.problem(schema), metadata_schema.violation(dict(schema), dict(value))) == first


def test_true_and_one_are_not_taken_for_each_other() -> None:
    assert metadata_schema.violation({"const": 1}, 1) is None
    assert metadata_schema.violation({"const": 1}, True) == ": const"  # noqa: FBT003
    assert metadata_schema.violation({"const": True}, 1) == ": const"
