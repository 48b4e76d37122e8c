"""The rooms of the pipeline stay few, and a step's run passes few of their modules."""

import ast
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

from shared.domain import job as jobs
from shared.domain.message import QUEUES, StageMessage, StepKind
from shared.domain.stage import Stage
from shared.pipeline.context import Delivery, Services, StepContext
from shared.pipeline.execution.run_step import run_step
from shared.pipeline.jobs.submit import JobRequest, submit_url
from shared.pipeline.updates import change_job
from shared.settings import Settings
from shared.storage.memory import MemoryStorage

PIPELINE = Path(__file__).parents[3] / "shared" / "pipeline"
PACKAGE = "shared.pipeline"

MAX_ROOMS = 14
MAX_ARROWS = 50
MAX_MODULES_OF_A_STEP = 9


def imported_by(module: Path) -> Iterator[str]:
    """Yield the modules of the pipeline that a module imports, anywhere in its text."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith(f"{PACKAGE}."))
        elif isinstance(node, ast.ImportFrom) and node.module == PACKAGE:
            yield from (f"{PACKAGE}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(f"{PACKAGE}."):
            yield node.module


def room_of(module: str) -> str:
    return module.removeprefix(f"{PACKAGE}.").partition(".")[0]


def rooms() -> set[str]:
    """Return the folders and modules that stand directly in the pipeline's folder."""
    return {path.stem for path in PIPELINE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()} - {
        "__init__"
    }


def arrows() -> set[tuple[str, str]]:
    """Return which room imports which other one; the order is held by the import contracts."""
    found = {
        (module.relative_to(PIPELINE).with_suffix("").parts[0], room_of(imported))
        for module in PIPELINE.rglob("*.py")
        for imported in imported_by(module)
    }
    return {(room, other) for room, other in found if room != other}


def test_the_rooms_are_few() -> None:
    assert len(rooms()) <= MAX_ROOMS


def test_the_arrows_between_rooms_are_few() -> None:
    assert len(arrows()) <= MAX_ARROWS
    assert {room for arrow in arrows() for room in arrow} == rooms()


def modules_called_by(call: Callable[[], None]) -> set[str]:
    """Return the modules of the pipeline whose functions run during the call, in any thread."""
    called: set[str] = set()

    def note(frame: FrameType, event: str, _: Any) -> None:
        name = frame.f_globals.get("__name__", "")
        if event == "call" and name.startswith(f"{PACKAGE}."):
            called.add(name)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
    return called


def test_a_steps_run_passes_few_modules() -> None:
    """The download, which succeeds and is followed by the steps of two stages."""
    now, numbers = datetime(2026, 1, 1, tzinfo=UTC), count(1)
    storage = MemoryStorage(lambda: now)

    def download(context: StepContext) -> None:
        context.report(0.5)
        parts = {Stage.TRANSCRIPTION: 2, Stage.TRACKING: 1}
        change_job(
            services,
            "acme",
            context.job.job_id,
            lambda job: jobs.plan_stages(job, parts, {Stage.RENDITION: "none"}, now),
        )
        storage.blobs.write("work", "part", b"", "text/plain")

    services = Services(
        storage=storage,
        settings=Settings(heartbeat_sec=timedelta(hours=1).total_seconds()),
        clock=lambda: now,
        new_id=lambda: f"id{next(numbers)}",
        work={(Stage.DOWNLOAD, StepKind.PART): download},
    )
    submit_url(services, JobRequest(org_id="acme"), "https://example.com/talk.mp4")
    message = storage.queues.pop(*QUEUES.values())
    assert isinstance(message, StageMessage)

    called = modules_called_by(lambda: run_step(services, message, Delivery("m", 1)))

    assert f"{PACKAGE}.execution.run_step" in called
    assert len(storage.queues.waiting()) == 3
    assert len(called) <= MAX_MODULES_OF_A_STEP, sorted(called)
