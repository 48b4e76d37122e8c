"""What the local host makes of the lines that an app writes to standard error, as it does in Azure."""

import io
import logging

import pytest

from devhost.logs import relay_worker_output
from shared.telemetry.log_lines import JsonLines


def test_a_line_of_json_is_the_record_that_it_was(caplog: pytest.LogCaptureFixture) -> None:
    record = logging.makeLogRecord(
        {"name": "shared.pipeline", "levelno": 30, "levelname": "WARNING", "msg": "step failed", "job_id": "j1"}
    )
    lines = f"{JsonLines().format(record)}\n{{not json\n" + '{"some": "json"}\n'
    with caplog.at_level(logging.INFO):
        relay_worker_output(io.StringIO(lines), "worker-1")
    first, *printed = caplog.records
    assert (first.name, first.levelname, first.getMessage()) == ("shared.pipeline", "WARNING", "step failed")
    assert vars(first)["fields"] == {"job_id": "j1", "worker": "worker-1"}
    assert first.created == pytest.approx(record.created, abs=0.001)
    assert [each.getMessage() for each in printed] == ["{not json", '{"some": "json"}']
