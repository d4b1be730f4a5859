"""What the schema of a Recording cannot say: what goes together, keys of objects, and what may not change."""

from __future__ import annotations

from typing import Final

from roomkeeper.api import secret_template
from roomkeeper.api.kind import NAME_RULE, Rule, name_rule


def spec_rules(at: str) -> tuple[Rule, ...]:
    """Render the rules of a RecordingSpec that stands at `at`."""
    return (
        Rule(
            at=f"{at}.source",
            rule="[has(self.roomComposite), has(self.participant), has(self.trackComposite), has(self.track), has(self.web)]"
            ".exists_one(given, given)",
            message="exactly one of roomComposite, participant, trackComposite, track and web must be given",
        ),
    )


MAX_SCHEDULE_NAME: Final = 52  # the names of its Recordings are longer by a dash and the minutes since 1970
SCHEDULE_RULES: Final = (
    name_rule(MAX_SCHEDULE_NAME),
    *secret_template.rules("spec.recordingTemplate.metadata"),
    *spec_rules("spec.recordingTemplate.spec"),
)
RULES: Final[tuple[Rule, ...]] = (NAME_RULE, *spec_rules("spec"))
