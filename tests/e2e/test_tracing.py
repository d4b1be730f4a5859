"""Traces of a running operator, as a collector gets them by OTLP over HTTP."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.e2e.support import OperatorProcess, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from roomkeeper.localstack import LocalStack
    from tests.e2e.support import Cluster


class Collector:
    """Takes spans."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.services: set[str] = set()
        self.url = ""

    def take(self, body: bytes) -> None:
        """Read a request as a collector does."""
        request = ExportTraceServiceRequest.FromString(body)
        for of_service in request.resource_spans:
            named = {one.key: one.value.string_value for one in of_service.resource.attributes}
            self.services.add(named["service.name"])
            for of_library in of_service.scope_spans:
                self.spans += of_library.spans

    def named(self, name: str, /, **about: str) -> list[Any]:
        """Return the spans of that name and with those attributes."""
        return [
            span for span in self.spans if span.name == name and about.items() <= attributes(span).items()
        ]

    def below(self, parent: Any) -> list[str]:
        """Return the names of the spans that are directly below one, in their order."""
        children = [span for span in self.spans if span.parent_span_id == parent.span_id]
        return [span.name for span in sorted(children, key=lambda span: span.start_time_unix_nano)]


def attributes(span: Any) -> dict[str, str]:
    """Return the attributes that are texts."""
    return {one.key.removeprefix("roomkeeper."): one.value.string_value for one in span.attributes}


@contextmanager
def collecting() -> Iterator[Collector]:
    """Have a collector listen."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            collector.take(self.rfile.read(int(self.headers["Content-Length"])))
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield collector
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_new_room_is_a_trace_of_what_was_asked_for_it(
    stack: LocalStack, cluster: Cluster, tmp_path: Path
) -> None:
    operator = OperatorProcess(stack, tmp_path / "operator.log")
    with collecting() as collector:
        operator.start(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, ROOMKEEPER_LOG_FORMAT="json")
        cluster.apply(cluster.room("standup", roles=[{"name": "host"}]))
        eventually("it is Ready", lambda: cluster.is_ready("standup"), within=2)
        operator.stop()  # with what is not sent yet
    assert collector.services == {"roomkeeper"}
    about = {"kind": "Room", "k8s.namespace.name": cluster.namespace, "name": "standup"}
    first = min(collector.named("reconcile Room", **about), key=lambda span: span.start_time_unix_nano)
    assert collector.below(first) == [
        "Kubernetes patch rooms",
        "LiveKit CreateRoom",
        "Kubernetes create secrets",
        "Kubernetes patch rooms/status",
    ]
    [created] = collector.named("LiveKit CreateRoom")
    assert attributes(created) == {"server": "environment", "rpc.method": "CreateRoom", "code": "ok"}
    assert attributes(first)["outcome"] == "Done"

    # The log names the trace.
    said = [json.loads(line) for line in operator.output().splitlines()]
    [line] = [line for line in said if " is created as " in line["message"]]
    assert line["trace_id"] == first.trace_id.hex()


def test_a_collector_that_is_away_harms_nobody(stack: LocalStack, cluster: Cluster, tmp_path: Path) -> None:
    operator = OperatorProcess(stack, tmp_path / "operator.log")
    with collecting() as collector:
        nowhere = collector.url
    operator.start(
        OTEL_EXPORTER_OTLP_ENDPOINT=nowhere, OTEL_BSP_SCHEDULE_DELAY="100", ROOMKEEPER_LOG_FORMAT="json"
    )
    cluster.apply(cluster.room("standup", roles=[{"name": "host"}]))
    eventually("it is Ready", lambda: cluster.is_ready("standup"), within=2)
    assert operator.stop() == 0
    said = [json.loads(line) for line in operator.output().splitlines()]
    assert {line["level"] for line in said} <= {"INFO", "WARNING"}
