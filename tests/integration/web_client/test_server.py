"""The server of the web client, as browsers and probes talk to it: who gets which identity, and for how long."""

from __future__ import annotations

import http.client
import json
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import pytest

from roomkeeper.localstack.ports import Ports
from roomkeeper.localstack.processes import Guard
from roomkeeper.localstack.web_client import WebClient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GRACE_SECONDS = 0.2
ROOM = {"LIVEKIT_URL": "wss://livekit.example.com", "LIVEKIT_ROOM": "team-a_standup"}


class Answer(NamedTuple):
    """What the server has said."""

    status: int
    headers: dict[str, str]
    body: str


class Browser:
    """Speaks HTTP, and keeps a cookie."""

    def __init__(self, server: WebClient) -> None:
        self._address = urlsplit(server.url).netloc
        self.cookie = ""

    def ask(self, method: str, path: str, **headers: str) -> Answer:
        """Send a request, and return what came back."""
        with closing(self._send(method, path, headers)) as connection:
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read().decode())

    def identity(self) -> str:
        """Ask for a token; return whose it is, "" when the room is full."""
        answer = self.ask("POST", "/token")
        if answer.status == 409:
            assert answer.body == "room is full"
            return ""
        assert answer.status == 200
        self.cookie = answer.headers["Set-Cookie"].partition(";")[0]
        name: str = json.loads(answer.body)["participant_name"]
        return name

    @contextmanager
    def present(self, identity: str) -> Iterator[int]:
        """Be there under a name for a while; yield the status that this was answered with."""
        with closing(self._send("GET", f"/presence?identity={identity}", {})) as connection:
            yield connection.getresponse().status

    def _send(self, method: str, path: str, headers: dict[str, str]) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(self._address, timeout=10)
        cookie = {"Cookie": self.cookie} if self.cookie else {}
        connection.request(method, path, headers={**cookie, **headers})
        return connection


def write(secret: Path, *identities: str, **other: str) -> None:
    """Write what the operator does: a token for each identity."""
    tokens = {identity: f"token of {identity}" for identity in identities}
    for name, content in {**ROOM, "tokens.json": json.dumps(tokens), **other}.items():
        (secret / name).write_text(content)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """Return where it is mounted, with two identities."""
    folder = tmp_path / "secret"
    folder.mkdir()
    write(folder, "alice", "bob")
    return folder


@pytest.fixture
def server(secret: Path, tmp_path: Path) -> Iterator[WebClient]:
    guard, ports = Guard(), Ports()
    options = {"guard": guard, "ports": ports, "secret": secret, "grace_seconds": GRACE_SECONDS}
    server = WebClient(directory=tmp_path, **options)
    server.start()
    yield server
    server.stop()
    guard.close()
    ports.close()
    assert "token of" not in server.log.read_text()


def soon(browser: Browser, wanted: str) -> None:
    """Wait until a browser gets an identity."""
    deadline = time.monotonic() + 20 * GRACE_SECONDS
    while (found := browser.identity()) != wanted:
        assert time.monotonic() < deadline, found
        time.sleep(GRACE_SECONDS / 10)


def test_it_answers_as_livekits_token_endpoints_do(server: WebClient) -> None:
    answer = Browser(server).ask("POST", "/token")
    assert json.loads(answer.body) == {
        "server_url": "wss://livekit.example.com",
        "participant_token": "token of alice",
        "participant_name": "alice",
        "room_name": "team-a_standup",
    }
    assert answer.headers["Cache-Control"] == "no-store"
    assert {"HttpOnly", "SameSite=Strict"} <= set(answer.headers["Set-Cookie"].split("; "))


def test_each_browser_has_one_identity_and_the_room_is_full_when_none_is_left(server: WebClient) -> None:
    first, second, third = Browser(server), Browser(server), Browser(server)
    with first.present(first.identity()) as status, second.present(second.identity()):
        assert status == 200
        time.sleep(2 * GRACE_SECONDS)
        assert (first.identity(), second.identity(), third.identity()) == ("alice", "bob", "")


def test_an_identity_is_free_soon_after_its_last_tab_has_gone(server: WebClient) -> None:
    first, second, third = Browser(server), Browser(server), Browser(server)
    with first.present(first.identity()):
        with first.present("alice"):
            pass
        time.sleep(2 * GRACE_SECONDS)
        assert second.identity() == "bob"
        with second.present("bob"):
            assert third.identity() == ""
        soon(third, "bob")
    soon(second, "alice")


def test_who_asks_for_a_token_and_never_comes_keeps_nobody_out(server: WebClient) -> None:
    first = Browser(server)
    with first.present(first.identity()):
        assert Browser(server).identity() == "bob"
        soon(Browser(server), "bob")


def test_tokens_are_read_anew_each_time(server: WebClient, secret: Path) -> None:
    browser = Browser(server)
    with browser.present(browser.identity()):
        write(secret, "carol", "alice", LIVEKIT_URL="wss://elsewhere.example.com")
        answer = json.loads(browser.ask("POST", "/token").body)
        assert (answer["participant_name"], answer["server_url"]) == ("alice", "wss://elsewhere.example.com")
        write(secret, "carol")
        assert browser.identity() == "carol"
        write(secret)
        assert browser.identity() == ""


def test_browsers_that_were_there_have_theirs_again_after_a_restart_of_the_server(server: WebClient) -> None:
    first, second, stranger = Browser(server), Browser(server), Browser(server)
    with first.present(first.identity()), second.present(second.identity()):
        server.restart()
    with second.present("bob") as again, first.present("alice"):
        assert again == 200
        assert (first.identity(), second.identity(), stranger.identity()) == ("alice", "bob", "")
        with second.present("alice") as as_another:
            assert as_another == 204


def test_nobody_is_present_without_a_cookie_or_as_somebody_who_is_not_offered(server: WebClient) -> None:
    for cookie, identity in (("", "alice"), ("browser=x", "mallory"), ("browser=x", "")):
        browser = Browser(server)
        browser.cookie = cookie
        with browser.present(identity) as status:
            assert status == 204


def test_another_sites_page_gets_no_token(server: WebClient) -> None:
    for site, status in (("cross-site", 403), ("same-site", 403), ("none", 403), ("same-origin", 200)):
        assert Browser(server).ask("POST", "/token", **{"Sec-Fetch-Site": site}).status == status


def test_the_page_may_connect_to_itself_and_to_livekit_only(server: WebClient) -> None:
    for path in ("/", "/audience"):
        answer = Browser(server).ask("GET", path)
        assert answer.status == 200
        policy = answer.headers["Content-Security-Policy"].split("; ")
        assert "default-src 'self'" in policy
        assert "connect-src 'self' wss://livekit.example.com https://livekit.example.com" in policy


def test_nothing_but_the_page_is_served(server: WebClient) -> None:
    for path in ("/../server/main.js", "/%2e%2e/server/main.js", "//etc/passwd", "/nothing", "/token"):
        assert Browser(server).ask("GET", path).status == 404


def test_it_is_not_ready_without_the_secret_and_says_nothing_of_what_is_in_it(
    server: WebClient, secret: Path
) -> None:
    browser = Browser(server)
    assert browser.ask("GET", "/readyz").status == 200
    (secret / "tokens.json").write_text('{"alice": "token of alice"')
    for method, path in (("GET", "/readyz"), ("POST", "/token"), ("GET", "/presence?identity=alice")):
        answer = browser.ask(method, path)
        assert (answer.status, answer.body) == (503, "the role's Secret cannot be read")
    assert browser.ask("GET", "/healthz").status == 200


def test_it_ends_at_once_when_it_is_told_to_though_people_are_there(server: WebClient) -> None:
    browser = Browser(server)
    with browser.present(browser.identity()):
        started = time.monotonic()
        server.restart()
        assert time.monotonic() - started < 10  # Part kills what has not ended within 15 s
