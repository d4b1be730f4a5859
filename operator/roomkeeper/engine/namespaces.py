"""What is known of namespaces: their labels, and which are being deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roomkeeper.api.namespaces import From

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roomkeeper.adapters.ports import Body
    from roomkeeper.api.namespaces import AllowedNamespaces


class NamespaceCache:
    """Empty for ever in an operator that works in single namespaces: it may not read them."""

    def __init__(self, *, is_readable: bool) -> None:
        """Start empty."""
        self.is_readable = is_readable
        self._labels: dict[str, Mapping[str, str]] = {}
        self._terminating: set[str] = set()

    def labels(self, name: str) -> Mapping[str, str] | None:
        """Return a namespace's labels; None when it is not known."""
        return self._labels.get(name)

    def names(self) -> set[str]:
        """Return the names of all that are known."""
        return set(self._labels)

    def lets_in(self, allowed: AllowedNamespaces, *, owner: str, namespace: str) -> bool:
        """Tell whether what an object of the namespace `owner` allows includes a namespace; its own always is."""
        if owner == namespace or allowed.from_ is From.ALL:
            return True
        labels = self.labels(namespace)
        return (
            allowed.from_ is From.SELECTOR
            and allowed.selector is not None
            and labels is not None
            and allowed.selector.matches(labels)
        )

    def is_terminating(self, name: str) -> bool:
        """Tell whether a namespace is being deleted: nothing can be created in it."""
        return name in self._terminating

    def observe(self, body: Body) -> bool:
        """Remember a namespace; tell whether its labels or its state changed."""
        meta = body["metadata"]
        name, labels = meta["name"], dict(meta.get("labels") or {})
        ends = "deletionTimestamp" in meta
        changed = self._labels.get(name) != labels or ends != (name in self._terminating)
        self._labels[name] = labels
        if ends:
            self._terminating.add(name)
        else:
            self._terminating.discard(name)
        return changed

    def forget(self, name: str) -> None:
        """Drop a namespace that is gone."""
        self._labels.pop(name, None)
        self._terminating.discard(name)
