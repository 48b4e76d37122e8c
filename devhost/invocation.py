"""Turn what the supervisor sends into the objects that a function gets in Azure, and call the function."""

import asyncio
import base64
import json
import threading
import types
from dataclasses import dataclass, field
from typing import Any

from azure.functions.meta import Datum
from azure.functions.queue import QueueMessageInConverter
from azure.functions.timer import TimerRequestConverter

from devhost.function_index import LoadedFunction


@dataclass
class InvocationContext:
    """The `context` argument of a function that asks for one: what `func.Context` promises."""

    function_name: str
    invocation_id: str
    function_directory: str = ""
    thread_local_storage: Any = field(default_factory=threading.local)
    trace_context: Any = field(default_factory=lambda: types.SimpleNamespace(trace_parent="", trace_state=""))
    retry_context: Any = None


def queue_message(request: dict[str, Any]) -> Any:
    """Return the `func.QueueMessage` that Azure's own converter makes of the host's data."""
    metadata = {
        name: Datum(json.dumps(value), "json") for name, value in request["metadata"].items() if value is not None
    }
    return QueueMessageInConverter.decode(Datum(base64.b64decode(request["body"]), "bytes"), trigger_metadata=metadata)


def timer_request(request: dict[str, Any]) -> Any:
    """Return the `func.TimerRequest` that Azure's own converter makes of the host's data."""
    return TimerRequestConverter.decode(Datum(json.dumps(request["timer"]), "json"), trigger_metadata=None)


def call_function(function: LoadedFunction, request: dict[str, Any], runner: asyncio.Runner) -> None:
    """Call a queue or timer function; raise what it raises."""
    argument = queue_message(request) if function.trigger.kind == "queue" else timer_request(request)
    arguments = {function.parameter: argument}
    if function.wants_context:
        arguments["context"] = InvocationContext(function.trigger.name, request["id"])
    if function.is_async:
        runner.run(function.call(**arguments))
    else:
        function.call(**arguments)
