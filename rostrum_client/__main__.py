"""`python -m rostrum_client process FILE_OR_URL`: the client as a command."""

import argparse
import os
import sys
from collections.abc import Sequence

from rich.console import Console

from rostrum_client.client import RostrumClient
from rostrum_client.process import INTERRUPTED, process

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
            return process(arguments, client, console)
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rostrum_client", description="Talks to a running Rostrum.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser(
        "process", help="turn a recording into a transcript and the instructor's track", description=PROCESS_HELP
    )
    command.add_argument("source", metavar="FILE_OR_URL", help="the recording: a file, or an http(s) address")
    command.add_argument("--out", metavar="DIR", help="where the results go (default: out/<sessionId>)")
    command.add_argument("--engine", metavar="NAME", help="the transcription engine (default: the server chooses)")
    command.add_argument("--language", metavar="CODE", help="the language spoken, such as en")
    command.add_argument("--overlay", action="store_true", help="make a video with what was tracked drawn in")
    command.add_argument("--follow-cam", action="store_true", help="make a video that follows the instructor")
    command.add_argument(
        "--base-url",
        metavar="URL",
        default=os.environ.get("ROSTRUM_URL", "http://127.0.0.1:7071/api"),
        help="where Rostrum answers (default: $ROSTRUM_URL or %(default)s)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
