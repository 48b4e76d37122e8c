#!/usr/bin/env python3
"""One entry for people: everything needed is set up on the first run, under .rostrum/.

Needs Python 3.11 or newer and nothing else.
"""

import sys

if sys.version_info < (3, 11):  # before anything that an older Python could not read
    sys.exit("Rostrum needs Python 3.11 or newer; this is %d.%d. Try: python3.12 dev.py" % sys.version_info[:2])

import argparse
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from devhost.checks import compile_requirements, run_benchmarks, run_checks
from devhost.environment import Environment
from devhost.errors import DevHostError, PageError, StackError
from devhost.models import describe_models, fetch_models
from devhost.page import DEFAULT_PORT as DEFAULT_PAGE_PORT
from devhost.page import Page, find_page, page_origins, start_page
from devhost.stack import DEFAULT_DATA, DEFAULT_PORT, REPO, Stack, find_running, free_port, start_stack

BAD_USAGE = 2
CANCEL_TIMEOUT_SEC = 15.0
MAX_TEST_PROCESSES = 4

PROCESS_HELP = """\
Processes one recording, from file or address to artefacts, and shows how far it is. Exit status: 0 done, 1 failed or
canceled, 2 bad usage, 130 after Ctrl-C, which cancels the job. Uses the stack that runs on the port; otherwise it
starts one and stops it at the end.

An address on this machine (http://127.0.0.1/…) is refused unless the stack was started with
ROSTRUM_ALLOW_LOOPBACK_SOURCES=true in its environment.
"""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def up(options: argparse.Namespace) -> int:
    python = Environment().ensure(say)
    running = find_running(options.port)
    if running is not None:
        say(f"A stack runs already: {running.url}")
        return 0
    stack = _start(python, options, options.port, {"ROSTRUM_CORS_ORIGINS": page_origins(options.dashboard_port)})
    page = None
    try:
        print(f"API      {stack.url}\nAPI docs {stack.url}/docs\nStorage  {_storage(stack)}\nLog      {stack.log_file}")
        print("Ctrl-C stops everything.", flush=True)
        page = _start_page(python, stack, options.dashboard_port)
        while (ended := stack.ended) is None:
            time.sleep(0.5)
    finally:
        say("Stopping")
        if page is not None:
            page.stop()
        stack.stop()
    raise StackError(ended)


def _start_page(python: Path, stack: Stack, port: int) -> Page | None:
    """Serve the web page, which is built first where needed; without it the API goes on."""
    try:
        page = start_page(python, stack.url.removesuffix("/api"), say, port=port)
    except PageError as error:
        say(str(error))
        return None
    print(f"Page     {page.url}", flush=True)
    return page


def process(options: argparse.Namespace) -> int:
    if "://" not in options.source and not os.access(Path(options.source), os.F_OK):
        say(f"There is no file {options.source}.")  # the client would say so, too, but only after minutes of set-up
        return BAD_USAGE
    python = Environment().ensure(say)
    stack = _find_or_start(python, options)
    try:
        command = [str(python), "-m", "rostrum_client", "process", f"--base-url={stack.url}"]
        for name in ("out", "engine", "language"):
            if getattr(options, name) is not None:
                command.append(f"--{name}={getattr(options, name)}")
        command += [f"--{name}" for name in ("overlay", "follow-cam") if getattr(options, name.replace("-", "_"))]
        command += _page_options(stack, options.data)
        command += ["--", options.source]  # which may begin with a dash
        return _run_client(command)
    finally:
        if stack.is_ours:
            stack.stop()


def _page_options(stack: Stack, data: Path) -> list[str]:
    """Return what the client needs to say where the recording can be read in the page."""
    page = find_page(stack.url.removesuffix("/api"))
    if page is not None:
        return [f"--page={page}"]
    if not stack.is_ours:
        return []  # it runs without a page, and cannot be started a second time
    where = "" if data == DEFAULT_DATA else f" --data {shlex.quote(str(data))}"
    return [f"--page=http://localhost:{DEFAULT_PAGE_PORT}", f"--page-command=python3 dev.py up{where}"]


def _run_client(command: list[str]) -> int:
    """Run the client and return its exit code. Ctrl-C reaches it, too: it gets a moment to cancel its job."""
    client = subprocess.Popen(command, env=_with_repo_on_path())
    try:
        return client.wait()
    except KeyboardInterrupt:
        with suppress(subprocess.TimeoutExpired):
            client.wait(CANCEL_TIMEOUT_SEC)
        raise
    finally:
        client.kill()
        client.wait()


def trace(options: argparse.Namespace) -> int:
    url = os.environ.get("ROSTRUM_URL")
    if url is None:
        running = find_running(options.port)
        if running is None:
            raise StackError(f"No stack runs on port {options.port}. Start one with: python3 dev.py up")
        url = running.url
    command = [str(Environment().ensure(say)), "-m", "rostrum_client", "trace", f"--base-url={url}", options.job_id]
    return _run_client(command)


def test(options: argparse.Namespace) -> int:
    python = Environment().ensure(say)
    command = [str(python), "-m", "pytest", *_distribution(options.arguments), *options.arguments]
    # The tests start Python some hundred times, each time half a second faster with compiled modules.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(command, cwd=REPO, env=environment, check=False).returncode


def _distribution(arguments: list[str]) -> list[str]:
    """Return the options that run the tests in one process a core; none for debugging, which needs a single process.

    All tests together get one more, for those of stacks wait much of their time.
    """
    alone = {"--pdb", "--trace", "no:xdist", "-pno:xdist"}
    if alone.intersection(arguments):
        return []
    processes = (os.cpu_count() or 1) + (not arguments)
    return [
        "--numprocesses",
        str(min(processes, MAX_TEST_PROCESSES)),
        "--dist",
        "loadfile",  # tests/conftest.py says which modules stay together
        "--no-loadscope-reorder",
        "--max-worker-restart=1",  # a test that hangs ends its process and is tried again; a second end ends the run
    ]


def check(_: argparse.Namespace) -> int:
    return run_checks(Environment().ensure(say))


def bench(options: argparse.Namespace) -> int:
    return run_benchmarks(Environment().ensure(say), options.name)


def models(options: argparse.Namespace) -> int:
    if options.list:
        print(describe_models())
    else:
        fetch_models(options.names, say)
    return 0


def lock(_: argparse.Namespace) -> int:
    return compile_requirements(Environment().ensure(say))


def _find_or_start(python: Path, options: argparse.Namespace) -> Stack:
    port = DEFAULT_PORT if options.port is None else options.port
    try:
        running = find_running(port)
    except StackError:
        if options.port is not None:
            raise
        port, running = free_port(), None
        say(f"Port {DEFAULT_PORT} is taken by another program; using {port}")
    return running or _start(python, options, port)


def _start(python: Path, options: argparse.Namespace, port: int, settings: Mapping[str, str] | None = None) -> Stack:
    return start_stack(
        python,
        port=port,
        data=options.data.resolve(),
        workers=options.workers,
        hints=options.hint,
        say=say,
        settings=settings,
    )


def _storage(stack: Stack) -> str:
    ports = stack.azurite.ports if stack.azurite is not None else ()
    return "Azurite on 127.0.0.1, ports " + ", ".join(map(str, ports))


def _with_repo_on_path() -> dict[str, str]:
    path = os.pathsep.join(filter(None, (str(REPO), os.environ.get("PYTHONPATH", ""))))
    return {**os.environ, "PYTHONPATH": path}


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dev.py", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    stack_options = argparse.ArgumentParser(add_help=False)
    stack_options.add_argument("--data", type=Path, default=DEFAULT_DATA, help="where storage and logs live")
    stack_options.add_argument("--workers", type=_at_least_one, default=2, help="processes for the stages (default: 2)")
    stack_options.add_argument("--no-hint", dest="hint", action="store_false", help="find messages by polling only")

    command = commands.add_parser("up", parents=[stack_options], help="storage, functions and the page until Ctrl-C")
    command.add_argument("--port", type=_port, default=DEFAULT_PORT, help="of the API (default: %(default)s)")
    command.add_argument(
        "--dashboard-port", type=_port, default=DEFAULT_PAGE_PORT, help="of the web page (default: %(default)s)"
    )
    command.set_defaults(run=up)

    command = commands.add_parser(
        "process",
        parents=[stack_options],
        help="one recording, from file or address to artefacts",
        description=PROCESS_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("source", metavar="FILE_OR_URL")
    command.add_argument("--out", metavar="DIR", help="for the artefacts (default: out/<sessionId>)")
    command.add_argument("--engine", metavar="NAME", help="of the transcription")
    command.add_argument("--language", metavar="CODE", help="of the speech, such as en")
    command.add_argument("--overlay", action="store_true", help="make a video with what was tracked drawn in")
    command.add_argument("--follow-cam", action="store_true", help="make a video that follows the instructor")
    command.add_argument("--port", type=_port, help=f"of the API (default: {DEFAULT_PORT}, or a free one)")
    command.set_defaults(run=process)

    command = commands.add_parser(
        "trace", help="a job's steps as a tree; $ROSTRUM_URL and $ROSTRUM_TOKEN: of any service"
    )
    command.add_argument("job_id", metavar="JOB_ID")
    command.add_argument("--port", type=_port, default=DEFAULT_PORT, help="of the API (default: %(default)s)")
    command.set_defaults(run=trace)

    command = commands.add_parser(
        "test", help="every test, one process a core; arguments go to pytest (-n 0: one process)", add_help=False
    )
    command.set_defaults(run=test, arguments=[])

    commands.add_parser("check", help="formatter, linter, types, import rules, contract drift").set_defaults(run=check)

    command = commands.add_parser("bench", help="the benchmarks, each a ratio in one run")
    command.add_argument("name", nargs="?")
    command.set_defaults(run=bench)

    command = commands.add_parser("models", help="fetches optional models (needs a network), with checksums")
    command.add_argument("names", nargs="*", metavar="NAME", help="which (default: Whisper base, the person detector)")
    command.add_argument("--list", action="store_true", help="only show which there are")
    command.set_defaults(run=models)

    commands.add_parser("lock", help="compiles the pinned requirements again").set_defaults(run=lock)

    if arguments[:1] == ["test"]:  # all that follows is pytest's
        return argparse.Namespace(run=test, arguments=arguments[1:])
    return parser.parse_args(arguments)


def _port(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 65535:
        raise argparse.ArgumentTypeError("must be 1 to 65535")
    return number


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = _parse(sys.argv[1:])
    try:
        return int(options.run(options))
    except DevHostError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
