"""A pipeline and its API that are watched by OpenTelemetry's own exporters into memory."""

from dataclasses import replace
from typing import Any

from fastapi.testclient import TestClient
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.api.app import create_app
from shared.domain.errors import StorageUnavailable
from shared.domain.job import Job
from shared.pipeline.context import StepContext
from shared.telemetry.open_telemetry import ChosenIds, OpenTelemetry
from tests.support.pipeline_harness import PipelineHarness

ORG = "local"

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = f"00-{TRACE}-00f067aa0ba902b7-01"
"""The `traceparent` that a caller sends."""


def away(context: StepContext) -> None:
    """Raise what a step raises while the storage does not answer."""
    raise StorageUnavailable("The storage is away.")


class TracedHarness(PipelineHarness):
    """A pipeline whose jobs come by the API; `spans` and `metrics` are what was exported."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._exporter, self._reader = InMemorySpanExporter(), InMemoryMetricReader()
        tracers = TracerProvider(id_generator=ChosenIds())
        tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        meters = MeterProvider([self._reader])
        self.services = replace(self.services, telemetry=OpenTelemetry(tracers, meters, self._tick))
        self.client = TestClient(create_app(self.services), base_url="http://localhost:7071", client=("127.0.0.1", 1))

    def post(self, traceparent: str | None = None, **body: Any) -> Job:
        """Submit a recording; return its job."""
        headers = {"traceparent": traceparent} if traceparent else {}
        answer = self.client.post("/jobs", json={"sourceUrl": "https://example.com/talk.mp4", **body}, headers=headers)
        assert answer.status_code == 202, answer.text
        return self.storage.jobs.get(ORG, answer.json()["jobId"]).value

    @property
    def spans(self) -> list[ReadableSpan]:
        """The spans in the order in which they ended."""
        return list(self._exporter.get_finished_spans())

    def metrics(self) -> dict[str, list[tuple[dict[str, Any], float]]]:
        """The metrics as (attributes, sum or value) by name."""
        data = self._reader.get_metrics_data()
        found: dict[str, list[tuple[dict[str, Any], float]]] = {}
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    found[metric.name] = [
                        (dict(point.attributes), point.sum if hasattr(point, "sum") else point.value)
                        for point in metric.data.data_points
                    ]
        return found
