"""Stores that the API server refuses, wherever they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.e2e.manifests.base import JSON, Bad

if TYPE_CHECKING:
    from collections.abc import Callable

_ONE: Final = "exactly one of s3, gcp, azure and aliOSS must be given"
_KEYS: Final = {"credentialsSecretRef": {"name": "keys"}}
_AZURE: Final[JSON] = {"accountName": "roomkeeper", "containerName": "recordings", **_KEYS}
_ALI: Final[JSON] = {"bucket": "recordings", "endpoint": "oss-eu-central-1.aliyuncs.com", **_KEYS}

# Name, store, and what the message must say: the field below the store, then why.
_TARGETS: Final[tuple[tuple[str, JSON, str, str], ...]] = (
    ("two", {"s3": {"bucket": "a-b"}, "gcp": {"bucket": "a-b"}}, "", _ONE),
    ("unknown", {"s3": None, "ftp": {}}, ".ftp", "unknown field"),
    ("s3-without-bucket", {"s3": {"bucket": None}}, ".s3.bucket", "Required value"),
    ("s3-bucket-with-a-path", {"s3": {"bucket": "a/b"}}, ".s3.bucket", "should match"),
    ("s3-bucket-too-long", {"s3": {"bucket": "b" * 256}}, ".s3.bucket", "may not be more than 255"),
    ("s3-region", {"s3": {"bucket": "a", "region": "eu central"}}, ".s3.region", "should match"),
    (
        "s3-endpoint-without-scheme",
        {"s3": {"bucket": "a", "endpoint": "minio:9000"}},
        ".s3.endpoint",
        "should match",
    ),
    (
        "s3-endpoint-with-a-user",
        {"s3": {"bucket": "a", "endpoint": "https://key:secret@minio"}},
        ".s3.endpoint",
        "should match",
    ),
    ("s3-role", {"s3": {"bucket": "a", "assumeRoleARN": "recorder"}}, ".s3.assumeRoleARN", "should match"),
    (
        "s3-keys-in-the-clear",
        {"s3": {"bucket": "a", "accessKey": "AKIA"}},
        ".s3.accessKey",
        "unknown field",
    ),
    ("gcp-without-bucket", {"s3": None, "gcp": {}}, ".gcp.bucket", "Required value"),
    (
        "azure-without-keys",
        {"s3": None, "azure": {**_AZURE, "credentialsSecretRef": None}},
        ".azure.credentialsSecretRef",
        "Required value",
    ),
    (
        "azure-account",
        {"s3": None, "azure": {**_AZURE, "accountName": "evil.example.com/"}},
        ".azure.accountName",
        "should match",
    ),
    (
        "azure-container",
        {"s3": None, "azure": {**_AZURE, "containerName": "Recordings"}},
        ".azure.containerName",
        "should match",
    ),
    (
        "ali-without-keys",
        {"s3": None, "aliOSS": {**_ALI, "credentialsSecretRef": None}},
        ".aliOSS.credentialsSecretRef",
        "Required value",
    ),
    (
        "ali-without-endpoint",
        {"s3": None, "aliOSS": {**_ALI, "endpoint": None}},
        ".aliOSS.endpoint",
        "Required value",
    ),
    (
        "ali-endpoint-with-a-path",
        {"s3": None, "aliOSS": {**_ALI, "endpoint": "https://oss.example.com/a"}},
        ".aliOSS.endpoint",
        "should match",
    ),
)


def bad_targets(at: str, patch: Callable[[JSON], JSON]) -> tuple[Bad, ...]:
    """Put each of them where a store stands."""
    return (
        Bad("target-none", patch({"s3": None}), (at, _ONE)),
        *(
            Bad(
                f"target-{name}",
                patch(target),
                (f'unknown field "{at}{field}"',) if why == "unknown field" else (f"{at}{field}", why),
            )
            for name, target, field, why in _TARGETS
        ),
    )
