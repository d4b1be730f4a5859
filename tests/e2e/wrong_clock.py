"""Runs the operator on a machine whose clock is ten minutes ahead: python wrong_clock.py. Settings come from the environment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from roomkeeper.adapters.livekit import calls
from roomkeeper.cli.run import start
from roomkeeper.engine.settings import Settings

AHEAD = timedelta(seconds=600)


class Ahead(datetime):
    """What such a machine takes for the time."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Ahead:  # type: ignore[override]
        """Return the time, and more."""
        moment = datetime.now(UTC) + AHEAD
        return cls.fromtimestamp(moment.timestamp(), tz)


if __name__ == "__main__":
    calls.datetime = Ahead  # type: ignore[misc]
    start(Settings.from_environment())
