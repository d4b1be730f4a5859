"""A recording template that somebody serves: the one of the examples, with LiveKit's web client beside it."""

from __future__ import annotations

import shutil
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from roomkeeper.localstack.egress import TEMPLATE
from roomkeeper.localstack.web_client import find_livekit_client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Page(NamedTuple):
    """Where it is, and the layout of each who opened it."""

    url: str
    layouts: list[str]


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, *arguments: Any, layouts: list[str], directory: str) -> None:
        self._layouts = layouts
        super().__init__(*arguments, directory=directory)

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        self._layouts.extend(query.get("layout", ()))
        super().do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing: the query has a token."""


@contextmanager
def served_template(folder: Path) -> Iterator[Page]:
    """Serve it on loopback, as its first comment tells people to."""
    for file in (TEMPLATE, find_livekit_client()):
        shutil.copy(file, folder)
    layouts: list[str] = []
    handler = partial(_Handler, layouts=layouts, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Page(f"http://127.0.0.1:{server.server_port}/", layouts)
        server.shutdown()
        thread.join()
