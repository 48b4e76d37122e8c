"""A worker process for queue and timer functions: one invocation at a time, sync functions in the main thread.

Started by the supervisor as `python -m devhost.worker`; not for people.
"""

import argparse
import asyncio
import logging
import os
import traceback
from pathlib import Path
from typing import Any

from devhost.channel import Channel, RecordHandler, log_to_supervisor
from devhost.function_index import LoadedFunction, load_functions
from devhost.invocation import call_function

log = logging.getLogger("devhost.worker")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--app", type=Path, required=True)
    parser.add_argument("--module", required=True)
    parser.add_argument("--nice", type=int, default=0)
    parser.add_argument("--log-level", type=int, default=logging.INFO)
    options = parser.parse_args()
    channel = Channel()
    handler = log_to_supervisor(options.log_level)
    if options.nice and hasattr(os, "nice"):
        os.nice(options.nice)  # the API stays quick while stages compute
    try:
        functions = load_functions(options.app, options.module)
    except Exception:  # noqa: BLE001  every error of loading the app is printed to the terminal
        channel.send({"failed": traceback.format_exc()})
        channel.end(1)
    channel.send({"ready": [function.trigger.to_wire() for function in functions.values()]})
    with asyncio.Runner() as runner:
        while True:
            request = channel.receive()
            channel.send({"done": request["id"], "error": _invoke(functions, request, runner, handler)})


def _invoke(
    functions: dict[str, LoadedFunction], request: dict[str, Any], runner: asyncio.Runner, handler: RecordHandler
) -> str | None:
    handler.context = {"function": request["function"], "invocation": request["id"]}
    try:
        call_function(functions[request["function"]], request, runner)
    except Exception as error:
        log.exception("function failed")
        return f"{type(error).__name__}: {error}"
    finally:
        handler.context = {}
    return None


if __name__ == "__main__":
    main()
