from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from roomkeeper.localstack.audit import AuditLog

if TYPE_CHECKING:
    from pathlib import Path


def event(verb: str, resource: str, **changes: Any) -> dict[str, Any]:
    subresource = changes.pop("subresource", None)
    target = {"resource": resource, "namespace": "team-a", "name": "standup", "apiVersion": "v1"}
    return {
        "stage": "ResponseComplete",
        "verb": verb,
        "user": {"username": "roomkeeper"},
        "objectRef": target | ({"subresource": subresource} if subresource else {}),
        "responseStatus": {"code": 200},
    } | changes


def line(event: dict[str, Any]) -> str:
    return json.dumps(event) + "\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "audit.log"
    path.touch()
    return path


def append(path: Path, *events: dict[str, Any]) -> None:
    with path.open("a") as file:
        file.writelines(line(event) for event in events)


def test_a_call_is_what_the_log_says(path: Path) -> None:
    status = event("patch", "rooms", subresource="status", responseStatus={"code": 409})
    status["objectRef"]["apiGroup"] = "roomkeeper.dev"
    append(path, status)
    assert AuditLog(path).calls() == [
        ("patch", "rooms", "status", "team-a", "standup", 409, "roomkeeper.dev")
    ]


def test_what_a_call_lacks_is_empty(path: Path) -> None:
    bare = {"stage": "ResponseComplete", "verb": "get", "user": {"username": "roomkeeper"}}
    append(path, bare)
    assert AuditLog(path).calls() == [("get", "", "", "", "", 0, "")]


def test_only_answered_calls_of_the_user_count(path: Path) -> None:
    append(
        path,
        event("get", "rooms", user={"username": "admin"}),
        event("watch", "rooms", stage="ResponseStarted"),
        event("list", "secrets"),
    )
    log = AuditLog(path)
    assert [call.verb for call in log.calls()] == ["list"]
    assert [call.verb for call in log.calls("admin")] == ["get"]


def test_counting_starts_at_a_mark(path: Path) -> None:
    log = AuditLog(path)
    append(path, event("create", "secrets"))
    mark = log.mark()
    append(path, event("delete", "secrets"))
    assert [call.verb for call in log.calls(since=mark)] == ["delete"]


def test_a_line_that_is_still_being_written_is_left_for_later(path: Path) -> None:
    whole = line(event("create", "secrets"))
    path.write_text(whole + whole[:40])
    assert len(AuditLog(path).calls()) == 1
    path.write_text(whole + whole)
    assert len(AuditLog(path).calls()) == 2


def test_writes_are_counted_by_verb_and_resource(path: Path) -> None:
    append(
        path,
        event("get", "rooms"),
        event("list", "rooms"),
        event("watch", "rooms"),
        event("patch", "rooms"),
        event("patch", "rooms", subresource="status"),
        event("patch", "rooms", subresource="status"),
        event("create", "secrets"),
        event("update", "secrets"),
        event("delete", "secrets"),
        event("deletecollection", "secrets"),
    )
    assert AuditLog(path).writes() == Counter(
        {
            ("patch", "rooms"): 1,
            ("patch", "rooms/status"): 2,
            ("create", "secrets"): 1,
            ("update", "secrets"): 1,
            ("delete", "secrets"): 1,
            ("deletecollection", "secrets"): 1,
        }
    )
