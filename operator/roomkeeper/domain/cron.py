"""When a cron expression is due, in a time zone.

Five fields, as Debian's cron has them: numbers, names, lists, ranges, steps; `L` and `#` in the days too. Where both
days are given and neither begins with `*`, one of them is enough. Across daylight saving, also as Debian's cron:

- A time of day that the clock skips is due once, at the first moment after the gap: a daily recording is never lost
  (a CronJob of Kubernetes would leave that day out).
- A time of day that the clock shows twice is due once, the first time.
- What is due every hour or every few minutes (a minute or an hour that begins with `*`) keeps its pace: neither twice
  nor less often than it says.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from cronsim import CronSim, CronSimError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

FIELDS = 5
_FIRST_WINDOW = timedelta(hours=1)
_WIDER = 8
_ANY_TIME = datetime(2026, 1, 1, tzinfo=UTC)


class CronError(ValueError):
    """The expression is none, or is never due; the message says which."""


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression in a time zone. All moments that it returns are in UTC, and whole minutes."""

    expression: str
    zone: tzinfo

    def next_after(self, moment: datetime) -> datetime:
        """Return when it is due next; CronError where that is never."""
        return next(self._after(moment))

    def newest(self, since: datetime, until: datetime) -> datetime | None:
        """Return the last time it was due between two moments, both included; None: it was not.

        It looks back ever further, so that what is due every minute and was not looked at for a year costs no more
        than what is due once a year.
        """
        window = _FIRST_WINDOW
        while True:
            start = max(since, until - window)
            found = None
            # A microsecond before: what is due at the very start counts.
            for due in self._after(start - timedelta(microseconds=1)):
                if due > until:
                    break
                found = due
            if found or start == since:
                return found
            window *= _WIDER

    def _after(self, moment: datetime) -> Iterator[datetime]:
        """Yield the times after a moment; CronError where there is none."""
        if len(self.expression.split()) != FIELDS:
            raise CronError(
                f"must have {FIELDS} fields: minute, hour, day of the month, month, day of the week"
            )
        try:
            times = CronSim(self.expression, moment.astimezone(self.zone))
        except CronSimError as error:
            raise CronError(str(error).lower()) from None
        last = moment
        for local in times:
            due = local.astimezone(UTC)
            # In the hour that comes twice it begins with the first one, which is over.
            if due > last:
                last = due
                yield due
        raise CronError("is never due")


@lru_cache(maxsize=1024)
def problem(cron: Cron) -> str | None:
    """Return what is wrong with an expression, None if nothing is: that it is never due shows only after 50 years."""
    try:
        cron.next_after(_ANY_TIME)
    except CronError as error:
        return str(error)
    return None
