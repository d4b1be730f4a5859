"""What a template of an object's key must not hold, and which variables it may."""

from __future__ import annotations

from typing import Final

from roomkeeper.api.kind import Rule
from roomkeeper.api.name_rules import CONTROL_CHARACTERS

ROOM_VARIABLES: Final = ("room_name", "room_id")
TIME_VARIABLES: Final = ("time", "utc")
PUBLISHER_VARIABLES: Final = ("publisher_identity",)
TRACK_VARIABLES: Final = ("track_id", "track_type", "track_source")
_ALL: Final = (*ROOM_VARIABLES, *TIME_VARIABLES, *PUBLISHER_VARIABLES, *TRACK_VARIABLES)

_TEMPLATES: Final = ("file.filepath", "hls.directory", "images.directory")


def template_rules(at: str) -> tuple[Rule, ...]:
    """Render the rules of the templates in the outputs of a RecordingSpec that stands at `at`."""
    return tuple(
        rule
        for template in _TEMPLATES
        for rule in (*_path_rules(f"{at}.outputs.{template}"), _variables_of_source(at, template))
    )


def prefix_rules(at: str) -> tuple[Rule, ...]:
    """Render the rules of the template that stands before every key of a storage."""
    return (
        Rule(
            at=at,
            rule=r"!self.contains('..') && !self.contains('\\') && !self.matches('(^|/)[.]?/')",
            message='prefixTemplate must not begin with "/", and must not contain "..", "\\" and parts that are empty or "."',
        ),
        _control_characters(at),
        Rule(
            at=at,
            rule="self.matches('^([^{}]|[{]namespace[}])*$')",
            message="prefixTemplate has one variable, {namespace}",
        ),
    )


def _path_rules(at: str) -> tuple[Rule, ...]:
    name = at.rpartition(".")[2]
    return (
        Rule(
            at=at,
            rule=r"!self.contains('..') && !self.contains('\\') && !self.matches('(^|/)[.]?(/|$)')",
            message=f'{name} must not begin or end with "/", and must not contain "..", "\\" and parts that are empty or "."',
        ),
        _control_characters(at),
        Rule(
            at=at,
            rule=f"self.matches('^([^{{}}]|[{{]({'|'.join(_ALL)})[}}])*$')",
            message=f"the variables of {name} are {', '.join(f'{{{variable}}}' for variable in _ALL)}",
        ),
    )


def _control_characters(at: str) -> Rule:
    return Rule(
        at=at,
        rule=f"!self.matches('{CONTROL_CHARACTERS}')",
        message=f"{at.rpartition('.')[2]} must not contain control characters",
    )


def _variables_of_source(at: str, template: str) -> Rule:
    output, _, field = template.partition(".")
    value = f"self.outputs.{template}"
    return Rule(
        at=at,
        rule=f"!has(self.outputs.{output}) || !has({value})"
        f" || ((!has(self.source.web) || !{value}.matches('[{{]({'|'.join(ROOM_VARIABLES)})'))"
        " && (has(self.source.participant) || has(self.source.trackComposite) || has(self.source.track)"
        f" || !{value}.matches('[{{]({'|'.join(PUBLISHER_VARIABLES)})'))"
        f" && (has(self.source.track) || !{value}.matches('[{{]({'|'.join(TRACK_VARIABLES)})')))",
        message=f"{field} has a variable that this source does not know: room_name and room_id are of every source but web,"
        " publisher_identity of participant, trackComposite and track, and those of a track of track",
        field_path=f".outputs.{template}",
    )
