"""What the schema of a Room cannot say: rules between fields, names, and what may not change."""

from __future__ import annotations

from typing import Final

from roomkeeper.api import secret_template
from roomkeeper.api.kind import NAME_RULE, Rule
from roomkeeper.api.name_rules import identity_rules, room_name_rules
from roomkeeper.api.role import DEFAULT_TTL_SECONDS, MAX_ATTRIBUTE_KEY, POWERS

_POWERS: Final = sorted(POWERS)
_IMMUTABLE: Final = (
    Rule(
        at="spec",
        rule="has(self.serverRef) == has(oldSelf.serverRef)"
        " && (!has(self.serverRef) || self.serverRef == oldSelf.serverRef)",
        message="serverRef is immutable: delete this Room and create another one, or leave it as it was",
        field_path=".serverRef",
    ),
    Rule(
        at="spec",
        rule="has(self.roomName) == has(oldSelf.roomName)"
        " && (!has(self.roomName) || self.roomName == oldSelf.roomName)",
        message="roomName is immutable: delete this Room and create another one, or leave it as it was",
        field_path=".roomName",
    ),
    Rule(
        at="spec",
        rule="(has(self.lifecycle) && self.lifecycle == 'Once')"
        " == (has(oldSelf.lifecycle) && oldSelf.lifecycle == 'Once')",
        message="lifecycle is immutable, except from Persistent to OnDemand and back: delete this Room and create another one,"
        " or leave it as it was",
        field_path=".lifecycle",
    ),
)

RULES: Final = (
    NAME_RULE,
    *_IMMUTABLE,
    Rule(
        at="spec",
        rule="!has(self.metadata) || !has(self.rawMetadata)",
        message="rawMetadata stands instead of metadata: remove one of them",
        field_path=".rawMetadata",
    ),
    Rule(
        at="spec",
        rule="!has(self.minPlayoutDelayMilliseconds) || !has(self.maxPlayoutDelayMilliseconds)"
        " || self.maxPlayoutDelayMilliseconds == 0"
        " || self.minPlayoutDelayMilliseconds <= self.maxPlayoutDelayMilliseconds",
        message="minPlayoutDelayMilliseconds must not be more than maxPlayoutDelayMilliseconds",
        field_path=".minPlayoutDelayMilliseconds",
    ),
    *room_name_rules("spec.roomName"),
    Rule(
        at="spec.roles[].grants",
        rule="!has(self.canPublishSources) || (has(self.canPublish) && self.canPublish)",
        message="canPublishSources needs canPublish: true",
        field_path=".canPublishSources",
    ),
    Rule(
        at="spec.roles[]",
        rule="!has(self.renewBeforeSeconds)"
        f" || self.renewBeforeSeconds + 60 <= (has(self.ttlSeconds) ? self.ttlSeconds : {DEFAULT_TTL_SECONDS})",
        message=f"renewBeforeSeconds must be at least 60 less than ttlSeconds (default {DEFAULT_TTL_SECONDS}):"
        " a token that is due at once would be minted without end",
        field_path=".renewBeforeSeconds",
    ),
    Rule(
        at="spec.roles[]",
        rule="!has(self.identities) || !has(self.count)",
        message="count stands instead of identities: remove one of them",
        field_path=".count",
    ),
    Rule(
        at="spec.roles[]",
        rule="!has(self.dynamic) || (!has(self.identities) && !has(self.count))",
        message="dynamic stands instead of identities and count: remove one of them",
        field_path=".dynamic",
    ),
    Rule(
        at="spec.roles[]",
        rule="!has(self.dynamic) || !has(self.grants) || !["
        + ", ".join(f"has(self.grants.{power}) && self.grants.{power}" for power in _POWERS)
        + "].exists(given, given)",
        message=f"a dynamic role must not have {', '.join(_POWERS[:-1])} or {_POWERS[-1]}: no token can be called back, and"
        " nobody knows beforehand who has it",
        field_path=".grants",
    ),
    Rule(
        at="spec.roles[].attributes",
        rule=f"self.all(key, size(key) >= 1 && size(key) <= {MAX_ATTRIBUTE_KEY})",
        message=f"keys of attributes must have 1 to {MAX_ATTRIBUTE_KEY} characters",
    ),
    *identity_rules("spec.roles[].identities[]"),
    *identity_rules("spec.roles[].dynamic.identityPrefix"),
    *identity_rules("spec.moderation.blockedIdentities[]"),
    *identity_rules("spec.moderation.deniedSources[].identity"),
    *secret_template.rules("spec.roles[].secretTemplate"),
)
