"""`python -m devhost`: runs a function app on this machine, like `func start`."""

import argparse
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from devhost.errors import DevHostError
from devhost.logs import level_number, set_up_logs
from devhost.settings import read_host_options
from devhost.supervisor import HostArguments, Supervisor

log = logging.getLogger("devhost")
DEFAULT_PORT = 7071


def main() -> int:
    options = _parse()
    stop = threading.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, lambda *_: stop.set())
    try:
        level = level_number(options.log_level or read_host_options(options.app).log_level)
        set_up_logs(options.data / "logs" / "devhost.log", level=level, as_json=options.json_logs, quiet=options.quiet)
        supervisor = Supervisor(
            HostArguments(
                app_dir=options.app.resolve(),
                module=options.module,
                data_dir=options.data.resolve(),
                host=options.host,
                port=options.port,
                workers=options.workers,
                hints=options.hint,
                grace_sec=options.grace,
                log_level=level,
            ),
            os.environ,
        )
        if options.stop_with_stdin:
            threading.Thread(target=_wait_for_stdin, args=(stop,), daemon=True).start()
        try:
            port = supervisor.start()
            log.info("the host is up", extra={"fields": {"url": f"http://{options.host}:{port}"}})
            while not stop.wait(1.0):
                pass
        finally:
            supervisor.stop()
    except DevHostError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _wait_for_stdin(stop: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 4096):  # not sys.stdin: its lock would trouble the interpreter's end
        pass
    stop.set()


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m devhost", description=__doc__)
    parser.add_argument("--app", type=Path, default=Path.cwd(), help="directory of the function app (default: here)")
    parser.add_argument("--module", default="function_app", help="module with the FunctionApp")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--workers", type=_at_least_one, default=2, help="processes for queue functions (default: 2)")
    parser.add_argument("--data", type=Path, default=Path(".rostrum/data"), help="logs and timer status go here")
    parser.add_argument("--no-hint", dest="hint", action="store_false", help="poll only, as Azure does")
    parser.add_argument("--grace", type=float, default=3.0, help="seconds that running functions get at the end")
    parser.add_argument("--log-level", help="as in host.json, whose default it overrides")
    parser.add_argument("--json-logs", action="store_true", help="log lines as JSON")
    parser.add_argument("--quiet", action="store_true", help="log to the file only")
    parser.add_argument("--stop-with-stdin", action="store_true", help="stop when standard input ends")
    return parser.parse_args()


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
