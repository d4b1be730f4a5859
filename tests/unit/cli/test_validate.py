"""`roomkeeper validate` as people and CI systems call it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from roomkeeper.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[3]
GOOD = """\
apiVersion: roomkeeper.dev/v1alpha1
kind: Room
metadata:
  name: standup
  namespace: team-a
spec:
  roles:
  - name: host
    identities: [alice]
"""
BAD = """\
apiVersion: v1
kind: Namespace
metadata:
  name: team-a
---
# a comment
apiVersion: roomkeeper.dev/v1alpha1
kind: Room
metadata:
  name: standup
  namespace: team-a
spec:
  maxParticipant: 3
  roles:
  - name: host
    grants:
      canPublish: 'yes'
    ttlSeconds: 3
"""
DOUBTFUL = (
    GOOD.replace("[alice]", "[alice, bob]")
    + """\
  - name: guest
    identities: [bob]
---
apiVersion: roomkeeper.dev/v1alpha1
kind: Recording
metadata:
  name: standup
  namespace: team-a
spec:
  roomRef: {name: standup}
  source: {roomComposite: {}}
  outputs: {file: {filepath: a}}
  storageRef:
    name: archive
---
apiVersion: roomkeeper.dev/v1alpha1
kind: RecordingSchedule
metadata: {name: daily, namespace: team-a}
spec:
  schedule: 0 9 * * *
  timeZone: Europe/Atlantis
  recordingTemplate:
    spec:
      roomRef: {name: stand-up}
      source: {roomComposite: {}}
      outputs: {file: {filepath: a}}
"""
)


@pytest.fixture
def validate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Write files by name into a folder, and validate what the arguments say."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, **files: str) -> Result:
        for name, content in files.items():
            Path(f"{name}.yaml").write_text(content)
        return CliRunner().invoke(main, ["validate", *arguments])

    return run


def test_what_is_good_is_counted(validate: Callable[..., Result]) -> None:
    result = validate("good.yaml", good=GOOD)
    assert result.exit_code == 0
    assert result.output == "1 object checked: 0 errors, 0 warnings\n"


def test_what_npm_has_installed_in_a_folder_is_left_alone(validate: Callable[..., Result]) -> None:
    packages = Path("web", "node_modules", "some-package")
    packages.mkdir(parents=True)
    (packages / "tsconfig.json").write_text("// no JSON, as tsc has it\n{")
    result = validate(".", good=GOOD)
    assert result.output == "1 object checked: 0 errors, 0 warnings\n"
    assert result.exit_code == 0


def test_a_problem_has_its_file_line_and_field_in_the_words_of_the_api_server(
    validate: Callable[..., Result],
) -> None:
    result = validate("bad.yaml", bad=BAD)
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        'bad.yaml:13: error: team-a:room/standup: unknown field "spec.maxParticipant" (did you mean "maxParticipants"?)',
        (
            'bad.yaml:17: error: team-a:room/standup: spec.roles[0].grants.canPublish: Invalid value: "string": '
            'spec.roles[0].grants.canPublish in body must be of type boolean: "string"'
        ),
        (
            "bad.yaml:18: error: team-a:room/standup: spec.roles[0].ttlSeconds: Invalid value: 3: "
            "spec.roles[0].ttlSeconds in body should be greater than or equal to 600"
        ),
        (
            "bad.yaml:7: error: team-a:room/standup: <nil>: Invalid value: null: some validation rules were not checked "
            "because the object was invalid; correct the existing errors to complete validation"
        ),
        "1 object checked: 4 errors, 0 warnings, 1 object of other groups left alone",
    ]


def test_what_only_the_operator_can_refuse_is_a_warning(validate: Callable[..., Result]) -> None:
    result = validate("doubtful.yaml", doubtful=DOUBTFUL)
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        (
            "doubtful.yaml:7: warning: team-a:room/standup: spec.roles: the operator will refuse this (DuplicateIdentity): "
            "'bob' is given more than once"
        ),
        (
            "doubtful.yaml:23: warning: team-a:recording/standup: spec.storageRef.name: RecordingStorage archive is not among "
            "these manifests: it must be in namespace team-a"
        ),
        (
            "doubtful.yaml:30: warning: team-a:recordingschedule/daily: spec.timeZone: the operator will refuse this "
            "(InvalidSpec): there is no such time zone"
        ),
        (
            "doubtful.yaml:33: warning: team-a:recordingschedule/daily: spec.recordingTemplate.spec.roomRef.name: Room stand-up "
            "is not among these manifests: it must be in namespace team-a"
        ),
        "3 objects checked: 0 errors, 4 warnings",
    ]


def test_strict_takes_warnings_for_errors(validate: Callable[..., Result]) -> None:
    result = validate("--strict", "doubtful.yaml", doubtful=DOUBTFUL)
    assert result.exit_code == 1
    assert result.output.endswith("3 objects checked: 4 errors, 0 warnings\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [", "bad.yaml:2: error: is no YAML: did not find expected node content"),
        ("just text", "bad.yaml:1: error: is no object: it must have apiVersion and kind"),
        (
            GOOD.replace("kind: Room", "kind: Roon"),
            (
                'bad.yaml:2: error: team-a:roon/standup: no matches for kind "Roon" in version "roomkeeper.dev/v1alpha1"'
                ' (did you mean "Room"?)'
            ),
        ),
        (
            GOOD.replace("v1alpha1", "v2"),
            (
                'bad.yaml:1: error: team-a:room/standup: no matches for kind "Room" in version "roomkeeper.dev/v2"'
                ' (did you mean "roomkeeper.dev/v1alpha1"?)'
            ),
        ),
        (
            f"{GOOD}  suspend: true\n  suspend: false\n",
            'bad.yaml:11: error: team-a:room/standup: key "suspend" already set in map',
        ),
    ],
    ids=["no YAML", "no object", "no such kind", "no such version", "a key twice"],
)
def test_what_cannot_be_read_is_an_error_with_its_line(
    validate: Callable[..., Result], content: str, message: str
) -> None:
    result = validate("bad.yaml", bad=content)
    assert result.exit_code == 1
    assert result.output.splitlines()[0] == message


def test_a_file_that_is_not_there_is_named(validate: Callable[..., Result]) -> None:
    result = validate("missing.yaml", "good.yaml", good=GOOD)
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "missing.yaml: error: cannot be read: No such file or directory",
        "1 object checked: 1 error, 0 warnings",
    ]


def test_a_list_is_read_as_its_items(validate: Callable[..., Result]) -> None:
    items = "".join(
        f"- {line}" if number == 0 else f"  {line}"
        for number, line in enumerate(GOOD.splitlines(keepends=True))
    )
    bad = items.replace("identities: [alice]", "identity: alice")
    result = validate("list.yaml", list=f"apiVersion: v1\nkind: List\nitems:\n{bad}")
    assert 'list.yaml:12: error: team-a:room/standup: unknown field "spec.roles[0].identity"' in result.output


def test_a_date_is_text_as_it_is_for_kubectl(validate: Callable[..., Result]) -> None:
    result = validate("good.yaml", good=GOOD.replace("[alice]", "[2026-01-01]"))
    assert result.output == "1 object checked: 0 errors, 0 warnings\n"


def test_json_has_everything(validate: Callable[..., Result]) -> None:
    result = validate("-o", "json", "bad.yaml", bad=BAD)
    told = json.loads(result.output)
    assert (told["checked"], told["leftAlone"]) == (1, 1)
    assert told["problems"][0] == {
        "file": "bad.yaml",
        "line": 13,
        "object": "team-a:room/standup",
        "severity": "error",
        "field": "spec.maxParticipant",
        "message": 'unknown field "spec.maxParticipant"',
        "hint": 'did you mean "maxParticipants"?',
    }


def test_junit_has_a_case_for_each_object(validate: Callable[..., Result]) -> None:
    files = {"bad": BAD, "doubtful": DOUBTFUL, "unreadable": "a: ["}
    result = validate("-o", "junit", ".", **files)
    suite = ET.fromstring(result.output)
    assert (suite.get("tests"), suite.get("failures")) == ("5", "2")
    failed = [case.get("name") for case in suite if case.find("failure") is not None]
    assert failed == ["unreadable.yaml", "team-a:room/standup"]


def test_sarif_points_at_the_line(validate: Callable[..., Result]) -> None:
    result = validate("-o", "sarif", "bad.yaml", bad=BAD)
    [run] = json.loads(result.output)["runs"]
    assert [one["level"] for one in run["results"]] == ["error"] * 4
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "bad.yaml"}, "region": {"startLine": 13}}


def test_without_a_path_it_says_how_it_is_called() -> None:
    result = CliRunner().invoke(main, ["validate"])
    assert result.exit_code == 2
    assert "Missing argument 'PATH…'" in result.output


def test_the_examples_are_good() -> None:
    result = CliRunner().invoke(main, ["validate", "--strict", str(ROOT / "examples")])
    assert result.exit_code == 0, result.output
