"""What a newer CustomResourceDefinition takes away from those who wrote objects, and tools, for an older one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    JSON = dict[str, Any]

_UPPER: Final = ("maximum", "maxItems", "maxLength", "maxProperties")
_LOWER: Final = ("minimum", "minItems", "minLength", "minProperties")
# Another one is another meaning.
_FIXED: Final = (
    "default",
    "type",
    "x-kubernetes-embedded-resource",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
)
# Two of them cannot be told apart by what they let through: a changed one counts as tighter, only none is wider.
_OPAQUE: Final = (
    "allOf",
    "anyOf",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "multipleOf",
    "not",
    "oneOf",
    "pattern",
    "uniqueItems",
)
_PERMITS: Final = ("nullable", "x-kubernetes-preserve-unknown-fields")


class Breaking(NamedTuple):
    """A change that an object, or who reads it, may not survive."""

    path: str
    """The version and the field, as in "v1alpha1 spec.roles[].name"; only the version, or "", for more than a field."""
    change: str
    """What changed, for people."""

    def __str__(self) -> str:
        return f"{self.path}: {self.change}" if self.path else self.change


def breaking_changes(old: JSON, new: JSON | None) -> list[Breaking]:
    """Return all that is breaking between two CustomResourceDefinitions; `new` is None when there is none any more.

    Descriptions, messages of rules and columns are for people and may change. A rule that is new to a place that was
    there before counts as breaking, whatever it says: nothing here knows what it lets through.
    """
    if new is None:
        return [Breaking("", "the kind is gone")]
    return [*_definition(old["spec"], new["spec"]), *_versions(old["spec"], new["spec"])]


def _definition(old: JSON, new: JSON) -> Iterator[Breaking]:
    for field in ("group", "scope"):
        if old[field] != new[field]:
            yield Breaking("", f"{field} was {old[field]}, is {new[field]}")
    for name, word in old["names"].items():
        now = new["names"].get(name)
        if isinstance(word, list):
            for gone in sorted(set(word) - set(now or ())):
                yield Breaking("", f"{name} no longer has {gone}")
        elif word != now:
            yield Breaking("", f"the name {name} was {word}, is {now}")


def _versions(old: JSON, new: JSON) -> Iterator[Breaking]:
    served = {version["name"]: version for version in new["versions"] if version["served"]}
    for version in old["versions"]:
        name = version["name"]
        if not version["served"]:
            continue
        if name not in served:
            yield Breaking(name, "the version is no longer served")
            continue
        now = served[name]
        if version.get("subresources", {}) != now.get("subresources", {}):
            yield Breaking(name, "the subresources changed")
        kept = [field["jsonPath"] for field in now.get("selectableFields", ())]
        for field in version.get("selectableFields", ()):
            if field["jsonPath"] not in kept:
                yield Breaking(f"{name} {field['jsonPath'][1:]}", "objects can no longer be selected by it")
        schemas = (one["schema"]["openAPIV3Schema"] for one in (version, now))
        yield from (Breaking(f"{name} {path}".rstrip(), change) for path, change in _node("", *schemas))


def _node(path: str, old: JSON, new: JSON) -> Iterator[Breaking]:
    yield from (Breaking(path, change) for change in _tightened(old, new))
    yield from _properties(path, old, new)
    for inner, sign in ("items", "[]"), ("additionalProperties", "{}"):
        was, now = old.get(inner), new.get(inner)
        if was and not now:
            yield Breaking(f"{path}{sign}", "gone")
        elif isinstance(was, dict) and isinstance(now, dict):
            yield from _node(f"{path}{sign}", was, now)


def _properties(path: str, old: JSON, new: JSON) -> Iterator[Breaking]:
    was, now = old.get("properties", {}), new.get("properties", {})
    for name, child in was.items():
        inner = f"{path}.{name}" if path else name
        if name in now:
            yield from _node(inner, child, now[name])
        else:
            yield Breaking(inner, "gone")
    for name in sorted(set(new.get("required", ())) - set(old.get("required", ()))):
        if "default" not in now.get(name, {}):
            yield Breaking(f"{path}.{name}" if path else name, "newly required")


def _tightened(old: JSON, new: JSON) -> Iterator[str]:
    yield from _bounds(old, new)
    for keyword in _FIXED:
        if old.get(keyword) != new.get(keyword):
            yield f"{keyword} was {old.get(keyword)}, is {new.get(keyword)}"
    for keyword in _OPAQUE:
        if new.get(keyword) not in (None, False, old.get(keyword)):
            yield f"{keyword} was {old.get(keyword)}, is {new[keyword]}"
    for keyword in _PERMITS:
        if old.get(keyword) and not new.get(keyword):
            yield f"no longer {keyword}"
    yield from _enum(old, new)
    yield from _rules(old, new)


def _enum(old: JSON, new: JSON) -> Iterator[str]:
    if "enum" in new and "enum" not in old:
        yield "newly an enum"
    elif "enum" in new:
        yield from (f"no longer takes {value}" for value in old["enum"] if value not in new["enum"])


def _rules(old: JSON, new: JSON) -> Iterator[str]:
    rules = [rule["rule"] for rule in old.get("x-kubernetes-validations", ())]
    for rule in new.get("x-kubernetes-validations", ()):
        if rule["rule"] not in rules:
            yield f"newly has the rule {rule['rule']}"


def _bounds(old: JSON, new: JSON) -> Iterator[str]:
    for keyword in _UPPER:
        if keyword in new and (keyword not in old or new[keyword] < old[keyword]):
            yield f"{keyword} was {old.get(keyword)}, is {new[keyword]}"
    for keyword in _LOWER:
        if keyword in new and (keyword not in old or new[keyword] > old[keyword]):
            yield f"{keyword} was {old.get(keyword)}, is {new[keyword]}"
