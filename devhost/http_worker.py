"""The worker process for HTTP functions: uvicorn around the app's HTTP triggers.

Started by the supervisor as `python -m devhost.http_worker`; not for people.
"""

import argparse
import logging
import os
import socket
import threading
import traceback
from pathlib import Path

import uvicorn

from devhost.channel import Channel, log_to_supervisor
from devhost.function_index import load_functions
from devhost.header_timeout import ImpatientProtocol
from devhost.http_app import HttpApp
from devhost.settings import read_host_options

BODY_LIMIT_SETTING = "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"
DEFAULT_BODY_LIMIT_BYTES = 104_857_600  # the host's: learn.microsoft.com/azure/azure-functions/functions-app-settings
STOP_SEC = 2

KEEP_ALIVE_SEC = 75
"""How long an idle connection stays open: longer than the 60 s that clients and proxies keep theirs for reuse."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--app", type=Path, required=True)
    parser.add_argument("--module", required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log-level", type=int, default=logging.INFO)
    options = parser.parse_args()
    servers: list[uvicorn.Server] = []
    channel = Channel(on_close=lambda: _stop(servers))
    log_to_supervisor(options.log_level)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    try:
        functions = load_functions(options.app, options.module)
        host = read_host_options(options.app)
        app = HttpApp(
            list(functions.values()),
            route_prefix=host.route_prefix,
            timeout_sec=host.function_timeout_sec,
            body_limit_bytes=int(os.environ.get(BODY_LIMIT_SETTING, DEFAULT_BODY_LIMIT_BYTES)),
        )
        listener = socket.create_server((options.host, options.port), backlog=256)
        # Connections inherit it. asyncio sets it itself only on sockets that name their protocol, as this one does not;
        # without it the second packet of an answer waits 40 ms for the first one's acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except Exception:  # noqa: BLE001  every error of loading the app is printed to the terminal
        channel.send({"failed": traceback.format_exc()})
        channel.end(1)
    servers.append(uvicorn.Server(server_config(app)))
    triggers = [function.trigger.to_wire() for function in functions.values()]
    channel.send({"ready": triggers, "port": listener.getsockname()[1]})
    servers[0].run(sockets=[listener])
    channel.end(0)


def server_config(app: HttpApp) -> uvicorn.Config:
    """Return how uvicorn serves the app."""
    return uvicorn.Config(
        app,
        http=ImpatientProtocol,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SEC,
        timeout_graceful_shutdown=STOP_SEC,
    )


def _stop(servers: list[uvicorn.Server]) -> None:
    for server in servers:
        server.should_exit = True
    threading.Event().wait(STOP_SEC + 1)
    os._exit(0)


if __name__ == "__main__":
    main()
