"""The worker's end of the pipe to the supervisor: JSON lines on what were standard input and output.

Everything that code prints goes to standard error, which the supervisor logs. The end of the input means that the
supervisor is gone: the worker then ends at once, and its message comes back when its invisibility runs out.
"""

import json
import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

RECORD_MARK = "\x1e"  # begins a line of standard error that is a log record in JSON
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class Channel:
    """Receives requests and sends events."""

    def __init__(self, on_close: Callable[[], None] = lambda: os._exit(0)) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the supervisor's to handle
        self._requests: queue.Queue[dict[str, Any]] = queue.Queue()
        self._input = os.fdopen(os.dup(0), "r", encoding="utf-8")
        self._output = os.fdopen(os.dup(1), "w", encoding="utf-8")
        with Path(os.devnull).open() as nothing:
            os.dup2(nothing.fileno(), 0)
        os.dup2(2, 1)
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(line_buffering=True, errors="replace")  # type: ignore[union-attr]
        self._on_close = on_close
        threading.Thread(target=self._read, daemon=True, name="supervisor").start()

    def receive(self) -> dict[str, Any]:
        """Wait for the next request and return it."""
        return self._requests.get()

    def send(self, event: dict[str, Any]) -> None:
        """Send an event to the supervisor."""
        self._output.write(json.dumps(event) + "\n")
        self._output.flush()

    def end(self, status: int) -> NoReturn:
        """End the process, without waiting for the thread that reads."""
        logging.shutdown()
        os._exit(status)

    def _read(self) -> None:
        for line in self._input:
            self._requests.put(json.loads(line))
        self._on_close()


class RecordHandler(logging.Handler):
    """Writes each log record as one marked line of JSON to standard error."""

    def __init__(self) -> None:
        super().__init__()
        self.context: dict[str, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        fields = {key: value for key, value in vars(record).items() if key not in _STANDARD}
        line = {
            "level": record.levelno,
            "logger": record.name,
            "message": record.getMessage(),
            "created": record.created,
            "fields": {**self.context, **fields},
        }
        if record.exc_info:
            line["exception"] = logging.Formatter().formatException(record.exc_info)
        try:
            sys.stderr.write(RECORD_MARK + json.dumps(line, default=str) + "\n")
        except ValueError:
            self.handleError(record)


def log_to_supervisor(level: int) -> RecordHandler:
    """Send the root logger's records to the supervisor; Azure's HTTP records only from WARNING."""
    handler = RecordHandler()
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)
    for noisy in ("azure", "urllib3", "httpx", "httpcore"):
        logging.getLogger(noisy).setLevel(max(level, logging.WARNING))
    return handler
