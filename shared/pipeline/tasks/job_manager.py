"""Turn functions into background jobs:

    @job_manager.job(max_attempts=8)
    def send_invitation(services: Services, org_id: str, address: str) -> None: ...

    send_invitation.delay("acme", "ann@example.com")      # in a script, with the services that the wiring binds
    send_invitation.using(services).delay_in(timedelta(days=30), "acme", "ann@example.com")
    send_invitation.schedule_cron("0 8 * * MON", "acme", "ann@example.com", time_zone="Europe/Zurich")
    send_invitation(services, "acme", "ann@example.com")  # here and now, as any function

A job runs at least once, and again when its worker crashed at the last moment: it has to be idempotent. Parameters
named `services` and `task` are filled in when it runs; all others are JSON. `org_id` names the task's organisation.
Modules with jobs are imported by `shared.pipeline.registry`, so that every worker knows them. How it works:
docs/decisions/0009-background-jobs.md.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import update_wrapper
from itertools import count
from typing import Any, Generic, ParamSpec, TypeVar, overload

from shared.domain.errors import NotFound, WriteConflict
from shared.domain.lease import Backoff
from shared.domain.schedule import Schedule
from shared.domain.task import Task, TaskState
from shared.pipeline.context import Services
from shared.pipeline.tasks.dispatch import create_task, restart_task
from shared.pipeline.tasks.json_arguments import find_non_json
from shared.pipeline.tasks.schedules import keep_schedule

P = ParamSpec("P")
R = TypeVar("R")

FILLED_IN = ("services", "task")
"""Parameters that are no arguments: the worker fills them in."""

_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,99}")


class RetryLater(Exception):
    """Raised by a job that cannot go on yet: it runs again after `delay`, and that counts as no failed attempt."""

    def __init__(self, delay: timedelta) -> None:
        super().__init__(f"again in {delay}")
        self.delay = delay


DEFAULT_BACKOFF = Backoff()
DEFAULT_MAX_ATTEMPTS = 5


class BackgroundJob(Generic[P, R]):
    """A function that can also be called later, by a worker."""

    def __init__(
        self, manager: "JobManager", function: Callable[P, R], name: str, max_attempts: int, backoff: Backoff
    ) -> None:
        self.name, self.max_attempts, self.backoff = name, max_attempts, backoff
        self._manager = manager
        self._function = function
        self._signature = inspect.signature(function)
        self._arguments = self._signature.replace(
            parameters=[each for each in self._signature.parameters.values() if each.name not in FILLED_IN]
        )
        update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function now."""
        return self._function(*args, **kwargs)

    def using(self, services: Services, *, task_id: str | None = None) -> "BoundJob":
        """Return the job with these services.

        With a `task_id` (up to 200 characters that a table's key may hold) a task is created once however often it is
        requested, until an hour after its end. A schedule has that id, too, so that scheduling again with another cron
        or other arguments changes it instead of adding one.
        """
        return BoundJob(self, services, task_id)

    def delay(self, *args: Any, **kwargs: Any) -> Task:
        """Enqueue a call of the function; raise TypeError unless the arguments fit the function and are JSON."""
        return self.using(self._manager.services()).delay(*args, **kwargs)

    def delay_in(self, delay: timedelta, /, *args: Any, **kwargs: Any) -> Task:
        """Enqueue a call of the function after the delay, which may be of any length."""
        return self.using(self._manager.services()).delay_in(delay, *args, **kwargs)

    def schedule_cron(self, cron: str, /, *args: Any, time_zone: str = "UTC", **kwargs: Any) -> Schedule:
        """Schedule calls of the function at every time of a cron of 5 fields; the same call again changes nothing.

        Raises InvalidRequest for a cron that cannot be read or never comes, and for an unknown time zone.
        """
        return self.using(self._manager.services()).schedule_cron(cron, *args, time_zone=time_zone, **kwargs)

    def arguments(self, *args: Any, **kwargs: Any) -> Mapping[str, Any]:
        """Return a call's arguments by parameter name; raise TypeError."""
        try:
            bound = dict(self._arguments.bind(*args, **kwargs).arguments)
        except TypeError as err:
            raise TypeError(f"{self.name}: {err}.") from err
        for name, value in bound.items():
            if self._arguments.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL:
                bound[name] = value = list(value)
            if (found := find_non_json(value, name)) is not None:
                raise TypeError(f"{self.name}: {found}, and a background job's arguments are JSON.")
        return bound

    def run(self, services: Services, task: Task) -> R:
        """Call the function with the task's arguments."""
        unknown = task.arguments.keys() - self._arguments.parameters.keys()
        if unknown:
            raise TypeError(f"{self.name} has no parameter {', '.join(sorted(unknown))}.")
        given = {**task.arguments, "services": services, "task": task}
        known = {name: given[name] for name in self._signature.parameters if name in given}
        bound = inspect.BoundArguments(self._signature, known)
        return self._function(*bound.args, **bound.kwargs)


@dataclass(frozen=True, slots=True)
class BoundJob:
    """A background job with the services that keep its tasks; methods as in `BackgroundJob`."""

    job: BackgroundJob[Any, Any]
    services: Services
    task_id: str | None = None

    def delay(self, *args: Any, **kwargs: Any) -> Task:
        """Enqueue a call of the function."""
        return self.delay_in(timedelta(0), *args, **kwargs)

    def delay_in(self, delay: timedelta, /, *args: Any, **kwargs: Any) -> Task:
        """Enqueue a call of the function after the delay."""
        now, arguments = self.services.clock(), self.job.arguments(*args, **kwargs)
        task = Task(
            task_id=self.task_id or self.services.new_id(),
            once=self.task_id is not None,
            org_id=organisation_of(arguments),
            name=self.job.name,
            arguments=arguments,
            created_at=now,
            due_at=now + max(delay, timedelta(0)),
        )
        return create_task(self.services, task)

    def delay_unless_waiting(self, *args: Any, **kwargs: Any) -> Task:
        """Enqueue a call of the function, unless one under this `task_id` waits: that one will do what this would.

        A call that runs may have begun before what this one is about, so another one follows it. So a caller that asks
        a thousand times has one call waiting.
        """
        numbers = count()
        while True:
            bound = replace(self, task_id=f"{self.task_id}-{next(numbers)}")
            try:
                stored = self.services.storage.tasks.get(bound.task_id or "")
            except NotFound:
                return bound.delay(*args, **kwargs)
            if stored.value.state is TaskState.RUNNING:
                continue
            with suppress(WriteConflict):  # another request was quicker, or a worker claimed it
                return restart_task(self.services, stored).value if stored.value.is_over else stored.value

    def schedule_cron(self, cron: str, /, *args: Any, time_zone: str = "UTC", **kwargs: Any) -> Schedule:
        """Schedule calls of the function at every time of the cron."""
        arguments = self.job.arguments(*args, **kwargs)
        return keep_schedule(
            self.services,
            schedule_id=self.task_id,
            org_id=organisation_of(arguments),
            name=self.job.name,
            arguments=arguments,
            cron=cron,
            time_zone=time_zone,
        )


class JobManager:
    """The background jobs of this process by name, and the services for callers that bring none."""

    def __init__(self) -> None:
        self._jobs: dict[str, BackgroundJob[Any, Any]] = {}
        self._provider: Callable[[], Services] | None = None

    @overload
    def job(self, function: Callable[P, R], /) -> BackgroundJob[P, R]: ...

    @overload
    def job(
        self, /, *, name: str | None = None, max_attempts: int = ..., backoff: Backoff = ...
    ) -> Callable[[Callable[P, R]], BackgroundJob[P, R]]: ...

    def job(
        self,
        function: Callable[P, R] | None = None,
        /,
        *,
        name: str | None = None,
        max_attempts: int = DEFAULT_MAX_ATTEMPTS,
        backoff: Backoff = DEFAULT_BACKOFF,
    ) -> BackgroundJob[P, R] | Callable[[Callable[P, R]], BackgroundJob[P, R]]:
        """Decorate a function. Its `name`, the function's unless given, stands in stored tasks: keep it when the
        function is renamed. After `max_attempts` failures the task is a dead letter."""
        if function is not None:
            return self._register(function, name, max_attempts, backoff)
        return lambda decorated: self._register(decorated, name, max_attempts, backoff)

    def _register(
        self, function: Callable[P, R], name: str | None, max_attempts: int, backoff: Backoff
    ) -> BackgroundJob[P, R]:
        chosen = name or function.__name__
        if _NAME.fullmatch(chosen) is None:
            raise ValueError(
                f"{chosen!r} cannot be a background job's name: use lower-case letters, digits, _ . and -."
            )
        if chosen in self._jobs:
            raise ValueError(f"There is a background job named {chosen} already.")
        if max_attempts < 1:
            raise ValueError(f"{chosen} has to be tried once at least; max_attempts is {max_attempts}.")
        job = self._jobs[chosen] = BackgroundJob(self, function, chosen, max_attempts, backoff)
        return job

    def find(self, name: str) -> BackgroundJob[Any, Any] | None:
        """Return the job of this name; None in a release that has none."""
        return self._jobs.get(name)

    def bind(self, provider: Callable[[], Services]) -> None:
        """Set the provider of the services that `delay` and its like use; it is called when they are first needed."""
        self._provider = provider

    def services(self) -> Services:
        """Return the services that are bound; raise RuntimeError."""
        if self._provider is None:
            raise RuntimeError(
                "No services are bound: import shared.wiring first, or call .using(services).delay(...)."
            )
        return self._provider()


def organisation_of(arguments: Mapping[str, Any]) -> str:
    """Return the organisation of a task with these arguments; "" when they name none."""
    found = arguments.get("org_id")
    return found if isinstance(found, str) else ""


job_manager = JobManager()
"""The background jobs of Rostrum."""
