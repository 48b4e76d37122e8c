"""Read `host.json` and `local.settings.json` as the Functions host and Core Tools do.

The defaults are the host's: https://learn.microsoft.com/azure/azure-functions/functions-host-json
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from devhost.azurite import connection_string
from devhost.errors import AppError

DEFAULT_EMULATOR_PORTS = (10000, 10001, 10002)
_TIME_SPAN = re.compile(r"^(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,7}))?$")
_PLACEHOLDER = re.compile(r"%([^%]+)%")


@dataclass(frozen=True, slots=True)
class QueueOptions:
    """`extensions.queues` of host.json."""

    batch_size: int = 16
    new_batch_threshold: int = 8
    max_polling_interval_sec: float = 60.0
    visibility_timeout_sec: float = 0.0
    max_dequeue_count: int = 5
    base64: bool = True


@dataclass(frozen=True, slots=True)
class HostOptions:
    """What this host reads of host.json."""

    queues: QueueOptions = field(default_factory=QueueOptions)
    route_prefix: str = "api"
    function_timeout_sec: float | None = 1800.0  # None: no limit
    log_level: str = "Information"


def parse_time_span(text: str) -> float:
    """Return the seconds of a .NET time span such as `00:00:05` or `1.00:00:00`."""
    match = _TIME_SPAN.match(text)
    if match is None:
        raise AppError(f"host.json: {text!r} is not a time span like 00:00:05")
    days, hours, minutes, seconds, fraction = match.groups()
    span = timedelta(days=int(days or 0), hours=int(hours), minutes=int(minutes), seconds=int(seconds))
    return span.total_seconds() + float(f"0.{fraction or 0}")


def read_host_options(app_dir: Path) -> HostOptions:
    """Return the options of the app's host.json; the host's defaults where it is silent or absent."""
    document = _read_json(app_dir / "host.json")
    extensions = document.get("extensions", {})
    queues = extensions.get("queues", {})
    batch_size = int(queues.get("batchSize", 16))
    options = QueueOptions(
        batch_size=batch_size,
        new_batch_threshold=int(queues.get("newBatchThreshold", batch_size // 2)),
        max_polling_interval_sec=parse_time_span(queues.get("maxPollingInterval", "00:01:00")),
        visibility_timeout_sec=parse_time_span(queues.get("visibilityTimeout", "00:00:00")),
        max_dequeue_count=int(queues.get("maxDequeueCount", 5)),
        base64=str(queues.get("messageEncoding", "base64")).lower() == "base64",
    )
    if not 1 <= options.batch_size <= 32:
        raise AppError(f"host.json: batchSize must be 1 to 32, not {options.batch_size}")
    if options.max_dequeue_count < 1 or options.new_batch_threshold < 0:
        raise AppError("host.json: maxDequeueCount must be at least 1 and newBatchThreshold at least 0")
    timeout = str(document.get("functionTimeout", "00:30:00"))
    return HostOptions(
        queues=options,
        route_prefix=str(extensions.get("http", {}).get("routePrefix", "api")).strip("/"),
        function_timeout_sec=None if timeout == "-1" else parse_time_span(timeout),
        log_level=str(document.get("logging", {}).get("logLevel", {}).get("default", "Information")),
    )


def read_settings(app_dir: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the app's settings: the environment over the values of local.settings.json (or of its example)."""
    for name in ("local.settings.json", "local.settings.json.example"):
        if (app_dir / name).exists():
            values = _read_json(app_dir / name).get("Values", {})
            return {**{key: str(value) for key, value in values.items()}, **environ}
    return dict(environ)


def resolve(text: str, settings: Mapping[str, str]) -> str:
    """Replace each `%NAME%` by the setting of that name."""

    def value(match: re.Match[str]) -> str:
        if match.group(1) not in settings:
            raise AppError(f"{text!r} refers to the setting {match.group(1)!r}, which is not set")
        return settings[match.group(1)]

    return _PLACEHOLDER.sub(value, text)


def is_on(settings: Mapping[str, str], name: str) -> bool:
    """Return whether a setting is present and true."""
    return settings.get(name, "").lower() in ("1", "true")


def storage_connection(name: str, settings: Mapping[str, str]) -> str:
    """Return the connection string of a trigger's `connection`: the setting `name` or `AzureWebJobs<name>`."""
    for key in (name, f"AzureWebJobs{name}"):
        if settings.get(key):
            return expand_emulator(settings[key])
    raise AppError(f"The setting {name!r}, a storage connection string, is not set")


def expand_emulator(connection: str) -> str:
    """Replace `UseDevelopmentStorage=true`, which the Python SDK does not know, by the full connection string."""
    short = connection.strip().rstrip(";").lower() == "usedevelopmentstorage=true"
    return connection_string(DEFAULT_EMULATOR_PORTS) if short else connection


def _read_json(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise AppError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(document, dict):
        raise AppError(f"{path} is not a JSON object")
    return document
