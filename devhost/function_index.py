"""Load a function app as the Python worker does and describe its triggers.

Runs in the worker processes only: the supervisor never imports the app, it gets the descriptions over the pipe.
"""

import importlib
import inspect
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from devhost.errors import AppError

_KINDS = {"queueTrigger": "queue", "timerTrigger": "timer", "httpTrigger": "http"}


@dataclass(frozen=True, slots=True)
class Trigger:
    """What starts a function."""

    name: str
    kind: str  # queue, timer or http
    queue: str = ""
    connection: str = ""
    schedule: str = ""
    run_on_startup: bool = False
    use_monitor: bool = True
    route: str = ""
    methods: tuple[str, ...] = ()

    def to_wire(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_wire(fields: dict[str, Any]) -> "Trigger":
        return Trigger(**{**fields, "methods": tuple(fields["methods"])})


@dataclass(frozen=True, slots=True)
class LoadedFunction:
    """A function that can be called."""

    trigger: Trigger
    call: Callable[..., Any]
    parameter: str
    wants_context: bool

    @property
    def is_async(self) -> bool:
        return inspect.iscoroutinefunction(self.call)


def load_functions(app_dir: Path, module: str) -> dict[str, LoadedFunction]:
    """Import the app and return its functions by name."""
    sys.path.insert(0, str(app_dir))
    from azure.functions import FunctionApp

    imported = importlib.import_module(module)
    apps = {name: value for name, value in vars(imported).items() if isinstance(value, FunctionApp)}
    if len(apps) != 1:
        found = ", ".join(sorted(apps)) or "none"
        raise AppError(f"{module} must have exactly one module-level FunctionApp; it has: {found}")
    functions = [_describe(function) for function in next(iter(apps.values())).get_functions()]
    return {function.trigger.name: function for function in functions}


def _describe(function: Any) -> LoadedFunction:
    name = function.get_function_name()
    binding = function.get_trigger().get_dict_repr()
    kind = _KINDS.get(binding["type"])
    if kind is None:
        raise AppError(f"Function {name}: this host does not run {binding['type']}")
    others = [b.type for b in function.get_bindings() if b.type not in (binding["type"], "http")]
    if others:
        raise AppError(f"Function {name}: this host does not run the bindings {', '.join(others)}")
    call = function.get_user_function()
    parameters = set(inspect.signature(call).parameters)
    if parameters - {"context"} != {binding["name"]}:
        raise AppError(f"Function {name}: parameters {sorted(parameters)} do not fit the trigger {binding['name']!r}")
    trigger = Trigger(
        name=name,
        kind=kind,
        queue=binding.get("queueName") or "",
        connection=binding.get("connection") or "AzureWebJobsStorage",
        schedule=binding.get("schedule") or "",
        run_on_startup=bool(binding.get("runOnStartup")),
        use_monitor=binding.get("useMonitor") is not False,
        route=name if binding.get("route") is None else binding["route"],
        methods=tuple(str(getattr(m, "value", m)).upper() for m in binding.get("methods") or ()),
    )
    return LoadedFunction(trigger, call, binding["name"], "context" in parameters)
