"""What holds for every test."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

STRICT = os.environ.get("CI") == "true"

# A busy machine is slow, which is no property of what is tested; under CI a failure has to come again.
settings.register_profile(
    "roomkeeper", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=STRICT
)
settings.load_profile("roomkeeper")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Under CI a skipped test is a failure: it would hide a component that is missing."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if STRICT and reporter and reporter.stats.get("skipped") and session.exitstatus == 0:
        reporter.write_line("CI=true: skipped tests are failures", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
