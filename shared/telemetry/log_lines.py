"""Write one JSON line to standard error for each log record of the app, where the Functions host reads it.

The host keeps of a worker's records only the message, and drops those without an invocation's id, as are all of the
streamed API. What a worker writes to standard error arrives whole. The host guesses its level by words, so a line holds
the words of its own level and no others: in JSON, `\\u0066ail` reads as the word and is none.
https://github.com/Azure/azure-functions-host/blob/dev/src/WebJobs.Script/Workers/ProcessManagement/WorkerProcess.cs
"""

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

OURS = ("shared", "functions")
"""The loggers of the app."""

_QUIET = ("azure", "urllib3", "httpx", "httpcore")
"""Clients of storage and of the network, which log every request at INFO: an idle sweep would write 1 GB a month."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

_TELLING = re.compile("warn|error|fail|severe", re.IGNORECASE)
"""By these words the host takes a line for a warning (`warn`, before all others) or an error."""


class JsonLines(logging.Formatter):
    """Formats a record as a line of JSON: time, level, logger, message, and the record's facts."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": "ERROR" if record.levelno >= logging.ERROR else record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {key: value for key, value in vars(record).items() if key not in _STANDARD and key not in line}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _as_level(json.dumps(line, default=str, ensure_ascii=False), line["level"])


def set_up_logs(stream: TextIO | None = None) -> None:
    """Have the app's records written to `stream` (standard error) alone, and clients logged from WARNING on."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    for name in OURS:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.INFO)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _as_level(line: str, level: str) -> str:
    """Return the same JSON without the words by which the host would take it for another level."""
    own, *rest = re.split(f'("level": "{level}")', line, maxsplit=1)
    kept = "".join(rest[:1])
    return f"{_TELLING.sub(_escape, own)}{kept}{_TELLING.sub(_escape, ''.join(rest[1:]))}"


def _escape(word: re.Match[str]) -> str:
    return f"\\u{ord(word[0][0]):04x}{word[0][1:]}"
