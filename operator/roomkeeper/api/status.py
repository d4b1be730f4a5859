"""What the status of every kind tells of the reconcile itself."""

from __future__ import annotations

from pydantic import Field

from roomkeeper.api.common import MAX_ANNOTATION, MAX_SAFE_INTEGER, UNSEEN_GENERATION, Model


class Status(Model):
    """The base of every status."""

    observed_generation: int = Field(
        default=UNSEEN_GENERATION,
        ge=UNSEEN_GENERATION,
        le=MAX_SAFE_INTEGER,
        description="The `metadata.generation` that this status is about; -1 until the operator has seen the object.",
    )
    last_handled_reconcile_at: str | None = Field(
        default=None,
        max_length=MAX_ANNOTATION,
        description="The value of the annotation `roomkeeper.dev/reconcile-at` that was handled last.",
    )
