"""Make the telemetry that the settings ask for; without any of them nothing is exported, and no SDK is loaded.

Exporters read what else there is to set from OpenTelemetry's own variables, such as `OTEL_EXPORTER_OTLP_HEADERS`,
`OTEL_TRACES_SAMPLER` and `OTEL_SERVICE_NAME`. See docs/operations.md.
"""

import atexit
import importlib.util
import os
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

from shared.domain.errors import SettingsInvalid
from shared.settings import Settings
from shared.telemetry.telemetry import OFF, Telemetry

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

    from shared.telemetry.open_telemetry import OpenTelemetry

SERVICE_NAME = "rostrum"

_NOT_ASKED_FOR = (
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL",
    "APPLICATIONINSIGHTS_SDKSTATS_DISABLED",
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED",
)
"""What keeps Azure's exporter from reporting on itself, and from asking Microsoft for settings.

Its reports would need a thread of their own, which `close` does not reach."""


def make_telemetry(settings: Settings) -> Telemetry:
    """Return the telemetry of this process; raise SettingsInvalid when a package for it is missing."""
    if settings.sentry_dsn is not None:
        _report_errors(settings.sentry_dsn.get_secret_value())
    if settings.otlp_endpoint is None and settings.application_insights is None:
        return OFF
    return _exporting(settings)


def _exporting(settings: Settings) -> "OpenTelemetry":
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from shared.telemetry.open_telemetry import ChosenIds, OpenTelemetry

    facts = {"service.instance.id": str(uuid.uuid4())}  # each process counts for itself
    if "OTEL_SERVICE_NAME" not in os.environ:
        facts["service.name"] = SERVICE_NAME
    resource = Resource.create(facts)
    tracers = TracerProvider(resource=resource, id_generator=ChosenIds(), shutdown_on_exit=False)
    exporters = list(_exporters(settings, tracers))
    for spans, _ in exporters:
        tracers.add_span_processor(BatchSpanProcessor(spans))
    readers = [PeriodicExportingMetricReader(metrics) for _, metrics in exporters]
    telemetry = OpenTelemetry(tracers, MeterProvider(readers, resource=resource, shutdown_on_exit=False))
    atexit.register(telemetry.close)
    return telemetry


def _exporters(settings: Settings, tracers: "TracerProvider") -> Iterator[tuple["SpanExporter", "MetricExporter"]]:
    """Yield the exporters of spans and of metrics for each place that is set."""
    if settings.otlp_endpoint is not None:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        base = settings.otlp_endpoint.rstrip("/")
        yield OTLPSpanExporter(endpoint=f"{base}/v1/traces"), OTLPMetricExporter(endpoint=f"{base}/v1/metrics")
    if settings.application_insights is not None:
        for name in _NOT_ASKED_FOR:
            os.environ.setdefault(name, "true")
        from azure.monitor.opentelemetry.exporter import AzureMonitorMetricExporter, AzureMonitorTraceExporter

        account = settings.application_insights.get_secret_value()
        yield (
            AzureMonitorTraceExporter(connection_string=account, tracer_provider=tracers, disable_offline_storage=True),
            AzureMonitorMetricExporter(connection_string=account, disable_offline_storage=True),
        )


def _report_errors(dsn: str) -> None:
    """Have Sentry told of every record at level ERROR, with its exception; of nothing else."""
    if importlib.util.find_spec("sentry_sdk") is None:
        raise SettingsInvalid("ROSTRUM_SENTRY_DSN: the package sentry-sdk is missing; see requirements-sentry.txt.")
    import sentry_sdk

    sentry_sdk.init(
        dsn=dsn,
        include_local_variables=False,
        max_request_body_size="never",
        auto_enabling_integrations=False,
        auto_session_tracking=False,
        traces_sample_rate=None,
    )
