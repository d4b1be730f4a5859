"""Which changes of a CustomResourceDefinition break those who have objects of it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from roomkeeper.api.crd import custom_resource_definition
from roomkeeper.api.generate import KINDS
from tests.unit.releases.compatibility import breaking_changes

if TYPE_CHECKING:
    from collections.abc import Callable

    JSON = dict[str, Any]

CRD = """
spec:
  group: example.com
  names: {kind: Hall, listKind: HallList, plural: halls, singular: hall, shortNames: [lkhall], categories: [all]}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    selectableFields: [{jsonPath: .spec.name}]
    additionalPrinterColumns: [{name: AGE, type: date, jsonPath: .metadata.creationTimestamp}]
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        properties:
          spec:
            type: object
            description: What it is to be.
            required: [name]
            x-kubernetes-validations:
            - {rule: has(self.seats) || has(self.rows), message: give one}
            properties:
              name: {type: string, minLength: 1, maxLength: 63, pattern: '^[a-z]+$'}
              policy: {type: string, enum: [Never, Always], default: Never}
              seats: {type: integer, minimum: 1, maximum: 100, format: int32}
              note: {type: string, nullable: true}
              free: {type: object, x-kubernetes-preserve-unknown-fields: true}
              rows:
                type: array
                minItems: 1
                maxItems: 20
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [letter]
                items:
                  type: object
                  required: [letter]
                  properties:
                    letter: {type: string, maxLength: 1}
                    width: {type: integer}
              labels:
                type: object
                maxProperties: 8
                additionalProperties: {type: string, maxLength: 63}
          status:
            type: object
            properties:
              taken: {type: integer}
"""
Change = "Callable[[JSON, JSON], object]"
"""It gets the version of the new definition, and the schema of `spec` in it."""


def version(crd: JSON) -> JSON:
    found: JSON = crd["spec"]["versions"][0]
    return found


def of_spec(crd: JSON) -> JSON:
    found: JSON = version(crd)["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return found


def told(change: Callable[[JSON, JSON], object]) -> list[str]:
    old = yaml.safe_load(CRD)
    new = copy.deepcopy(old)
    change(version(new), of_spec(new))
    return [str(one) for one in breaking_changes(old, new)]


def told_of_definition(change: Callable[[JSON], object]) -> list[str]:
    old = yaml.safe_load(CRD)
    new = copy.deepcopy(old)
    change(new["spec"])
    return [str(one) for one in breaking_changes(old, new)]


def field(spec: JSON, name: str) -> JSON:
    found: JSON = spec["properties"][name]
    return found


def status(of: JSON) -> JSON:
    found: JSON = of["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]
    return found


BREAKING = [
    (lambda _, spec: spec["properties"].pop("seats"), "v1 spec.seats: gone"),
    (lambda of, _: status(of).pop("taken"), "v1 status.taken: gone"),
    (lambda _, spec: field(spec, "rows")["items"]["properties"].pop("width"), "v1 spec.rows[].width: gone"),
    (lambda _, spec: field(spec, "labels").pop("additionalProperties"), "v1 spec.labels{}: gone"),
    (lambda _, spec: field(spec, "seats").update(type="number"), "v1 spec.seats: type was integer, is number"),
    (lambda of, _: status(of)["taken"].update(type="string"), "v1 status.taken: type was integer, is string"),
    (lambda _, spec: field(spec, "seats").update(format="int64"), "v1 spec.seats: format was int32, is int64"),
    (lambda _, spec: field(spec, "note").update(format="date-time"), "v1 spec.note: format was None, is date-time"),
    (lambda _, spec: field(spec, "policy")["enum"].remove("Always"), "v1 spec.policy: no longer takes Always"),
    (lambda _, spec: field(spec, "note").update(enum=["a"]), "v1 spec.note: newly an enum"),
    (lambda _, spec: field(spec, "policy").update(default="Always"), "v1 spec.policy: default was Never, is Always"),
    (lambda _, spec: field(spec, "policy").pop("default"), "v1 spec.policy: default was Never, is None"),
    (lambda _, spec: field(spec, "note").update(default=""), "v1 spec.note: default was None, is "),
    (lambda _, spec: spec["required"].append("seats"), "v1 spec.seats: newly required"),
    (lambda of, _: of["schema"]["openAPIV3Schema"]["required"].append("status"), "v1 status: newly required"),
    (lambda _, spec: spec.update(required=["name", "new"], properties=spec["properties"] | {"new": {}}), "v1 spec.new: newly required"),
    (lambda _, spec: field(spec, "rows")["items"]["required"].append("width"), "v1 spec.rows[].width: newly required"),
    (lambda _, spec: field(spec, "seats").update(maximum=99), "v1 spec.seats: maximum was 100, is 99"),
    (lambda _, spec: field(spec, "seats").update(minimum=2), "v1 spec.seats: minimum was 1, is 2"),
    (lambda _, spec: field(spec, "name").update(maxLength=62), "v1 spec.name: maxLength was 63, is 62"),
    (lambda _, spec: field(spec, "name").update(minLength=2), "v1 spec.name: minLength was 1, is 2"),
    (lambda _, spec: field(spec, "note").update(maxLength=9), "v1 spec.note: maxLength was None, is 9"),
    (lambda _, spec: field(spec, "rows").update(maxItems=19), "v1 spec.rows: maxItems was 20, is 19"),
    (lambda _, spec: field(spec, "rows").update(minItems=2), "v1 spec.rows: minItems was 1, is 2"),
    (lambda _, spec: field(spec, "labels").update(maxProperties=7), "v1 spec.labels: maxProperties was 8, is 7"),
    (lambda _, spec: field(spec, "labels").update(minProperties=1), "v1 spec.labels: minProperties was None, is 1"),
    (lambda _, spec: field(spec, "labels")["additionalProperties"].update(maxLength=5), "v1 spec.labels{}: maxLength was 63, is 5"),
    (lambda _, spec: field(spec, "name").update(pattern="^[a-y]+$"), "v1 spec.name: pattern was ^[a-z]+$, is ^[a-y]+$"),
    (lambda _, spec: field(spec, "note").pop("nullable"), "v1 spec.note: no longer nullable"),
    (lambda _, spec: field(spec, "free").pop("x-kubernetes-preserve-unknown-fields"), "v1 spec.free: no longer x-kubernetes-preserve-unknown-fields"),
    (lambda _, spec: field(spec, "rows").update({"x-kubernetes-list-type": "atomic"}), "v1 spec.rows: x-kubernetes-list-type was map, is atomic"),
    (lambda _, spec: field(spec, "rows").update({"x-kubernetes-list-map-keys": ["width"]}), "v1 spec.rows: x-kubernetes-list-map-keys was ['letter'], is ['width']"),
    (lambda _, spec: spec["x-kubernetes-validations"].append({"rule": "self.seats > 3"}), "v1 spec: newly has the rule self.seats > 3"),
    (lambda _, spec: spec["x-kubernetes-validations"][0].update(rule="has(self.seats)"), "v1 spec: newly has the rule has(self.seats)"),
    (lambda of, _: of.update(name="v2"), "v1: the version is no longer served"),
    (lambda of, _: of.update(served=False), "v1: the version is no longer served"),
    (lambda of, _: of.update(subresources={}), "v1: the subresources changed"),
    (lambda of, _: of.update(selectableFields=[]), "v1 spec.name: objects can no longer be selected by it"),
]  # fmt: skip
OF_DEFINITION = [
    (lambda spec: spec.update(scope="Cluster"), "scope was Namespaced, is Cluster"),
    (lambda spec: spec.update(group="example.org"), "group was example.com, is example.org"),
    (lambda spec: spec["names"].update(plural="hallen"), "the name plural was halls, is hallen"),
    (lambda spec: spec["names"].update(shortNames=["lkh"]), "shortNames no longer has lkhall"),
    (lambda spec: spec["names"].pop("categories"), "categories no longer has all"),
]
GOOD = [
    lambda _, spec: spec["properties"].update(new={"type": "string", "maxLength": 3, "enum": ["a"]}),
    lambda _, spec: spec.update(required=["name", "new"], properties=spec["properties"] | {"new": {"default": 1}}),
    lambda of, _: status(of).update(new={"type": "integer"}),
    lambda _, spec: spec["required"].remove("name"),
    lambda _, spec: field(spec, "policy")["enum"].append("Sometimes"),
    lambda _, spec: field(spec, "policy").pop("enum"),
    lambda _, spec: field(spec, "seats").update(maximum=101, minimum=0),
    lambda _, spec: field(spec, "seats").pop("maximum"),
    lambda _, spec: field(spec, "seats").pop("format"),
    lambda _, spec: field(spec, "name").update(maxLength=64, minLength=0),
    lambda _, spec: field(spec, "name").pop("pattern"),
    lambda _, spec: field(spec, "rows").update(maxItems=21),
    lambda _, spec: field(spec, "rows")["items"]["properties"].update(new={"type": "string"}),
    lambda _, spec: field(spec, "labels")["additionalProperties"].update(maxLength=64),
    lambda _, spec: field(spec, "name").update(nullable=True),
    lambda _, spec: spec.update({"x-kubernetes-preserve-unknown-fields": True}),
    lambda _, spec: spec.update(description="Other words."),
    lambda _, spec: spec.pop("x-kubernetes-validations"),
    lambda _, spec: spec["x-kubernetes-validations"][0].update(message="other words"),
    lambda of, _: of.update(additionalPrinterColumns=[]),
    lambda of, _: of["selectableFields"].append({"jsonPath": ".spec.seats"}),
]  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), BREAKING, ids=[expected for _, expected in BREAKING])
def test_a_breaking_change_is_told_with_its_path(
    change: Callable[[JSON, JSON], object], expected: str
) -> None:
    assert told(change) == [expected]


@pytest.mark.parametrize(("change", "expected"), OF_DEFINITION, ids=[told for _, told in OF_DEFINITION])
def test_a_breaking_change_of_the_whole_kind_is_told(change: Callable[[JSON], object], expected: str) -> None:
    assert told_of_definition(change) == [expected]


@pytest.mark.parametrize("change", GOOD)
def test_what_only_gives_more_is_none(change: Callable[[JSON, JSON], object]) -> None:
    assert told(change) == []


def test_a_kind_that_is_gone_is_told() -> None:
    assert [str(one) for one in breaking_changes(yaml.safe_load(CRD), None)] == ["the kind is gone"]


def test_every_change_is_told_not_the_first_only() -> None:
    def both(_: JSON, spec: JSON) -> None:
        spec["properties"].pop("seats")
        spec["required"].append("note")

    assert told(both) == ["v1 spec.seats: gone", "v1 spec.note: newly required"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_field_of_our_kinds_is_looked_at(kind: Any) -> None:
    """Take each field away in turn: each is told, by its path."""
    old = custom_resource_definition(kind)
    schema = version(old)["schema"]["openAPIV3Schema"]
    paths = list(holders(schema, ""))
    assert len(paths) > 20
    for path, holder, name in paths:
        child = holder.pop(name)
        new = copy.deepcopy(old)
        holder[name] = child
        assert f"v1alpha1 {path}: gone" in [str(one) for one in breaking_changes(old, new)]


def holders(node: JSON, path: str) -> list[tuple[str, JSON, str]]:
    """Return each property below a schema: its path, the properties that it is one of, and its name."""
    found = []
    for name, child in node.get("properties", {}).items():
        inner = f"{path}.{name}" if path else name
        found += [(inner, node["properties"], name), *holders(child, inner)]
    for key, sign in ("items", "[]"), ("additionalProperties", "{}"):
        if isinstance(node.get(key), dict):
            found += holders(node[key], f"{path}{sign}")
    return found
