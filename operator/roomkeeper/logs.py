"""How log lines are written: one for each thing that happened, plain or JSON, with the object that it is about.

Which object that is tells the reconcile in which the line was written, or `extra={"about": {…}}` of the call.
docs/logs.md describes fields and levels.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import TYPE_CHECKING, Any

from roomkeeper.engine import current

if TYPE_CHECKING:
    from collections.abc import Mapping

OWN = "roomkeeper"
KOPF = "kopf"
PATIENT = frozenset({KOPF, "opentelemetry"})  # what they call an error, they try again
LONGEST_LEVEL = len("CRITICAL")


def configure(log_format: str, level: str) -> None:
    """Write to stderr as `log_format` (plain, json) says; `level` is a name of `logging`, for our own lines.

    Others are never asked for more: Kopf's INFO is a line for each event, its DEBUG has whole objects.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JSONFormatter() if log_format == "json" else PlainFormatter())
    handler.addFilter(calm)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(logging.INFO, logging.getLevelNamesMapping()[level]))
    logging.getLogger(OWN).setLevel(level)
    logging.getLogger(KOPF).setLevel(logging.WARNING)


def calm(record: logging.LogRecord) -> bool:
    """Have errors be warnings where they pass by themselves: Kopf watches again, spans are sent again."""
    if record.levelno == logging.ERROR and record.name.split(".")[0] in PATIENT:
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    return True


class PlainFormatter(logging.Formatter):
    """A line for people: time, level, object, message, and at the end which version of which object it was."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; a traceback follows in lines of its own."""
        about = _about(record)
        head = f"{_time(record)} {record.levelname:<{LONGEST_LEVEL}} "
        if about:
            head += f"{about['kind']} {about['namespace']}/{about['name']}: "
        line = head + record.getMessage()
        more = " ".join(f"{name}={about[name]}" for name in ("uid", "generation") if about.get(name))
        if more:
            line += f" ({more})"
        trouble = _trouble(self, record)
        return f"{line}\n{trouble}" if trouble else line


class JSONFormatter(logging.Formatter):
    """An object per line, for programs."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        fields = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_about(record),
        }
        if trouble := _trouble(self, record):
            fields["exception"] = trouble
        return json.dumps(fields, ensure_ascii=False, default=str)


def _about(record: logging.LogRecord) -> Mapping[str, Any]:
    """Return kind, namespace, name, uid and generation of what the line is about, as far as they are known."""
    told: Mapping[str, Any] | None = getattr(record, "about", None)
    if told is not None:
        return told
    run = current.get()
    if run is None or not run.key.name:  # the server of the environment has no object
        return {}
    about: dict[str, Any] = {"kind": run.key.kind, "namespace": run.key.namespace, "name": run.key.name}
    if run.uid:
        about |= {"uid": run.uid, "generation": run.generation}
    if run.trace_id:
        about["trace_id"] = run.trace_id
    return about


def _time(record: logging.LogRecord) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{whole}.{int(record.msecs):03}Z"


def _trouble(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    parts = [formatter.formatException(record.exc_info)] if record.exc_info else []
    if record.stack_info:
        parts.append(formatter.formatStack(record.stack_info))
    return "\n".join(parts)
