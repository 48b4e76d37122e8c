"""What the settings turn on is exported, and nothing else: real exporters send to a server on this machine."""

import logging
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import sentry_sdk
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from shared.settings import Settings
from shared.telemetry.open_telemetry import OpenTelemetry
from shared.telemetry.setup import make_telemetry
from shared.telemetry.telemetry import OFF


class Collector(ThreadingHTTPServer):
    """A server that keeps what is sent to it, by path."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Keeping)
        self.received: list[tuple[str, bytes]] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def bodies(self, path: str) -> list[bytes]:
        return [body for found, body in self.received if found == path]


class _Keeping(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, body))
        answer = b'{"itemsReceived": 1, "itemsAccepted": 1, "errors": []}' if self.path.endswith("/track") else b""
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_nothing_is_exported_unless_it_is_set() -> None:
    assert make_telemetry(Settings.model_validate({})) is OFF


def test_spans_and_metrics_are_sent_to_the_collector(collector: Collector) -> None:
    settings = Settings.model_validate({"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{collector.address}/"})
    telemetry = make_telemetry(settings)
    with telemetry.request("GET", "/api/jobs", None) as span:
        span.answered(200, "/jobs")
    telemetry.gauges([("downloads", 3, 0, 1.5)], {})
    assert isinstance(telemetry, OpenTelemetry)
    telemetry.close()

    (body,) = collector.bodies("/v1/traces")
    (resource,) = ExportTraceServiceRequest.FromString(body).resource_spans
    assert {each.key: each.value.string_value for each in resource.resource.attributes}["service.name"] == "rostrum"
    (sent,) = resource.scope_spans[0].spans
    assert sent.name == "GET /jobs"
    (metrics,) = collector.bodies("/v1/metrics")
    (scope,) = ExportMetricsServiceRequest.FromString(metrics).resource_metrics[0].scope_metrics
    assert {metric.name for metric in scope.metrics} == {
        "rostrum.queue.waiting",
        "rostrum.queue.poison",
        "rostrum.queue.oldest",
    }


def test_spans_are_sent_to_application_insights_and_to_no_other_address(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked, look_up = set[str](), socket.getaddrinfo

    def note(host: str, *rest: Any, **more: Any) -> Any:
        asked.add(host)
        return look_up(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", note)
    account = f"InstrumentationKey=00000000-0000-4000-8000-000000000000;IngestionEndpoint=http://{collector.address}/"
    telemetry = make_telemetry(Settings.model_validate({"APPLICATIONINSIGHTS_CONNECTION_STRING": account}))
    with telemetry.request("GET", "/api/jobs", None) as span:
        span.answered(200, "/jobs")
    assert isinstance(telemetry, OpenTelemetry)
    telemetry.close()

    assert {path for path, _ in collector.received} == {"/v2.1/track"}
    assert asked == {"127.0.0.1"}
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
    threads = {thread.name for thread in threading.enumerate()}
    assert "ConfigurationWorker" not in threads  # it asks another address later
    assert "OtelPeriodicExportingMetricReader" not in threads  # it reports on the exporter when the process ends


def test_sentry_is_told_of_errors_only(collector: Collector) -> None:
    dsn = f"http://key@{collector.address}/7"
    telemetry = make_telemetry(Settings.model_validate({"sentry_dsn": dsn}))
    logging.getLogger("shared.tests").warning("a warning")
    logging.getLogger("shared.tests").error("an error", extra={"job_id": "j1"})
    sentry_sdk.get_client().close(timeout=5)
    sentry_sdk.get_global_scope().set_client(None)

    assert telemetry is OFF
    assert {path for path, _ in collector.received} == {"/api/7/envelope/"}
    assert len(collector.received) == 1
