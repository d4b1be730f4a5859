from __future__ import annotations

import http.client
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl


def answers_ok(port: int, path: str, context: ssl.SSLContext | None = None) -> bool:
    """Whether the server on this loopback port answers 200, over TLS if a context is given. OSError if none does."""
    connection = (
        http.client.HTTPSConnection("127.0.0.1", port, timeout=2, context=context)
        if context
        else http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    )
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except http.client.HTTPException as error:  # it went away in the middle of its answer
        raise ConnectionError(str(error)) from error
    finally:
        connection.close()
