"""A shard: which objects one operator works on, where several divide the work by the label `roomkeeper.dev/shard`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from roomkeeper.api.common import DNS_LABEL, IN_USE_FINALIZER, LABEL_SHARD
from roomkeeper.api.namespaces import LabelSelectorRequirement, SelectorOperator

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roomkeeper.domain.objects import CustomObject

MAX_NAME = 40  # its finalizer on a LiveKitServer has at most 63 characters behind the slash

_KEY = re.escape(LABEL_SHARD)
_VALUE = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_BETWEEN_REQUIREMENTS = re.compile(r",(?![^(]*\))")
# As k8s.io/apimachinery reads a selector (pkg/labels), with no other key and no empty value.
_REQUIREMENT = re.compile(
    rf"\s*(?:{_KEY}\s*(?P<compare>==?|!=)\s*(?P<value>{_VALUE})"
    rf"|{_KEY}\s+(?P<among>in|notin)\s*\(\s*(?P<values>{_VALUE}(?:\s*,\s*{_VALUE})*)\s*\)"
    rf"|(?P<absent>!\s*)?{_KEY})\s*",
)


class ShardError(ValueError):
    """No shard can be like this; the message names the option."""


@dataclass(frozen=True, slots=True)
class Shard:
    """The name, and the selector that the API server evaluates; without a name there are no shards.

    One label and no other, so that what is made for an object can have it too, and nobody's template can change that.
    """

    name: str = ""
    selector: str = ""
    requirements: tuple[LabelSelectorRequirement, ...] = ()

    @classmethod
    def of(cls, name: str, selector: str = "") -> Shard:
        """Return the shard that the options declare; ShardError says which of them is wrong."""
        if not name:
            if selector:
                raise ShardError("--shard-selector needs --shard, the name of the shard")
            return cls()
        if len(name) > MAX_NAME or not re.fullmatch(DNS_LABEL, name):
            raise ShardError(
                f"--shard must be a DNS label of at most {MAX_NAME} characters, such as 'a', not {name!r}"
            )
        selector = selector or f"{LABEL_SHARD}={name}"
        return cls(name, selector, tuple(map(_requirement, _BETWEEN_REQUIREMENTS.split(selector))))

    def takes(self, seen: CustomObject) -> bool:
        """Tell whether an object is of this shard, as the API server does by the selector."""
        labels = {} if seen.shard is None else {LABEL_SHARD: seen.shard}
        return all(requirement.matches(labels) for requirement in self.requirements)

    @property
    def in_use_finalizer(self) -> str:
        """What holds a LiveKitServer while objects of this shard use it: each shard sees only its own."""
        return f"{IN_USE_FINALIZER}-{self.name}" if self.name else IN_USE_FINALIZER

    def left_over(self, finalizers: Iterable[str]) -> list[str]:
        """Return what held a LiveKitServer before there were shards, or when there were."""
        if self.name:
            return [name for name in finalizers if name == IN_USE_FINALIZER]
        return [name for name in finalizers if name.startswith(f"{IN_USE_FINALIZER}-")]


UNDIVIDED = Shard()


def inherited_labels(parent: CustomObject) -> dict[str, str]:
    """Return the labels by which what is made for an object is in the object's shard."""
    return {} if parent.shard is None else {LABEL_SHARD: parent.shard}


def _requirement(text: str) -> LabelSelectorRequirement:
    found = _REQUIREMENT.fullmatch(text)
    if found is None:
        raise ShardError(
            f"--shard-selector must be a label selector of {LABEL_SHARD} and no other label, such as '!{LABEL_SHARD}' or "
            f"'{LABEL_SHARD} in (a, b)'; {text.strip()!r} is none"
        )
    if how := found["compare"] or found["among"]:
        operator = SelectorOperator.NOT_IN if how in ("!=", "notin") else SelectorOperator.IN
        values = tuple(value.strip() for value in (found["value"] or found["values"]).split(","))
        return LabelSelectorRequirement(key=LABEL_SHARD, operator=operator, values=values)
    operator = SelectorOperator.DOES_NOT_EXIST if found["absent"] else SelectorOperator.EXISTS
    return LabelSelectorRequirement(key=LABEL_SHARD, operator=operator)
