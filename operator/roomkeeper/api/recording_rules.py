"""What the schema of a Recording cannot say: what goes together, and what may not change.

The spec of a Recording stands in a RecordingSchedule too, so its rules are rendered for a place. What looks at the object
before the edit hangs at the Recording's root, and there alone: a schedule may be edited at any time.
"""

from __future__ import annotations

from typing import Final

from roomkeeper.api import storage_target
from roomkeeper.api.key_rules import template_rules
from roomkeeper.api.kind import NAME_RULE, Rule
from roomkeeper.api.name_rules import identity_rules, room_name_rules
from roomkeeper.api.recording_matrix import matrix_rules


def spec_rules(at: str) -> tuple[Rule, ...]:
    """Render the rules of a RecordingSpec that stands at `at`."""
    return (
        *_room_rules(at),
        *room_name_rules(f"{at}.roomName"),
        *_source_rules(f"{at}.source"),
        *_output_rules(f"{at}.outputs"),
        Rule(
            at=f"{at}.encoding",
            rule="has(self.preset) != has(self.advanced)",
            message="exactly one of preset and advanced must be given",
        ),
        *matrix_rules(at),
        *template_rules(at),
        *storage_target.rules(f"{at}.storage"),
        Rule(
            at=at,
            rule="!has(self.storage) || !has(self.storageRef)",
            message="storage stands instead of storageRef: remove one of them",
            field_path=".storage",
        ),
    )


def _room_rules(at: str) -> tuple[Rule, ...]:
    return (
        Rule(
            at=at,
            rule="!has(self.roomName) || !has(self.roomRef)",
            message="roomName stands instead of roomRef: remove one of them",
            field_path=".roomName",
        ),
        Rule(
            at=at,
            rule="has(self.roomRef) || has(self.roomName) || has(self.source.web)",
            message="roomRef or roomName must be given: only source web can do without a room",
            field_path=".roomRef",
        ),
        Rule(
            at=at,
            rule="!has(self.serverRef) || !has(self.roomRef)",
            message="serverRef does not go with roomRef, as a Room has its own server: remove it",
            field_path=".serverRef",
        ),
        Rule(
            at=at,
            rule="has(self.roomRef) || has(self.roomName) || !has(self.start) || self.start == 'Immediately'",
            message="start can only be Immediately without roomRef and roomName: there is no room to wait for",
            field_path=".start",
        ),
        Rule(
            at=at,
            rule="has(self.roomRef) || has(self.roomName) || !has(self.stopWhenEmptySeconds)"
            " || self.stopWhenEmptySeconds == 0",
            message="stopWhenEmptySeconds needs roomRef or roomName: without a room nobody can leave it",
            field_path=".stopWhenEmptySeconds",
        ),
    )


def _source_rules(at: str) -> tuple[Rule, ...]:
    only_one = "!has(self.audioOnly) || !self.audioOnly || !has(self.videoOnly) || !self.videoOnly"
    return (
        Rule(
            at=at,
            rule="[has(self.roomComposite), has(self.participant), has(self.trackComposite), has(self.track), has(self.web)]"
            ".exists_one(given, given)",
            message="exactly one of roomComposite, participant, trackComposite, track and web must be given",
        ),
        *(
            Rule(
                at=f"{at}.{page}",
                rule=only_one,
                message="videoOnly does not go with audioOnly: nothing would be left",
                field_path=".videoOnly",
            )
            for page in ("roomComposite", "web")
        ),
        Rule(
            at=f"{at}.roomComposite",
            rule="!has(self.audioMixing) || self.audioMixing == 'Default'"
            " || (has(self.audioOnly) && self.audioOnly && !has(self.layout) && !has(self.customBaseURL))",
            message="audioMixing needs audioOnly: true, and neither layout nor customBaseURL: a page mixes sound itself",
            field_path=".audioMixing",
        ),
        Rule(
            at=f"{at}.trackComposite",
            rule="has(self.identity)"
            " ? (has(self.audioSource) || has(self.videoSource)) && !has(self.audioTrackID) && !has(self.videoTrackID)"
            " : (has(self.audioTrackID) || has(self.videoTrackID)) && !has(self.audioSource) && !has(self.videoSource)",
            message="trackComposite needs identity with audioSource, videoSource or both; or, instead of all that,"
            " audioTrackID, videoTrackID or both",
        ),
        Rule(
            at=f"{at}.track",
            rule="has(self.identity) ? has(self.source) && !has(self.trackID) : has(self.trackID) && !has(self.source)",
            message="track needs identity and source, or trackID instead of both",
        ),
        *(
            rule
            for source in ("participant", "trackComposite", "track")
            for rule in identity_rules(f"{at}.{source}.identity")
        ),
    )


def _output_rules(at: str) -> tuple[Rule, ...]:
    return (
        Rule(
            at=at,
            rule="has(self.file) || has(self.hls) || has(self.images) || has(self.stream) || has(self.websocket)",
            message="at least one of file, hls, images, stream and websocket must be given",
        ),
        Rule(
            at=f"{at}.hls",
            rule="!has(self.livePlaylistName) || !has(self.playlistName) || self.livePlaylistName != self.playlistName",
            message="livePlaylistName must be another name than playlistName",
            field_path=".livePlaylistName",
        ),
    )


def _same(of: str, field: str) -> str:
    """Whether a field is what it was, be it absent."""
    new, old = f"self.{of}.{field}", f"oldSelf.{of}.{field}"
    return f"has({new}) == has({old}) && (!has({new}) || {new} == {old})"


def _immutable(field: str) -> Rule:
    return Rule(
        at="",
        rule=_same("spec", field),
        message=f"{field} is immutable: delete this Recording and create another one, or leave it as it was",
        field_path=f".spec.{field}",
    )


# Before the first attempt everything may be changed, but for the room.
_ARMED: Final = "!has(oldSelf.status) || !has(oldSelf.status.attempts) || size(oldSelf.status.attempts) == 0"
_MAY_CHANGE: Final = (
    "source.roomComposite.layout, desiredState, startDeadlineSeconds, activeDeadlineSeconds, stopWhenEmptySeconds, "
    "backoffLimit, ttlSecondsAfterFinished and deletionGraceSeconds"
)


def _frozen(field: str, unchanged: str) -> Rule:
    return Rule(
        at="",
        rule=f"{_ARMED} || ({unchanged})",
        message=f"{field} is frozen once an attempt has begun: only {_MAY_CHANGE} may change;"
        " create another Recording, or leave it as it was",
        field_path=f".spec.{field}",
    )


_SAME_SOURCE: Final = " && ".join(
    (
        *(_same("spec.source", source) for source in ("participant", "trackComposite", "track", "web")),
        "has(self.spec.source.roomComposite) == has(oldSelf.spec.source.roomComposite)",
        "(!has(self.spec.source.roomComposite) || ({}))".format(
            " && ".join(
                _same("spec.source.roomComposite", field)
                for field in ("audioOnly", "videoOnly", "audioMixing", "customBaseURL")
            )
        ),
    )
)

RULES: Final = (
    NAME_RULE,
    *(_immutable(field) for field in ("roomRef", "roomName", "serverRef")),
    _frozen("source", _SAME_SOURCE),
    _frozen("outputs", "self.spec.outputs == oldSelf.spec.outputs"),
    *(
        _frozen(field, _same("spec", field))
        for field in ("encoding", "storageRef", "storage", "start", "startAt", "disableManifest")
    ),
    *spec_rules("spec"),
)
