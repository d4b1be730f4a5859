"""What a kind is beyond its model, as data: CEL rules, printer columns and names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from roomkeeper.api.common import MAX_NAME

if TYPE_CHECKING:
    from roomkeeper.api.common import Model


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule in the plain subset of CEL: no function of Kubernetes's own, so that it can be evaluated offline too.

    `at` says where the rule hangs: "" is the object, "spec.roles[]" an item of that list. `field_path` is relative to
    it and says which field the API server's message names; without it, the message names `at`.
    """

    at: str
    rule: str
    message: str
    field_path: str = ""


def name_rule(most: int = MAX_NAME) -> Rule:
    """Render the rule that the name of an object has no more characters than `most`."""
    return Rule(
        at="",
        rule=f"size(self.metadata.name) <= {most}",
        message=f"metadata.name must be no more than {most} characters: it becomes the value of a label",
        field_path=".metadata.name",
    )


NAME_RULE: Final = name_rule()


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `kubectl get`; one that is `wide` is shown with `-o wide` only."""

    name: str
    json_path: str
    type: Literal["string", "integer", "boolean", "date"] = "string"
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """Everything that a CustomResourceDefinition is rendered from. The model's docstring becomes its description."""

    kind: str
    plural: str
    short_name: str
    model: type[Model]
    rules: tuple[Rule, ...]
    columns: tuple[Column, ...]
    selectable_fields: tuple[str, ...] = ()
