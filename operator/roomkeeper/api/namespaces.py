"""Which namespaces a provider lets in, as Gateway API says it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from roomkeeper.api.common import LIST_TYPE, MAX_NAME, Model
from roomkeeper.api.kind import Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_LABEL_KEY: Final = 317  # a prefix of 253, a slash and a name of 63
MAX_LABELS: Final = 16
MAX_REQUIREMENTS: Final = 16
MAX_VALUES: Final = 64

# "[.]" and not a backslash, so that it can stand in a CEL string too.
LABEL_KEY: Final = (
    r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
    r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
)
LABEL_VALUE: Final = r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$"

LabelValue = Annotated[str, Field(max_length=MAX_NAME, pattern=LABEL_VALUE)]


class From(StrEnum):
    """Where the objects may be that refer to this one."""

    SAME = "Same"
    ALL = "All"
    SELECTOR = "Selector"


class SelectorOperator(StrEnum):
    """How a requirement compares a label, in Kubernetes's own words."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


class LabelSelectorRequirement(Model):
    """One condition on one label."""

    key: str = Field(
        min_length=1,
        max_length=MAX_LABEL_KEY,
        pattern=LABEL_KEY,
        description="The label. LiveKit has no such notion.",
    )
    operator: SelectorOperator = Field(
        description="In: the value is one of `values`. NotIn: it is none of them, or the label is absent. Exists, "
        "DoesNotExist: the label is there, or absent. LiveKit has no such notion."
    )
    values: tuple[LabelValue, ...] = Field(
        default=(),
        max_length=MAX_VALUES,
        json_schema_extra={LIST_TYPE: "atomic"},
        description="The values that In and NotIn compare with, at most 64; none for Exists and DoesNotExist. Default: none. "
        "LiveKit has no such notion.",
    )

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet this condition."""
        value = labels.get(self.key)
        match self.operator:
            case SelectorOperator.IN:
                return value in self.values
            case SelectorOperator.NOT_IN:
                return value not in self.values
            case SelectorOperator.EXISTS:
                return value is not None
            case SelectorOperator.DOES_NOT_EXIST:
                return value is None


class LabelSelector(Model):
    """A selector in the shape of metav1.LabelSelector: all conditions must be met, and none at all select everything."""

    match_labels: dict[str, LabelValue] = Field(
        default={},
        max_length=MAX_LABELS,
        description="Labels that must have exactly these values, at most 16. Default: none. LiveKit has no such notion.",
    )
    match_expressions: tuple[LabelSelectorRequirement, ...] = Field(
        default=(),
        max_length=MAX_REQUIREMENTS,
        json_schema_extra={LIST_TYPE: "atomic"},
        description="Conditions that must all be met, at most 16. Default: none. LiveKit has no such notion.",
    )

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is selected."""
        return all(labels.get(key) == value for key, value in self.match_labels.items()) and all(
            requirement.matches(labels) for requirement in self.match_expressions
        )


class AllowedNamespaces(Model):
    """Whose objects may refer to this one: the provider consents, not the tenant."""

    from_: From = Field(
        default=From.SAME,
        alias="from",
        description="Same: objects of its own namespace. All: objects of every namespace. Selector: its own, and namespaces "
        "that `selector` matches; a change of their labels takes effect at once. Anybody else sees the same as if there were "
        "nothing here. Default: Same. LiveKit has no such notion.",
    )
    selector: LabelSelector | None = Field(
        default=None,
        description="The labels of the namespaces that are let in, for `from: Selector` and nothing else; an empty one "
        "matches every namespace. Needs an operator that reads namespaces (not `-n`). Default: none. LiveKit has no such "
        "notion.",
    )


def rules(at: str) -> tuple[Rule, ...]:
    """Render the rules of an AllowedNamespaces that stands at `at`."""
    return (
        Rule(
            at=at,
            rule="(has(self.from) && self.from == 'Selector') == has(self.selector)",
            message="selector goes with from: Selector, and from: Selector needs a selector",
            field_path=".selector",
        ),
        Rule(
            at=f"{at}.selector.matchExpressions[]",
            rule="(self.operator == 'In' || self.operator == 'NotIn') == (has(self.values) && size(self.values) > 0)",
            message="values goes with operator In and NotIn, which need at least one",
            field_path=".values",
        ),
    )
