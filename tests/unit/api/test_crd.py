"""What every schema must be: describe each field, bound everything, and be structural."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from roomkeeper.api import generate, recording, recording_schedule, recording_storage
from roomkeeper.api.crd import custom_resource_definition, schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomkeeper.api.kind import Kind

KINDS = pytest.mark.parametrize("kind", generate.KINDS, ids=lambda kind: kind.kind)
STANDARD = {"apiVersion", "kind", "metadata"}  # described and bounded by the API server itself

Node = dict[str, Any]


def fields(kind: Kind) -> Iterator[tuple[str, Node]]:
    """Every schema below the root with its path: fields, `[]` items of lists, `{}` values of maps."""
    for name, child in schema(kind)["properties"].items():
        if name not in STANDARD:
            yield from walk(name, child)


def walk(path: str, node: Node) -> Iterator[tuple[str, Node]]:
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from walk(f"{path}.{name}", child)
    if "items" in node:
        yield from walk(f"{path}[]", node["items"])
    if "additionalProperties" in node:
        yield from walk(f"{path}{{}}", node["additionalProperties"])


def documented(kind: Kind) -> list[tuple[str, Node]]:
    """What `kubectl explain` tells of the spec: its fields, without the keys of lists of ours called `name`."""
    return [
        (path, node)
        for path, node in fields(kind)
        if path.startswith("spec.") and not path.endswith(("[]", "{}", "].name"))
    ]


def required(kind: Kind) -> set[str]:
    return {f"{path}.{name}" for path, node in fields(kind) for name in node.get("required", ())}


def of_type(kind: Kind, name: str) -> list[tuple[str, Node]]:
    found = [(path, node) for path, node in fields(kind) if node["type"] == name]
    assert found, f"the schema has no {name}: this test looks at nothing"
    return found


@KINDS
def test_every_field_has_a_description(kind: Kind) -> None:
    missing = [
        path for path, node in fields(kind) if not path.endswith(("[]", "{}")) and not node.get("description")
    ]
    assert missing == []


@KINDS
def test_every_field_of_the_spec_gives_livekits_word_or_says_there_is_none(kind: Kind) -> None:
    missing = [
        path
        for path, node in documented(kind)
        if not re.search(r"LiveKit: |LiveKit has no such notion", node["description"])
    ]
    assert missing == []


@KINDS
def test_every_optional_field_of_the_spec_tells_its_default(kind: Kind) -> None:
    missing = [
        path
        for path, node in documented(kind)
        if path not in required(kind) and "Default: " not in node["description"]
    ]
    assert missing == []


@KINDS
def test_every_duration_tells_its_unit(kind: Kind) -> None:
    missing = [
        path
        for path, node in of_type(kind, "integer")
        for suffix, unit in (("Milliseconds", "in milliseconds"), ("Seconds", "in seconds"))
        if path.endswith(suffix) and unit not in node["description"]
    ]
    assert missing == []


@KINDS
def test_every_list_has_a_type_and_a_most_number_of_items(kind: Kind) -> None:
    missing = [
        path
        for path, node in of_type(kind, "array")
        if not {"x-kubernetes-list-type", "maxItems"} <= set(node)
    ]
    assert missing == []


@KINDS
def test_every_map_has_a_most_number_of_keys(kind: Kind) -> None:
    missing = [
        path
        for path, node in of_type(kind, "object")
        if {"additionalProperties", "x-kubernetes-preserve-unknown-fields"} & set(node)
        and "maxProperties" not in node
    ]
    assert missing == []


@KINDS
def test_the_keys_of_a_map_are_required(kind: Kind) -> None:
    missing = [
        path
        for path, node in of_type(kind, "array")
        if node["x-kubernetes-list-type"] == "map"
        and not set(node["x-kubernetes-list-map-keys"]) <= set(node["items"]["required"])
    ]
    assert missing == []


@KINDS
def test_every_string_is_bounded(kind: Kind) -> None:
    missing = [
        path for path, node in of_type(kind, "string") if not {"maxLength", "enum", "format"} & set(node)
    ]
    assert missing == []


@KINDS
def test_every_number_is_bounded_and_fits_its_format(kind: Kind) -> None:
    for path, node in of_type(kind, "integer"):
        assert {"minimum", "maximum"} <= set(node), path
        assert node["format"] == ("int32" if node["maximum"] < 2**31 else "int64"), path


@KINDS
def test_no_default_stands_inside_a_list_a_map_or_the_status(kind: Kind) -> None:
    found = [
        path
        for path, node in fields(kind)
        if "default" in node and ("[]" in path or "{}" in path or path.startswith("status."))
    ]
    assert found == []


@KINDS
def test_the_schema_is_structural(kind: Kind) -> None:
    forbidden = {
        "$ref",
        "$defs",
        "anyOf",
        "allOf",
        "oneOf",
        "title",
        "const",
        "uniqueItems",
        "propertyNames",
    }
    for path, node in fields(kind):
        assert not forbidden & set(node), path
        assert not {"properties", "additionalProperties"} <= set(node), path
        assert isinstance(node["type"], str), path


@KINDS
def test_an_object_without_a_status_does_not_look_finished(kind: Kind) -> None:
    assert schema(kind)["properties"]["status"]["default"] == {"observedGeneration": -1}


@KINDS
def test_spec_is_required(kind: Kind) -> None:
    assert schema(kind)["required"] == ["spec"]


@KINDS
def test_all_of_the_status_is_optional(kind: Kind) -> None:
    assert "required" not in schema(kind)["properties"]["status"]


@KINDS
def test_every_rule_hangs_somewhere(kind: Kind) -> None:
    rendered = [rule["rule"] for _, node in fields(kind) for rule in node.get("x-kubernetes-validations", ())]
    rendered += [rule["rule"] for rule in schema(kind)["x-kubernetes-validations"]]
    assert sorted(rendered) == sorted(rule.rule for rule in kind.rules)


@KINDS
def test_rules_stay_in_the_plain_subset(kind: Kind) -> None:
    plain = {"has", "size", "all", "exists", "exists_one", "contains", "startsWith", "endsWith", "matches"}
    for rule in kind.rules:
        assert set(re.findall(r"(\w+)\(", rule.rule)) <= plain, rule


@KINDS
def test_columns_and_selectors_read_fields_that_exist(kind: Kind) -> None:
    known = {f".{path}" for path, _ in fields(kind)} | {".metadata.creationTimestamp"}
    paths = [column.json_path for column in kind.columns] + list(kind.selectable_fields)
    assert {re.sub(r"\[.*?\]", "[]", path) for path in paths} <= known


@pytest.mark.parametrize(
    "kind", [recording_schedule.KIND, recording_storage.KIND], ids=lambda kind: kind.kind
)
def test_what_looks_at_the_object_before_the_edit_stands_in_a_recording_alone(kind: Kind) -> None:
    assert [rule for rule in kind.rules if "oldSelf" in rule.rule] == []
    assert {rule.at for rule in recording.KIND.rules if "oldSelf" in rule.rule} == {""}


@pytest.mark.parametrize(
    ("kind", "plural", "short"),
    [
        ("Room", "rooms", "lkroom"),
        ("LiveKitServer", "livekitservers", "lks"),
        ("Recording", "recordings", "lkrec"),
        ("RecordingStorage", "recordingstorages", "lkstore"),
        ("RecordingSchedule", "recordingschedules", "lksched"),
    ],
)
def test_an_object_is_found_by_its_names(kind: str, plural: str, short: str) -> None:
    found = next(one for one in generate.KINDS if one.kind == kind)
    assert custom_resource_definition(found)["spec"]["names"] == {
        "kind": kind,
        "listKind": f"{kind}List",
        "plural": plural,
        "singular": kind.lower(),
        "shortNames": [short],
        "categories": ["livekit"],
    }
