"""RecordingStorages that the API server takes, up to the very bounds."""

from __future__ import annotations

from typing import Final

from tests.e2e.manifests.base import Good, spec

_KEYS: Final = {"credentialsSecretRef": {"name": "keys"}}

GOOD_STORAGES: Final = (
    Good("as-it-is", {}),
    Good("longest-name", {"metadata": {"name": "s" * 63}}),
    Good("of-the-worker-itself", spec(s3={"credentialsSecretRef": None})),
    Good("on-gcp", spec(s3=None, gcp={"bucket": "recordings"})),
    Good("on-azure", spec(s3=None, azure={"accountName": "abc", "containerName": "abc", **_KEYS})),
    Good("on-ali", spec(s3=None, aliOSS={"bucket": "a", "endpoint": "https://oss.example.com", **_KEYS})),
    *(
        Good(f"prefix-{number}", spec(prefixTemplate=prefix))
        for number, prefix in enumerate(("", "recordings/", "{namespace}", "a-", ".hidden/", "p" * 128))
    ),
    Good("for-everybody", spec(allowedNamespaces={"from": "All"})),
    Good(
        "for-everybody-below", spec(allowedNamespaces={"from": "All"}, prefixTemplate="eu/{namespace}/rec-")
    ),
    Good(
        "by-labels",
        spec(
            allowedNamespaces={"from": "Selector", "selector": {"matchLabels": {"team": "a"}}},
            allowedServers=[{"name": f"s{number}", "namespace": "livekit"} for number in range(32)],
        ),
    ),
)
