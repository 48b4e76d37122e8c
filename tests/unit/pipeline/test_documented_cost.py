"""The requests of an hour of recording are those of docs/cost.md: a change that adds some has to change the page."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared.domain.cost import Operation
from shared.domain.message import QUEUES
from shared.domain.stage import Stage
from shared.pipeline.context import Delivery
from shared.pipeline.execution.run_step import run_step
from shared.telemetry.cost_meter import CostMeter, metered
from tests.support.pipeline_harness import PipelineHarness

PAGE = Path(__file__).resolve().parents[3] / "docs" / "cost.md"
SPEECH, TRACK, VIDEO = {Stage.TRANSCRIPTION: 13}, {Stage.TRACKING: 12}, {Stage.RENDITION: 15}
"""The parts of an hour."""

TABLES = (
    Operation.TABLE_READ,
    Operation.TABLE_QUERY,
    Operation.TABLE_WRITE,
    Operation.TABLE_DELETE,
    Operation.TABLE_BATCH,
)
SUBMISSION = "`POST /jobs`"


@dataclass(frozen=True)
class Requests:
    """How many messages were handled, and what their handling asked of storage."""

    messages: int = 0
    table_requests: int = 0
    messages_sent: int = 0

    def __add__(self, other: "Requests") -> "Requests":
        return Requests(
            self.messages + other.messages,
            self.table_requests + other.table_requests,
            self.messages_sent + other.messages_sent,
        )


def documented(name: str) -> list[str]:
    """Return the cells behind the name in the page's row of that name."""
    (line,) = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| {name} |")]
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def counted(harness: PipelineHarness, options: dict[str, Any]) -> dict[str, Requests]:
    """Run a job to its end and return the requests of its submission and of each stage."""
    with metered(counts_inner=True) as meter:
        harness.submit(options=options)
    found = {SUBMISSION: requests(0, meter)}
    messages = iter(lambda: harness.storage.queues.pop(*QUEUES.values()), None)
    for number, message in enumerate(messages):
        with metered(counts_inner=True) as meter:
            run_step(harness.services, message, Delivery(f"m{number}", 1))
        stage = message.stage.value
        found[stage] = found.get(stage, Requests()) + requests(1, meter)
    return found


def requests(messages: int, meter: CostMeter) -> Requests:
    """Return what was asked of storage while so many messages were handled."""
    spent = meter.spent().operations
    return Requests(messages, sum(spent.get(kind, 0) for kind in TABLES), spent.get(Operation.QUEUE_SEND, 0))


def harness_of(new_harness: type[PipelineHarness], parts: dict[Stage, int]) -> PipelineHarness:
    """Return a pipeline that skips the stages without parts."""
    skipped = {stage: "none" for stage in Stage if stage not in parts and stage is not Stage.DOWNLOAD}
    return new_harness(parts=parts, skipped=skipped)


@pytest.mark.parametrize(
    ("name", "parts", "options"),
    [
        ("sound alone", SPEECH, {}),
        ("1080p, speech and track", SPEECH | TRACK, {}),
        ("the same with a rendition (HEVC)", SPEECH | TRACK | VIDEO, {"rendition": "always"}),
    ],
)
def test_the_page_tells_the_requests_of_an_hour(
    new_harness: type[PipelineHarness], name: str, parts: dict[Stage, int], options: dict[str, Any]
) -> None:
    hour = sum(counted(harness_of(new_harness, parts), options).values(), Requests())
    messages, _, table_requests, messages_sent, *_ = documented(name)
    assert hour == Requests(int(messages), int(table_requests), int(messages_sent))


def test_the_page_tells_the_requests_of_each_stage(new_harness: type[PipelineHarness]) -> None:
    stages = counted(harness_of(new_harness, SPEECH | TRACK | VIDEO), {"rendition": "always"})
    assert stages.keys() == {SUBMISSION, *(stage.value for stage in Stage)}
    assert stages == {name: Requests(*map(int, documented(name))) for name in stages}
