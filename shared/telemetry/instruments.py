"""Make the instruments of the service's metrics. Durations are in seconds, as OpenTelemetry's conventions have them."""

from dataclasses import dataclass

from opentelemetry.metrics import Counter, Histogram, Meter
from opentelemetry.metrics import _Gauge as Gauge

_DURATION_BOUNDS_SEC = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
_FACTOR_BOUNDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


@dataclass(frozen=True, slots=True)
class Instruments:
    """Every metric."""

    accepted: Counter
    """Jobs that were accepted, and attempts that were begun again."""

    ended: Counter
    """Jobs that ended, by status, and by the code of the error."""

    attempts: Histogram
    """How long attempts at steps took, by stage, step and outcome."""

    retries: Counter
    """Attempts that failed or crashed, by stage, step and code."""

    dead_letters: Counter
    """Steps that used up their attempts, by queue."""

    stages: Histogram
    """How long stages took from their first step to their last one, waiting included."""

    realtime_factors: Histogram
    """The stages' durations as a share of the recording's."""

    waiting: Gauge
    """Messages that wait, by queue."""

    poison: Gauge
    """Poison messages, by queue."""

    oldest: Gauge
    """The age of the oldest message, by queue."""

    active: Gauge
    """Jobs that have not ended, by status."""


def make_instruments(meter: Meter) -> Instruments:
    """Return the instruments of a meter."""
    return Instruments(
        accepted=meter.create_counter("rostrum.jobs.accepted", "{job}"),
        ended=meter.create_counter("rostrum.jobs.ended", "{job}"),
        attempts=meter.create_histogram(
            "rostrum.step.duration", "s", explicit_bucket_boundaries_advisory=_DURATION_BOUNDS_SEC
        ),
        retries=meter.create_counter("rostrum.step.failures", "{attempt}"),
        dead_letters=meter.create_counter("rostrum.dead_letters", "{step}"),
        stages=meter.create_histogram(
            "rostrum.stage.duration", "s", explicit_bucket_boundaries_advisory=_DURATION_BOUNDS_SEC
        ),
        realtime_factors=meter.create_histogram(
            "rostrum.stage.realtime_factor", "1", explicit_bucket_boundaries_advisory=_FACTOR_BOUNDS
        ),
        waiting=meter.create_gauge("rostrum.queue.waiting", "{message}"),
        poison=meter.create_gauge("rostrum.queue.poison", "{message}"),
        oldest=meter.create_gauge("rostrum.queue.oldest", "s"),
        active=meter.create_gauge("rostrum.jobs.active", "{job}"),
    )
