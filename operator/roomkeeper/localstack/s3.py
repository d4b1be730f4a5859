from __future__ import annotations

import hashlib
import json
import secrets
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote, urlencode
from xml.etree import ElementTree as ET

from .build import cache_directory
from .errors import LocalStackError
from .parts import MODULES
from .probe import answers_ok
from .processes import Guard, Part
from .progress import Progress
from .wheels import WheelsError, install

if TYPE_CHECKING:
    from collections.abc import Mapping
    from http.client import HTTPResponse

    from .ports import Ports

_PINS: Final = MODULES / "moto.txt"
_NAMESPACE: Final = "{http://s3.amazonaws.com/doc/2006-03-01/}"
_METADATA: Final = "x-amz-meta-"


def find_moto() -> Path:
    """The folder with Moto and what it needs, installed into the cache the first time."""
    python = f"py{sys.version_info.major}.{sys.version_info.minor}"
    digest = hashlib.sha256(_PINS.read_bytes()).hexdigest()[:12]
    target = cache_directory() / f"moto-{python}-{digest}"
    if not target.exists():
        progress = Progress("moto (an S3 server)")
        progress.begin("installing from PyPI (40 MB)")
        try:
            install(_PINS, target, progress)
        except WheelsError as error:
            raise LocalStackError(
                f"The stack's S3 is PyPI's moto, which could not be installed: {error}\n"
                "Make PyPI reachable for pip, then try again.",
            ) from error
        progress.end("installed")
    return target


class S3Request(NamedTuple):
    """One request that the server was sent. Keys are not checked, so any are taken: access_key says which were used."""

    method: str
    path: str
    access_key: str
    status: int


class S3(Part):
    """An S3 server in memory (Moto's) that takes any keys, and notes which."""

    def __init__(self, *, directory: Path, guard: Guard, ports: Ports) -> None:
        self._wheels = find_moto()
        super().__init__(name="s3", program=Path(sys.executable), directory=directory, guard=guard)
        self.access_key = f"OWN{secrets.token_hex(6).upper()}"
        self.secret_key = secrets.token_urlsafe(24)
        self._port = ports.tcp()
        self._requests = directory / "s3-requests.jsonl"

    @property
    def endpoint(self) -> str:
        """What clients call; with path style, as a bucket cannot be put before an IP address."""
        return f"http://127.0.0.1:{self._port}"

    def arguments(self) -> list[str]:
        """The server, as a module of this package."""
        return ["-m", "roomkeeper.localstack.s3server", str(self._port), str(self._requests)]

    def environment(self) -> Mapping[str, str]:
        """Moto comes before whatever of the same name this Python has."""
        return {"PYTHONPATH": str(self._wheels)}

    def is_ready(self) -> bool:
        """Whether it answers."""
        return answers_ok(self._port, "/moto-api/data.json")

    def create_bucket(self, name: str) -> None:
        """Make an empty bucket; nothing happens if there is one."""
        self._call("PUT", f"/{name}").close()

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """The keys of all objects, in order."""
        query = urlencode({"list-type": "2", "prefix": prefix})
        with self._call("GET", f"/{bucket}?{query}") as answer:
            tree = ET.fromstring(answer.read())  # noqa: S314 - our own server's
        return [element.text or "" for element in tree.iter(f"{_NAMESPACE}Key")]

    def read(self, bucket: str, key: str) -> bytes:
        """What an object holds."""
        with self._call("GET", f"/{bucket}/{quote(key)}") as answer:
            return answer.read()

    def metadata(self, bucket: str, key: str) -> dict[str, str]:
        """The metadata that an object was uploaded with."""
        with self._call("HEAD", f"/{bucket}/{quote(key)}") as answer:
            headers = {name.lower(): value for name, value in answer.getheaders()}
        return {
            name.removeprefix(_METADATA): value
            for name, value in headers.items()
            if name.startswith(_METADATA)
        }

    def requests(self) -> list[S3Request]:
        """All requests that were answered since it first started, but our own."""
        if not self._requests.exists():
            return []
        lines = self._requests.read_text().splitlines()
        all_requests = (S3Request(**json.loads(line)) for line in lines)
        return [request for request in all_requests if request.access_key != self.access_key]

    def _call(self, method: str, path: str) -> HTTPResponse:
        credential = f"AWS4-HMAC-SHA256 Credential={self.access_key}/20260101/us-east-1/s3/aws4_request"
        request = urllib.request.Request(  # noqa: S310 - our own server
            self.endpoint + path, method=method, headers={"Authorization": credential}
        )
        answer: HTTPResponse = urllib.request.urlopen(request, timeout=10)  # noqa: S310
        return answer
