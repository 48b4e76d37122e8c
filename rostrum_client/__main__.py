"""`python -m rostrum_client process FILE_OR_URL` and `trace JOB_ID`: the client as a command."""

import argparse
import os
import sys
from collections.abc import Sequence

from rich.console import Console

from rostrum_client.client import RostrumClient
from rostrum_client.errors import RostrumClientError
from rostrum_client.process import INTERRUPTED, process
from rostrum_client.trace_tree import print_trace

PROCESS_HELP = "Processes one recording, from file or address to artefacts. Ctrl-C cancels its job."


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; gives the exit status: 0 done, 1 failed or canceled, 2 bad usage, 130 after Ctrl-C."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without "×" gets a "?", not a traceback
    console = Console()
    try:
        client = RostrumClient(arguments.base_url, os.environ.get("ROSTRUM_TOKEN"))
    except ValueError as error:
        parser.error(str(error))
    try:
        with client:
            return int(arguments.run(arguments, client, console))
    except KeyboardInterrupt:
        return INTERRUPTED


def trace(arguments: argparse.Namespace, client: RostrumClient, console: Console) -> int:
    """Print the job's trace; return the exit status."""
    try:
        print_trace(client.trace(arguments.job_id), console)
    except RostrumClientError as error:
        console.print(str(error), markup=False)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rostrum_client", description="Talks to a running Rostrum.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    address = argparse.ArgumentParser(add_help=False)
    address.add_argument(
        "--base-url",
        metavar="URL",
        default=os.environ.get("ROSTRUM_URL", "http://127.0.0.1:7071/api"),
        help="where Rostrum answers (default: $ROSTRUM_URL or %(default)s)",
    )
    command = commands.add_parser("trace", parents=[address], help="print a job's steps as a tree")
    command.add_argument("job_id", metavar="JOB_ID")
    command.set_defaults(run=trace)
    command = commands.add_parser(
        "process",
        parents=[address],
        help="turn a recording into a transcript and the instructor's track",
        description=PROCESS_HELP,
    )
    command.add_argument("source", metavar="FILE_OR_URL", help="the recording: a file, or an http(s) address")
    command.add_argument("--out", metavar="DIR", help="where the results go (default: out/<sessionId>)")
    command.add_argument("--engine", metavar="NAME", help="the transcription engine (default: the server chooses)")
    command.add_argument("--language", metavar="CODE", help="the language spoken, such as en")
    command.add_argument("--overlay", action="store_true", help="make a video with what was tracked drawn in")
    command.add_argument("--follow-cam", action="store_true", help="make a video that follows the instructor")
    command.add_argument("--page", metavar="URL", help="the web page, whose address of the recording the summary tells")
    command.add_argument("--page-command", metavar="COMMAND", help="what starts the web page, where it does not run")
    command.set_defaults(run=process)
    return parser


if __name__ == "__main__":
    sys.exit(main())
