"""What `validate` found: for people, and in the formats that CI systems read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree as ET

import click

from roomkeeper import __version__
from roomkeeper.validation.check import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from roomkeeper.validation.check import Problem

_COLOURS: Final = {Severity.ERROR: "red", Severity.WARNING: "yellow"}
_SARIF_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at: each object with its file, the number of those of other groups, and what is wrong."""

    objects: tuple[tuple[str, str], ...]
    others: int
    problems: tuple[Problem, ...]

    def count(self, severity: Severity) -> int:
        """Return the number of problems of a severity."""
        return sum(problem.severity is severity for problem in self.problems)


def text(checked: Checked) -> str:
    """Write a line for each problem, and one for all of them. click drops the colours where no terminal is."""
    lines = [_line(problem) for problem in checked.problems]
    left_alone = (
        f", {_counted(checked.others, 'object')} of other groups left alone" if checked.others else ""
    )
    errors, warnings = checked.count(Severity.ERROR), checked.count(Severity.WARNING)
    objects = _counted(len(checked.objects), "object")
    lines.append(
        f"{objects} checked: {_counted(errors, 'error')}, {_counted(warnings, 'warning')}{left_alone}"
    )
    return "\n".join(lines)


def as_json(checked: Checked) -> str:
    """Write everything as one JSON object."""
    return json.dumps(
        {
            "checked": len(checked.objects),
            "leftAlone": checked.others,
            "problems": [asdict(problem) for problem in checked.problems],
        },
        indent=2,
    )


def junit(checked: Checked) -> str:
    """Write JUnit's XML: a test case for each object; what cannot be read has one of its own."""
    suite = ET.Element("testsuite", name="roomkeeper validate")
    failures = 0
    unreadable = tuple((problem.file, "") for problem in checked.problems if not problem.object)
    for file, name in (*unreadable, *checked.objects):
        case = ET.SubElement(suite, "testcase", classname=file, name=name or file, file=file)
        theirs = [one for one in checked.problems if (one.file, one.object) == (file, name)]
        errors = [one for one in theirs if one.severity is Severity.ERROR]
        if errors:
            failures += 1
            failure = ET.SubElement(case, "failure", message=errors[0].message)
            failure.text = "\n".join(_plain(one) for one in errors)
        warnings = [_plain(one) for one in theirs if one.severity is Severity.WARNING]
        if warnings:
            ET.SubElement(case, "system-out").text = "\n".join(warnings)
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(failures))
    ET.indent(suite)
    return ET.tostring(suite, encoding="unicode")


def sarif(checked: Checked) -> str:
    """Write SARIF 2.1.0, which code hosts show beside the lines."""
    driver = {"name": "roomkeeper validate", "version": __version__, "rules": [{"id": "manifest"}]}
    run = {"tool": {"driver": driver}, "results": [_result(problem) for problem in checked.problems]}
    return json.dumps({"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


FORMATS: Final[Mapping[str, Callable[[Checked], str]]] = {
    "text": text,
    "json": as_json,
    "junit": junit,
    "sarif": sarif,
}


def _line(problem: Problem) -> str:
    severity = click.style(problem.severity, fg=_COLOURS[problem.severity], bold=True)
    of = f"{problem.object}: " if problem.object else ""
    return f"{_place(problem)}: {severity}: {of}{problem.message}{_hint(problem)}"


def _plain(problem: Problem) -> str:
    return f"{_place(problem)}: {problem.message}{_hint(problem)}"


def _place(problem: Problem) -> str:
    return f"{problem.file}:{problem.line}" if problem.line else problem.file


def _hint(problem: Problem) -> str:
    return f" ({problem.hint})" if problem.hint else ""


def _result(problem: Problem) -> dict[str, Any]:
    return {
        "ruleId": "manifest",
        "level": str(problem.severity),
        "message": {"text": f"{problem.message}{_hint(problem)}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": problem.file},
                    "region": {"startLine": max(problem.line, 1)},
                }
            }
        ],
    }


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
