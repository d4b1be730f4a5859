"""What the Secret of a role looks like beyond its data."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from roomkeeper.api.common import DNS_SUBDOMAIN, MAP_TYPE, MAX_SECRET_NAME, Model
from roomkeeper.api.kind import Rule
from roomkeeper.api.namespaces import LABEL_KEY, MAX_LABEL_KEY, LabelValue

MAX_LABELS: Final = 16
MAX_ANNOTATIONS: Final = 16
MAX_ANNOTATION_VALUE: Final = 1024

AnnotationValue = Annotated[str, Field(max_length=MAX_ANNOTATION_VALUE)]


class SecretTemplate(Model):
    """Name, labels and annotations of a token Secret; never those by which another controller trusts it."""

    name: str | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_SECRET_NAME,
        pattern=DNS_SUBDOMAIN,
        description="The name of the Secret, a DNS subdomain. A Secret of that name that is not this Room's is left alone. "
        "Default: `<name of the Room>.<role>`. LiveKit has no such notion.",
    )
    labels: dict[str, LabelValue] = Field(
        default={},
        max_length=MAX_LABELS,
        json_schema_extra={MAP_TYPE: "atomic"},
        description="Further labels of the Secret, at most 16; no keys of kubernetes.io, k8s.io, argocd.argoproj.io, "
        "roomkeeper.dev and their subdomains. Default: none. LiveKit has no such notion.",
    )
    annotations: dict[str, AnnotationValue] = Field(
        default={},
        max_length=MAX_ANNOTATIONS,
        json_schema_extra={MAP_TYPE: "atomic"},
        description="Further annotations of the Secret, at most 16 of at most 1024 characters; no keys of kubernetes.io, "
        "k8s.io, argocd.argoproj.io, roomkeeper.dev and their subdomains. Default: none. LiveKit has no such notion.",
    )


# By these keys the API server, its controllers and Argo CD decide what a Secret is for, and we whose it is.
_RESERVED: Final = r"^([^/]*[.])?(kubernetes[.]io|k8s[.]io|argocd[.]argoproj[.]io|roomkeeper[.]dev)/"


def rules(at: str) -> tuple[Rule, ...]:
    """Render the rules of a template that stands at `at`."""
    return tuple(
        Rule(at=f"{at}.{field}", rule=rule, message=message.format(field))
        for field in ("labels", "annotations")
        for rule, message in (
            (
                f"self.all(key, size(key) <= {MAX_LABEL_KEY} && key.matches('{LABEL_KEY}'))",
                "a key of {} must be a name of at most 63 characters, or a DNS subdomain, a slash and a name",
            ),
            (
                f"self.all(key, !key.matches('{_RESERVED}'))",
                "keys of kubernetes.io, k8s.io, argocd.argoproj.io, roomkeeper.dev and subdomains are not allowed in {}",
            ),
        )
    )
