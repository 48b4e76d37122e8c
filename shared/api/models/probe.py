"""Define the shapes in which the API shows a probed recording, and run a probe beside other requests."""

from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from shared.api.http.concurrency_limit import ConcurrencyLimit
from shared.domain.options import ChosenEngine
from shared.domain.stage import Stage
from shared.domain.warning import texts
from shared.media.payload import AudioStreamPayload, MediaPayload, VideoStreamPayload
from shared.pipeline.jobs.probe import Probed

T = TypeVar("T")


class _View(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, from_attributes=True)


class ExpectedStageView(_View):
    """What a stage would do: nothing, for the `reason`, or so many parts. Null while the length is not known."""

    parts: int | None
    invocations: int | None
    reason: str | None


class ExpectedEngineView(_View):
    """What would transcribe; `language` is null where the engine would find out."""

    name: ChosenEngine
    model: str
    language: str | None


class ExpectedProblemView(_View):
    """Why a job would be refused, or end in ERROR."""

    code: str
    title: str
    detail: str


class PlanView(_View):
    """What a job would do."""

    stages: dict[Stage, ExpectedStageView]
    invocations: int | None = Field(description="Of functions in all, when each works at the first try.")
    engine: ExpectedEngineView | None
    problem: ExpectedProblemView | None


class ProbeView(_View):
    """What a recording is, and what a job would do with it. What only reading all of it would tell is null."""

    container: str
    streams: list[VideoStreamPayload | AudioStreamPayload]
    duration_sec: float | None
    size_bytes: int | None
    sha256: str | None = Field(description="Hexadecimal, where it is known already.")
    plan: PlanView
    warnings: list[str]

    @classmethod
    def of(cls, probed: Probed) -> "ProbeView":
        """Return the view of a probe's result."""
        return cls(
            container=probed.recording.container,
            streams=MediaPayload.of(probed.recording, "").streams,
            duration_sec=probed.duration_sec,
            size_bytes=probed.size_bytes,
            sha256=probed.sha256,
            plan=PlanView.model_validate(probed.expected),
            warnings=list(texts(probed.warnings)),
        )


async def probe_off_loop(limit: ConcurrencyLimit, org_id: str, call: Callable[[], T]) -> T:
    """Run a probe on a thread of its own, under the limit; raise Busy when no place becomes free."""
    async with limit.take(org_id):
        return await to_thread.run_sync(call, limiter=CapacityLimiter(1))
