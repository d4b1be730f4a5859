"""Recordings that the API server refuses for a template of an object's key, each with what its message must say."""

from __future__ import annotations

from typing import Final

from tests.e2e.manifests.base import Bad, source, spec

_OUTPUTS: Final = "spec.outputs"
_COMPOSITE: Final = source("trackComposite", identity="alice", audioSource="microphone", videoSource="camera")
_PARTICIPANT: Final = source("participant", identity="alice")
_WEB: Final = source("web", url="https://example.com")

_PATHS: Final = (
    ("filepath", "file", source("track", trackID="TR_AM1")),
    ("directory", "hls", {}),
    ("directory", "images", {}),
)

_KEYS: Final = tuple(
    Bad(
        f"{output}-{name}",
        spec(source=recorded, outputs={"file": None, output: {field: path}}),
        (f"{_OUTPUTS}.{output}.{field}", why.format(field)),
    )
    for field, output, recorded in _PATHS
    for name, path, why in (
        ("empty", "", "at least 1 chars long"),
        ("too-long", "k" * 513, "may not be more than 512"),
        *(
            (f"escapes-{number}", path, '{} must not begin or end with "/"')
            for number, path in enumerate(
                (
                    "/a",
                    "a/",
                    "a//b",
                    "../a",
                    "a/../b",
                    "a..b",
                    "..",
                    ".",
                    "./a",
                    "a/.",
                    "a/./b",
                    "a\\b",
                    "..\\a",
                )
            )
        ),
        ("with-a-newline", "a\nb", "{} must not contain control characters"),
        ("with-nul", "a\x00", "{} must not contain control characters"),
        *(
            (f"variable-{number}", path, "the variables of {} are {{room_name}}, {{room_id}}")
            for number, path in enumerate(
                ("{roomname}", "{retry}", "{namespace}", "{", "a}b", "{}", "{{time}}", "{ time }", "{Time}")
            )
        ),
    )
)

_NOT_OF_THIS_SOURCE: Final = "{} has a variable that this source does not know"

_VARIABLES: Final = tuple(
    Bad(
        f"{name}-has-no-{variable}-of-{output}",
        spec(source=recorded, outputs={"file": None, output: {field: f"a/{{{variable}}}"}}),
        (f"{_OUTPUTS}.{output}.{field}", _NOT_OF_THIS_SOURCE.format(field)),
    )
    for field, output, _ in _PATHS
    for name, recorded, variables in (
        ("room", {}, ("publisher_identity", "track_id", "track_type", "track_source")),
        ("participant", _PARTICIPANT, ("track_id", "track_type", "track_source")),
        ("tracks", _COMPOSITE, ("track_id", "track_type", "track_source")),
        ("web", _WEB, ("room_name", "room_id", "publisher_identity", "track_id")),
    )
    for variable in variables
)

BAD_KEYS: Final = (*_KEYS, *_VARIABLES)
