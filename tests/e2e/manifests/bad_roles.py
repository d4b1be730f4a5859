"""Rooms that the API server refuses for a role, each with what its message must say."""

from __future__ import annotations

from typing import Any, Final

from tests.e2e.manifests.base import JSON, Bad, role, spec

_HOST: Final = "spec.roles[0]"

_ROLES: Final = (
    Bad("roles-a-map", spec(roles={"host": {}}), ('unknown field "spec.roles.host"',)),
    Bad("roles-a-string", spec(roles="host"), ("spec.roles", "must be of type array")),
    Bad(
        "too-many-roles",
        spec(roles=[{"name": f"r{n}"} for n in range(21)]),
        ("spec.roles", "at most 20 items"),
    ),
    Bad("role-twice", spec(roles=[{"name": "host"}, {"name": "host"}]), ("spec.roles[1]", "Duplicate value")),
    Bad("role-without-name", spec(roles=[{"identities": ["a"]}]), (f"{_HOST}.name", "Required value")),
    Bad("role-name-empty", role(name=""), (f"{_HOST}.name", "at least 1 chars long")),
    Bad("role-name-upper-case", role(name="Host"), (f"{_HOST}.name", "should match")),
    Bad("role-name-with-a-dot", role(name="host.eu"), (f"{_HOST}.name", "should match")),
    Bad("role-name-ends-in-hyphen", role(name="host-"), (f"{_HOST}.name", "should match")),
    Bad("role-name-too-long", role(name="h" * 64), (f"{_HOST}.name", "may not be more than 63")),
    Bad("ttl-too-short", role(ttlSeconds=599), (f"{_HOST}.ttlSeconds", "equal to 600")),
    Bad("ttl-too-long", role(ttlSeconds=86_401), (f"{_HOST}.ttlSeconds", "less than or equal to 86400")),
    Bad("ttl-a-go-duration", role(ttlSeconds="1h"), (f"{_HOST}.ttlSeconds", "must be of type integer")),
    Bad("renewal-too-late", role(renewBeforeSeconds=59), (f"{_HOST}.renewBeforeSeconds", "equal to 60")),
    Bad(
        "renewal-longer-than-a-day",
        role(ttlSeconds=86_400, renewBeforeSeconds=86_341),
        (f"{_HOST}.renewBeforeSeconds", "less than or equal to 86340"),
    ),
    Bad(
        "renewal-before-the-token-begins",
        role(ttlSeconds=600, renewBeforeSeconds=600),
        (f"{_HOST}.renewBeforeSeconds", "at least 60 less than ttlSeconds"),
    ),
    Bad(
        "renewal-without-end",
        role(ttlSeconds=600, renewBeforeSeconds=541),
        (f"{_HOST}.renewBeforeSeconds", "at least 60 less than ttlSeconds"),
    ),
    Bad(
        "renewal-against-the-default-ttl",
        role(renewBeforeSeconds=3541),
        (f"{_HOST}.renewBeforeSeconds", "at least 60 less than ttlSeconds"),
    ),
)

_IDENTITIES: Final = (
    Bad("identities-a-string", role(identities="alice"), (f"{_HOST}.identities", "must be of type array")),
    Bad("identities-none", role(identities=[]), (f"{_HOST}.identities", "at least 1 items")),
    Bad(
        "identities-too-many",
        role(identities=[f"person-{number}" for number in range(201)]),
        (f"{_HOST}.identities", "at most 200 items"),
    ),
    Bad("identity-empty", role(identities=["a", ""]), (f"{_HOST}.identities[1]", "at least 1 chars long")),
    Bad(
        "identity-too-long",
        role(identities=["a" * 257]),
        (f"{_HOST}.identities[0]", "may not be more than 256"),
    ),
    Bad(
        "identity-with-a-slash",
        role(identities=["a", "b/c"]),
        (f"{_HOST}.identities[1]", 'must not contain "/" or ".."'),
    ),
    Bad(
        "identity-two-dots",
        role(identities=[".."]),
        (f"{_HOST}.identities[0]", 'must not contain "/" or ".."'),
    ),
    Bad(
        "identity-with-nul",
        role(identities=["a\x00b"]),
        (f"{_HOST}.identities[0]", "must not contain control characters"),
    ),
    Bad("identity-a-number", role(identities=[7]), (f"{_HOST}.identities[0]", "must be of type string")),
)

_SOURCES: Final = f"{_HOST}.grants.canPublishSources"

_GRANTS: Final = (
    Bad("grant-unknown", role(grants={"canFly": True}), (f'unknown field "{_HOST}.grants.canFly"',)),
    Bad(
        "grant-that-nobody-gets",
        role(grants={"roomCreate": True}),
        (f'unknown field "{_HOST}.grants.roomCreate"',),
    ),
    Bad(
        "grant-not-a-boolean",
        role(grants={"canPublish": "yes"}),
        (f"{_HOST}.grants.canPublish", "type boolean"),
    ),
    Bad("grants-a-list", role(grants=["canPublish"]), (f"{_HOST}.grants", "must be of type object")),
    Bad(
        "sources-none",
        role(grants={"canPublish": True, "canPublishSources": []}),
        (_SOURCES, "at least 1 items"),
    ),
    Bad(
        "source-unknown",
        role(grants={"canPublish": True, "canPublishSources": ["webcam"]}),
        (f"{_SOURCES}[0]", '"camera", "microphone", "screen_share", "screen_share_audio"'),
    ),
    Bad(
        "source-twice",
        role(grants={"canPublish": True, "canPublishSources": ["camera", "camera"]}),
        (f"{_SOURCES}[1]", "Duplicate value"),
    ),
    Bad(
        "sources-without-publishing",
        role(grants={"canPublishSources": ["camera"]}),
        (_SOURCES, "needs canPublish: true"),
    ),
    Bad(
        "sources-though-publishing-is-off",
        role(grants={"canPublish": False, "canPublishSources": ["camera"]}),
        (_SOURCES, "needs canPublish: true"),
    ),
)

_TEMPLATE: Final = f"{_HOST}.secretTemplate"


def _template(**fields: Any) -> JSON:
    return role(secretTemplate=fields)


_PEOPLE: Final = (
    Bad(
        "identities-and-a-count",
        role(identities=["alice"], count=2),
        (f"{_HOST}.count", "count stands instead of identities"),
    ),
    Bad(
        "dynamic-and-identities",
        role(identities=["alice"], dynamic={"identityPrefix": "viewer-"}),
        (f"{_HOST}.dynamic", "dynamic stands instead of identities and count"),
    ),
    Bad(
        "dynamic-and-a-count",
        role(count=2, dynamic={"identityPrefix": "viewer-"}),
        (f"{_HOST}.dynamic", "dynamic stands instead of identities and count"),
    ),
    *(
        Bad(
            f"dynamic-with-{power}",
            role(dynamic={"identityPrefix": "viewer-"}, grants={power: True}),
            (f"{_HOST}.grants", "a dynamic role must not have"),
        )
        for power in ("agent", "ingressAdmin", "roomAdmin", "roomRecord")
    ),
    Bad("dynamic-without-a-prefix", role(dynamic={}), (f"{_HOST}.dynamic.identityPrefix", "Required value")),
    Bad(
        "dynamic-prefix-too-long",
        role(dynamic={"identityPrefix": "v" * 65}),
        (f"{_HOST}.dynamic.identityPrefix", "may not be more than 64"),
    ),
    Bad(
        "dynamic-prefix-with-a-slash",
        role(dynamic={"identityPrefix": "a/b"}),
        (f"{_HOST}.dynamic.identityPrefix", 'must not contain "/"'),
    ),
    Bad(
        "dynamic-prefix-with-a-control-character",
        role(dynamic={"identityPrefix": "a\nb"}),
        (f"{_HOST}.dynamic.identityPrefix", "control characters"),
    ),
    Bad(
        "dynamic-too-short",
        role(dynamic={"identityPrefix": "v-", "maxTTLSeconds": 59}),
        (f"{_HOST}.dynamic.maxTTLSeconds", "equal to 60"),
    ),
    Bad(
        "dynamic-never",
        role(dynamic={"identityPrefix": "v-", "maxPerMinute": 0}),
        (f"{_HOST}.dynamic.maxPerMinute", "equal to 1"),
    ),
    Bad("count-zero", role(count=0), (f"{_HOST}.count", "equal to 1")),
    Bad("count-too-many", role(count=201), (f"{_HOST}.count", "less than or equal to 200")),
    Bad("display-name-empty", role(displayName=""), (f"{_HOST}.displayName", "at least 1 chars long")),
    Bad(
        "display-name-too-long",
        role(displayName="d" * 257),
        (f"{_HOST}.displayName", "may not be more than 256"),
    ),
    Bad("role-metadata-a-string", role(metadata="{}"), (f"{_HOST}.metadata", "must be of type object")),
    Bad(
        "attribute-a-number",
        role(attributes={"seat": 7}),
        (f"{_HOST}.attributes.seat", "must be of type string"),
    ),
    Bad(
        "attribute-empty",
        role(attributes={"seat": ""}),
        (f"{_HOST}.attributes.seat", "at least 1 chars long"),
    ),
    Bad(
        "attribute-too-long",
        role(attributes={"seat": "s" * 1025}),
        (f"{_HOST}.attributes.seat", "may not be more than 1024"),
    ),
    Bad(
        "attribute-key-empty",
        role(attributes={"": "s"}),
        (f"{_HOST}.attributes", "keys of attributes must have 1 to 128 characters"),
    ),
    Bad(
        "attribute-key-too-long",
        role(attributes={"k" * 129: "s"}),
        (f"{_HOST}.attributes", "keys of attributes must have 1 to 128 characters"),
    ),
    Bad(
        "too-many-attributes",
        role(attributes={f"key{number}": "value" for number in range(17)}),
        (f"{_HOST}.attributes", "must have at most 16 items"),
    ),
    Bad(
        "permissions-policy-unknown",
        role(permissionsPolicy="Always"),
        (f"{_HOST}.permissionsPolicy", '"OnChange", "Enforce"'),
    ),
)

_SECRETS: Final = (
    Bad("secret-name-upper-case", _template(name="Tokens"), (f"{_TEMPLATE}.name", "should match")),
    Bad("secret-name-with-a-path", _template(name="a/b"), (f"{_TEMPLATE}.name", "should match")),
    Bad("secret-type", _template(type="kubernetes.io/tls"), (f'unknown field "{_TEMPLATE}.type"',)),
    *(
        Bad(
            f"secret-{field}-of-{number}",
            _template(**{field: {key: "x"}}),
            (f"{_TEMPLATE}.{field}", f"subdomains are not allowed in {field}"),
        )
        for field in ("labels", "annotations")
        for number, key in enumerate(
            (
                "kubernetes.io/service-account.name",
                "app.kubernetes.io/instance",
                "k8s.io/a",
                "operator.k8s.io/a",
                "argocd.argoproj.io/secret-type",
                "roomkeeper.dev/role",
                "x.roomkeeper.dev/role",
            )
        )
    ),
    *(
        Bad(
            f"secret-{field}-malformed-{number}",
            _template(**{field: {key: "x"}}),
            (f"{_TEMPLATE}.{field}", f"a key of {field} must be a name"),
        )
        for field in ("labels", "annotations")
        for number, key in enumerate(
            ("", "a b", "a/", "/a", "a/b/c", "ArgoCD.argoproj.io/secret-type", "-a", "a..b/c", "n" * 64)
        )
    ),
    Bad(
        "secret-label-value", _template(labels={"team": "a b"}), (f"{_TEMPLATE}.labels.team", "should match")
    ),
    Bad(
        "secret-label-too-long",
        _template(labels={"team": "t" * 64}),
        (f"{_TEMPLATE}.labels.team", "may not be more than 63"),
    ),
    Bad(
        "secret-too-many-labels",
        _template(labels={f"key{number}": "value" for number in range(17)}),
        (f"{_TEMPLATE}.labels", "must have at most 16 items"),
    ),
    Bad(
        "secret-annotation-too-long",
        _template(annotations={"note": "n" * 1025}),
        (f"{_TEMPLATE}.annotations.note", "may not be more than 1024"),
    ),
)

BAD_ROLES: Final = (*_ROLES, *_IDENTITIES, *_GRANTS, *_PEOPLE, *_SECRETS)
