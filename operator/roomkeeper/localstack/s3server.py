"""Moto's S3 server, with a line for every request: `python -m roomkeeper.localstack.s3server PORT FILE`."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import run_simple

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def noted(application: Application, file: Path) -> Application:
    """The application, which also appends method, path, access key and status of each request to the file."""

    def call(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        found = re.search(r"Credential=([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))

        def note(status: str, *rest: Any) -> Any:
            entry = {
                "method": environ["REQUEST_METHOD"],
                "path": environ["PATH_INFO"],
                "access_key": found[1] if found else "",
                "status": int(status.split(maxsplit=1)[0]),
            }
            with file.open("a") as lines:
                lines.write(json.dumps(entry) + "\n")
            return start(status, *rest)

        return application(environ, note)

    return call


def main() -> None:
    """Serve until the process is told to end."""
    port, file = int(sys.argv[1]), Path(sys.argv[2])
    application = noted(DomainDispatcherApplication(create_backend_app), file)
    run_simple("127.0.0.1", port, application, threaded=True, request_handler=MotoRequestHandler)


if __name__ == "__main__":
    main()
