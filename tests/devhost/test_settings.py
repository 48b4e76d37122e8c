"""host.json and local.settings.json as the host and Core Tools read them."""

import json
from pathlib import Path

import pytest

from devhost.azurite import connection_string
from devhost.errors import AppError
from devhost.settings import (
    HostOptions,
    QueueOptions,
    parse_time_span,
    read_host_options,
    read_settings,
    resolve,
    storage_connection,
)

REPO = Path(__file__).resolve().parents[2]


def test_the_defaults_are_the_hosts(tmp_path: Path) -> None:
    """https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue#host-json

    functionTimeout: https://learn.microsoft.com/azure/azure-functions/functions-host-json#functiontimeout
    """
    assert read_host_options(tmp_path) == HostOptions(
        QueueOptions(16, 8, 60.0, 0.0, 5, True), "api", 1800.0, "Information"
    )


def test_host_json_is_read(tmp_path: Path) -> None:
    """https://learn.microsoft.com/azure/azure-functions/functions-host-json"""
    queues = {
        "batchSize": 8,
        "visibilityTimeout": "00:00:30",
        "maxPollingInterval": "00:00:02",
        "messageEncoding": "none",
    }
    document = {
        "version": "2.0",
        "functionTimeout": "-1",
        "extensions": {"queues": queues, "http": {"routePrefix": ""}},
        "logging": {"logLevel": {"default": "Debug"}},
    }
    (tmp_path / "host.json").write_text(json.dumps(document))
    expected = QueueOptions(8, 4, 2.0, 30.0, 5, False)
    assert read_host_options(tmp_path) == HostOptions(expected, "", None, "Debug")


@pytest.mark.parametrize(
    ("text", "seconds"), [("00:00:05", 5), ("1.02:03:04", 93784), ("00:10:00", 600), ("00:00:00.2500000", 0.25)]
)
def test_time_spans(text: str, seconds: float) -> None:
    """https://learn.microsoft.com/dotnet/standard/base-types/standard-timespan-format-strings: the constant format"""
    assert parse_time_span(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("queues", "message"),
    [
        ({"batchSize": 33}, "batchSize must be 1 to 32"),
        ({"maxDequeueCount": 0}, "maxDequeueCount must be at least 1"),
        ({"visibilityTimeout": "5 seconds"}, "'5 seconds' is not a time span"),
    ],
)
def test_values_out_of_range_are_named(tmp_path: Path, queues: dict[str, object], message: str) -> None:
    """https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue#host-json: allowed ranges"""
    (tmp_path / "host.json").write_text(json.dumps({"extensions": {"queues": queues}}))
    with pytest.raises(AppError, match=message):
        read_host_options(tmp_path)


def test_the_environment_wins_over_local_settings_and_those_over_the_example(tmp_path: Path) -> None:
    """https://learn.microsoft.com/azure/azure-functions/functions-develop-local#local-settings-file"""
    (tmp_path / "local.settings.json.example").write_text('{"Values": {"A": "example", "B": "example"}}')
    assert read_settings(tmp_path, {"B": "environment"}) == {"A": "example", "B": "environment"}
    (tmp_path / "local.settings.json").write_text('{"Values": {"A": "file"}}')
    assert read_settings(tmp_path, {"B": "environment"}) == {"A": "file", "B": "environment"}


def test_settings_in_names() -> None:
    """https://learn.microsoft.com/azure/azure-functions/functions-bindings-expressions-patterns#app-settings"""
    assert resolve("%ENV%-jobs", {"ENV": "dev"}) == "dev-jobs"
    with pytest.raises(AppError, match="'NOWHERE', which is not set"):
        resolve("%NOWHERE%", {})


def test_connections_by_name() -> None:
    """https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger#connections"""
    assert storage_connection("Media", {"AzureWebJobsMedia": "x=y"}) == "x=y"
    assert storage_connection("Media", {"AzureWebJobsMedia": "x=y", "Media": "z"}) == "z"
    emulator = storage_connection("S", {"S": "UseDevelopmentStorage=true;"})
    assert emulator == connection_string((10000, 10001, 10002))
    with pytest.raises(AppError, match="'S', a storage connection string, is not set"):
        storage_connection("S", {"S": ""})


def test_our_own_host_json_suits_long_stages() -> None:
    """One message at a time per instance, as CPU stages want it; the stages' 5 minutes fit twice into the timeout."""
    options = read_host_options(REPO)
    assert (options.queues.batch_size, options.queues.new_batch_threshold) == (1, 0)
    assert options.function_timeout_sec == 600
    assert options.route_prefix == "api"
