"""Where media end up: below the prefix of their storage, whatever rooms, people and paths are called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from roomkeeper.localstack.kubectl import KubectlError
from tests.e2e.looks import stranger
from tests.e2e.studio import ROOM
from tests.e2e.studios import ALL, Tenant, studios

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roomkeeper.localstack import LocalStack
    from tests.e2e.conftest import LiveKitView
    from tests.e2e.crowd import Crowd
    from tests.e2e.support import OperatorProcess

ODD = {
    "variable": "{time}",
    "unknown-variable": "{retry}{namespace}",
    "braces": "}{",
    "backslash": "a\\b",
    "windows": "\\.\\",
    "encoded": "%2e%2e%2f%2e%2e%2f",
    "wide": "städtetag-会議-👩‍👩‍👧",
    "look-alike": "a\u2215b\uff0e\uff0ec",
    "direction": "a\u202eb\u2028c",
    "spaces": " a b ",
    "shell": "$(id);`id`&'\"<>?#*",
    "dots": "a.b",
}
EVERYWHERE = {
    "file": {"filepath": "f/{room_name}"},
    "hls": {"directory": "h/{room_name}/{time}", "livePlaylistName": "live.m3u8"},
    "images": {"directory": "i/{utc}{room_name}"},
}


@pytest.fixture
def make(stack: LocalStack) -> Iterator[Callable[..., Tenant]]:
    with studios(stack) as make:
        yield make


def uploads(tenant: Tenant) -> list[str]:
    """Return the keys of everything that was ever put with the credentials of a namespace, as they were asked for."""
    asked = (one for one in tenant.stack.s3.requests() if one.access_key == tenant.access_key)
    paths = (one.path.encode("latin-1").decode() for one in asked)  # WSGI's spelling (PEP 3333)
    return [path.removeprefix(f"/{tenant.bucket}/") for path in paths]


def stays_below(tenant: Tenant, prefix: str) -> list[str]:
    """Fail unless everything was put below the prefix, and is there; return the keys without it."""
    put, there = uploads(tenant), tenant.stack.s3.keys(tenant.bucket, prefix)
    assert put
    for key in put:
        assert key.startswith(prefix), key
        rest = key.removeprefix(prefix)
        assert not {"", ".", ".."} & set(rest.split("/")), key
        assert "\\" not in rest, key
        assert "{" not in rest, key
    assert set(put) == set(there)
    return [key.removeprefix(prefix) for key in there]


def test_room_names_lead_nowhere_else(
    make: Callable[..., Tenant], livekit: LiveKitView, operator: OperatorProcess
) -> None:
    provider, tenant = make(), make()
    provider.host()
    provider.share(**ALL, prefixTemplate="shared/{namespace}/")
    where = {**provider.main(), **provider.archive()}
    rooms = {name: f"{tenant.namespace}_{odd}" for name, odd in ODD.items()}
    for room in rooms.values():
        livekit.create(room)
    more = {"start": "Immediately", "outputs": EVERYWHERE, **where}
    tenant.apply(*(tenant.recording(name, roomName=room, **more) for name, room in rooms.items()))
    tenant.run()
    results = tenant.results(*rooms)
    keys = stays_below(provider, f"shared/{tenant.namespace}/")
    assert {key.partition("/")[0] for key in keys} == {"f", "h", "i"}
    named = [result["filename"] for result in results]
    assert len(set(named)) == len(named) == 3 * len(ODD)


def test_identities_lead_nowhere_else(
    make: Callable[..., Tenant], crowd: Crowd, stack: LocalStack, operator: OperatorProcess
) -> None:
    tenant = make()
    tenant.share(default=True)
    tenant.move_in()
    names = ("variable", "backslash", "encoded", "wide", "shell")
    for name in names:
        identity = ODD[name]
        assert crowd.join(name, stranger(stack.livekit, tenant.room_name, identity))
        who = {"filepath": "{publisher_identity}/{publisher_identity}"}
        tenant.record(name, source={"participant": {"identity": identity}}, outputs={"file": who})
    tenant.run()
    tenant.end(*names)
    assert len(stays_below(tenant, f"{tenant.namespace}/")) == 2 * len(names)


@dataclass(frozen=True)
class Path:
    """A path that only the operator can judge, and what it says of it."""

    id: str
    spec: dict[str, Any]
    told: str


def file(filepath: str, **more: Any) -> dict[str, Any]:
    return {"outputs": {"file": {"filepath": filepath}}, **more}


TRACK = {"source": {"track": {"trackID": "TR_AM1"}}}
PATHS = [
    Path("climbs-by-a-name", file("{room_name}./x"), "'..'"),
    Path("hidden-by-a-name", file("a{room_name}.mp4"), "'..'"),
    Path("hls", {"outputs": {"hls": {"directory": "{room_name}."}}}, "'..'"),
    Path("images", {"outputs": {"images": {"directory": "{room_name}."}}}, "'..'"),
    Path("nobodys-identity", file("{publisher_identity}", **TRACK), "{publisher_identity} is not known"),
    Path("too-long", file("{room_name}" * 45), "bytes"),
]


def test_paths_that_a_name_leads_astray_are_refused(
    make: Callable[..., Tenant], livekit: LiveKitView, operator: OperatorProcess
) -> None:
    tenant = make()
    tenant.share(default=True)
    room = f"{tenant.namespace}_long-enough-standup."
    livekit.create(room)
    tenant.apply(
        *(tenant.recording(path.id, roomName=room, start="Immediately", **path.spec) for path in PATHS)
    )
    for path in PATHS:
        told = tenant.is_refused(path.id, "InvalidSpec", path.told)
        assert told.startswith("spec.outputs."), told
    assert tenant.egresses(room) == []


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("../other/x", '"..", "\\" and parts that are empty or "."'),
        ("/etc/passwd", 'filepath must not begin or end with "/"'),
        ("a\\..\\b", 'filepath must not begin or end with "/"'),
        ("a\x00b", "filepath must not contain control characters"),
        ("{namespace}/x", "the variables of filepath are {room_name}"),
    ],
)
def test_paths_that_lead_elsewhere_are_refused_at_once(
    make: Callable[..., Tenant], path: str, told: str
) -> None:
    tenant = make()
    with pytest.raises(KubectlError) as refused:
        tenant.begin("talk", **file(path))
    assert "spec.outputs.file.filepath" in str(refused.value)
    assert told in str(refused.value)
    assert tenant.list("recordings") == []


def test_a_prefix_that_would_let_tenants_meet_is_refused_at_once(make: Callable[..., Tenant]) -> None:
    provider = make()
    for prefix in ("", "all/", "{namespace}", "{namespace}-x/"):
        with pytest.raises(KubectlError, match=r"prefixTemplate must hold \{namespace\}/"):
            provider.share(**ALL, prefixTemplate=prefix)
    assert provider.list("recordingstorages") == []


def test_two_namespaces_of_which_one_begins_as_the_other_do_not_meet(
    make: Callable[..., Tenant], operator: OperatorProcess, stack: LocalStack
) -> None:
    provider, tenant = make(), make()
    provider.host()
    provider.share(**ALL, prefixTemplate="{namespace}/")
    tenant.move_in(provider, room=ROOM)
    tenant.begin(
        "talk",
        **provider.archive(),
        **file(f"{provider.namespace}/x.mp4"),
    )
    tenant.run("talk")
    [result] = tenant.results("talk")
    assert result["filename"].startswith(f"{tenant.namespace}/{provider.namespace}/x")
    assert stack.s3.keys(tenant.bucket, f"{provider.namespace}/") == []
