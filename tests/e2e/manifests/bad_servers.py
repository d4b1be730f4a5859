"""LiveKitServers that the API server refuses, each with what its message must say."""

from __future__ import annotations

from typing import Any, Final

from tests.e2e.manifests.base import JSON, Bad, spec


def _policy(**fields: Any) -> JSON:
    return spec(policy=fields)


def _selector(**expression: Any) -> JSON:
    return spec(allowedNamespaces={"from": "Selector", "selector": {"matchExpressions": [expression]}})


_EXPRESSION: Final = "spec.allowedNamespaces.selector.matchExpressions[0]"

_CONNECTION: Final = (
    Bad("name-too-long", {"metadata": {"name": "s" * 64}}, ("metadata.name", "no more than 63 characters")),
    Bad("no-spec", {"spec": None}, ("spec: Required value",)),
    Bad("no-url", spec(url=None), ("spec.url", "Required value")),
    Bad("url-without-scheme", spec(url="livekit.example.com"), ("spec.url", "should match")),
    Bad("url-of-another-scheme", spec(url="file:///etc/passwd"), ("spec.url", "should match")),
    Bad("url-with-a-user", spec(url="wss://key:secret@livekit.example.com"), ("spec.url", "should match")),
    Bad("url-with-a-query", spec(url="wss://livekit.example.com?token=x"), ("spec.url", "should match")),
    Bad("url-without-host", spec(url="wss:///path"), ("spec.url", "should match")),
    Bad("url-ends-in-newline", spec(url="wss://livekit.example.com\n"), ("spec.url", "should match")),
    Bad("url-too-long", spec(url="wss://" + "l" * 2043), ("spec.url", "may not be more than 2048")),
    Bad("api-url-misspelt", spec(apiUrl="http://livekit:7880"), ('unknown field "spec.apiUrl"',)),
    Bad("api-url-of-another-scheme", spec(apiURL="grpc://livekit:7880"), ("spec.apiURL", "should match")),
    Bad("api-url-with-a-fragment", spec(apiURL="http://livekit:7880/#a"), ("spec.apiURL", "should match")),
    Bad("no-credentials", spec(credentialsSecretRef=None), ("spec.credentialsSecretRef", "Required value")),
    Bad(
        "credentials-of-another-namespace",
        spec(credentialsSecretRef={"namespace": "kube-system"}),
        ('unknown field "spec.credentialsSecretRef.namespace"',),
    ),
    Bad(
        "credentials-with-a-path",
        spec(credentialsSecretRef={"name": "../kube-system/token"}),
        ("spec.credentialsSecretRef.name", "should match"),
    ),
    Bad(
        "webhook-of-a-socket",
        spec(webhook={"url": "wss://hooks.example.com"}),
        ("spec.webhook.url", "should match"),
    ),
    *(
        Bad(f"webhook-{what}", spec(webhook={"url": url}), ("spec.webhook.url", message))
        for what, url, message in (
            ("without-scheme", "hooks.example.com/livekit/webhook", "should match"),
            ("without-host", "https:///livekit/webhook", "should match"),
            ("with-a-user", "https://key:secret@hooks.example.com", "should match"),
            ("with-a-query", "https://hooks.example.com/livekit/webhook?token=x", "should match"),
            ("with-a-fragment", "https://hooks.example.com/livekit/webhook#a", "should match"),
            ("too-long", "https://" + "h" * 2041, "may not be more than 2048"),
        )
    ),
    Bad(
        "webhook-keys-without-name",
        spec(webhook={"keysSecretRef": {}}),
        ("spec.webhook.keysSecretRef.name", "Required"),
    ),
    Bad("auto-create-a-boolean", spec(autoCreate=True), ("spec.autoCreate", "must be of type string")),
    Bad("auto-create-unknown", spec(autoCreate="On"), ("spec.autoCreate", '"Auto", "Enabled", "Disabled"')),
    Bad("resync-too-often", spec(resyncSeconds=4), ("spec.resyncSeconds", "equal to 5")),
    Bad("resync-too-seldom", spec(resyncSeconds=3601), ("spec.resyncSeconds", "less than or equal to 3600")),
    *(
        Bad(f"template-{number}", spec(roomNameTemplate=template), ("spec.roomNameTemplate", "should match"))
        for number, template in enumerate(
            (
                "{name}",
                "{namespace}-{name}",
                "{name}_{namespace}",
                "{namespace}_{name}-eu",
                "eu_{namespace}_{name}",
                "eu/{namespace}_{name}",
                "{namespace}{namespace}_{name}",
            )
        )
    ),
    Bad(
        "template-with-two-dots",
        spec(roomNameTemplate="eu..{namespace}_{name}"),
        ("spec.roomNameTemplate", 'roomNameTemplate must not contain ".."'),
    ),
    Bad(
        "template-too-long",
        spec(roomNameTemplate="e" * 83 + "{namespace}_{name}"),
        ("spec.roomNameTemplate", "may not be more than 100"),
    ),
)

_NAMESPACES: Final = (
    Bad(
        "from-unknown",
        spec(allowedNamespaces={"from": "Some"}),
        ("spec.allowedNamespaces.from", '"Same", "All", "Selector"'),
    ),
    Bad(
        "from-selector-without-one",
        spec(allowedNamespaces={"from": "Selector"}),
        ("spec.allowedNamespaces", "selector goes with from: Selector"),
    ),
    Bad(
        "selector-without-from",
        spec(allowedNamespaces={"selector": {"matchLabels": {"team": "a"}}}),
        ("spec.allowedNamespaces.selector", "selector goes with from: Selector"),
    ),
    Bad(
        "selector-with-from-all",
        spec(allowedNamespaces={"from": "All", "selector": {}}),
        ("spec.allowedNamespaces.selector", "selector goes with from: Selector"),
    ),
    Bad(
        "match-labels-a-number",
        spec(allowedNamespaces={"from": "Selector", "selector": {"matchLabels": {"team": 7}}}),
        ("spec.allowedNamespaces.selector.matchLabels.team", "must be of type string"),
    ),
    Bad(
        "selector-operator-unknown",
        _selector(key="team", operator="Gt", values=["a"]),
        (f"{_EXPRESSION}.operator", '"In", "NotIn", "Exists", "DoesNotExist"'),
    ),
    Bad(
        "selector-in-nothing",
        _selector(key="team", operator="In"),
        (_EXPRESSION, "values goes with operator In"),
    ),
    Bad(
        "selector-not-in-nothing",
        _selector(key="team", operator="NotIn", values=[]),
        (_EXPRESSION, "values goes with operator In"),
    ),
    Bad(
        "selector-exists-with-values",
        _selector(key="team", operator="Exists", values=["a"]),
        (f"{_EXPRESSION}.values", "values goes with operator In"),
    ),
    Bad(
        "selector-key-malformed",
        _selector(key="a b", operator="Exists"),
        (f"{_EXPRESSION}.key", "should match"),
    ),
)

_POLICY: Final = (
    *(
        Bad(
            f"grant-{grant}",
            _policy(allowedGrants=[grant]),
            ("spec.policy.allowedGrants[0]", '"canSubscribe", "canPublish"'),
        )
        for grant in ("roomCreate", "roomList", "recorder", "destinationRoom", "*")
    ),
    Bad(
        "grant-twice",
        _policy(allowedGrants=["canPublish", "canPublish"]),
        ("spec.policy.allowedGrants[1]", "Duplicate value"),
    ),
    Bad(
        "name-pattern-empty",
        _policy(roomNamePatterns=[""]),
        ("spec.policy.roomNamePatterns[0]", "at least 1 chars"),
    ),
    Bad(
        "name-patterns-too-many",
        _policy(roomNamePatterns=["*"] * 33),
        ("spec.policy.roomNamePatterns", "at most 32 items"),
    ),
    Bad("ttl-misspelt", _policy(maxTokenTtlSeconds=900), ('unknown field "spec.policy.maxTokenTtlSeconds"',)),
    Bad("ttl-too-short", _policy(maxTokenTTLSeconds=599), ("spec.policy.maxTokenTTLSeconds", "equal to 600")),
    Bad(
        "rooms-negative", _policy(maxRoomsPerNamespace=-1), ("spec.policy.maxRoomsPerNamespace", "equal to 0")
    ),
    Bad("participants-zero", _policy(maxParticipants=0), ("spec.policy.maxParticipants", "equal to 1")),
    Bad(
        "agents-too-many",
        _policy(allowedAgents=[f"agent-{number}" for number in range(101)]),
        ("spec.policy.allowedAgents", "at most 100 items"),
    ),
    Bad(
        "schema-a-string",
        _policy(metadataSchema="{}"),
        ("spec.policy.metadataSchema", "must be of type object"),
    ),
    Bad(
        "schema-a-boolean",
        _policy(metadataSchema=False),
        ("spec.policy.metadataSchema", "must be of type object"),
    ),
)

_RECORDINGS: Final = (
    Bad(
        "source-unknown",
        _policy(recordings={"sources": ["room"]}),
        (
            "spec.policy.recordings.sources[0]",
            '"roomComposite", "participant", "trackComposite", "track", "web"',
        ),
    ),
    Bad(
        "custom-page-of-a-file",
        _policy(recordings={"customBaseURLs": ["file:///etc/passwd"]}),
        ("spec.policy.recordings.customBaseURLs[0]", "should match"),
    ),
    Bad(
        "web-page-with-a-space",
        _policy(recordings={"webURLs": ["https://a.example/ b"]}),
        ("spec.policy.recordings.webURLs[0]", "should match"),
    ),
    Bad(
        "streams-a-boolean",
        _policy(recordings={"streams": True}),
        ("spec.policy.recordings.streams", "must be of type string"),
    ),
    Bad(
        "streams-unknown",
        _policy(recordings={"streams": "Prefixed"}),
        ("spec.policy.recordings.streams", '"Forbidden", "Allowed"'),
    ),
    Bad(
        "inline-storage-unknown",
        _policy(recordings={"inlineStorage": "Allowed"}),
        ("spec.policy.recordings.inlineStorage", '"Forbidden", "WithCredentials"'),
    ),
    Bad(
        "worker-storage-unknown",
        _policy(recordings={"workerStorage": "Allowed"}),
        ("spec.policy.recordings.workerStorage", '"Forbidden", "Prefixed"'),
    ),
    Bad(
        "seconds-zero",
        _policy(recordings={"maxSeconds": 0}),
        ("spec.policy.recordings.maxSeconds", "equal to 1"),
    ),
    Bad(
        "active-negative",
        _policy(recordings={"maxActivePerNamespace": -1}),
        ("spec.policy.recordings.maxActivePerNamespace", "equal to 0"),
    ),
)

BAD_SERVERS: Final = (*_CONNECTION, *_NAMESPACES, *_POLICY, *_RECORDINGS)
