"""The host's log: one line per record, to the terminal and to a file under the data directory."""

import json
import logging
import logging.handlers
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from devhost.channel import RECORD_MARK

MAX_FILE_BYTES = 10_000_000
KEPT_FILES = 3
_LEVELS = {"trace": 10, "debug": 10, "information": 20, "warning": 30, "error": 40, "critical": 50, "none": 60}

log = logging.getLogger("devhost")


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S.%f")[:-3]
        fields = " ".join(f"{key}={value}" for key, value in _fields(record).items())
        line = f"{time} {record.levelname:<7} {record.name} {record.getMessage()}{' ' if fields else ''}{fields}"
        return line + _exception(self, record)


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        trace = _exception(self, record)
        if trace:
            line["exception"] = trace.strip()
        return json.dumps(line, default=str)


def _fields(record: logging.LogRecord) -> dict[str, object]:
    fields: dict[str, object] = getattr(record, "fields", {})
    return fields


def _exception(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    if record.exc_info:
        return "\n" + formatter.formatException(record.exc_info)
    trace = getattr(record, "trace", "")
    return f"\n{trace}" if trace else ""


def level_number(name: str) -> int:
    """Return the number of a .NET log level as host.json names it."""
    return _LEVELS.get(name.lower(), logging.INFO)


def set_up_logs(file: Path, *, level: int, as_json: bool, quiet: bool) -> None:
    """Send the host's records to `file`, and to standard error unless quiet."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handlers: list[logging.Handler] = [
        logging.handlers.RotatingFileHandler(file, maxBytes=MAX_FILE_BYTES, backupCount=KEPT_FILES, encoding="utf-8")
    ]
    if not quiet:
        handlers.append(logging.StreamHandler())
    for handler in handlers:
        handler.setFormatter(_Json() if as_json else _Text())
    logging.basicConfig(level=level, handlers=handlers, force=True)
    for noisy in ("azure", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def relay_worker_output(stream: IO[str], worker: str) -> None:
    """Log what a worker writes to standard error, until it ends: its log records, and printed text."""
    for text in stream:
        line = text.rstrip("\n")
        record = _parse(line) if line.startswith(RECORD_MARK) else _parse_line(line)
        if record is not None:
            record.fields["worker"] = worker  # type: ignore[attr-defined]
            logging.getLogger(record.name).handle(record)
        elif line:
            log.info(line.replace(RECORD_MARK, ""), extra={"fields": {"worker": worker, "printed": True}})


def _parse_line(line: str) -> logging.LogRecord | None:
    """Return the record of a line of JSON, as a function app may write them; None for any other text."""
    try:
        parsed = json.loads(line) if line.startswith("{") else {}
        level = logging.getLevelNamesMapping()[parsed.pop("level")]
        record = logging.LogRecord(parsed.pop("logger"), level, "", 0, "%s", (), None)
        record.created = datetime.fromisoformat(parsed.pop("time")).timestamp()
        record.args = (parsed.pop("message"),)
    except (KeyError, TypeError, ValueError):
        return None
    record.trace = parsed.pop("exception", "")
    record.fields = parsed
    return record


def _parse(line: str) -> logging.LogRecord | None:
    try:
        parsed = json.loads(line[len(RECORD_MARK) :])
    except ValueError:
        return None
    name, number = parsed["logger"], parsed["level"]
    record = logging.LogRecord(name, number, "", 0, "%s", (parsed["message"],), None)
    record.created = parsed["created"]
    record.fields = parsed["fields"]
    record.trace = parsed.get("exception", "")
    return record
