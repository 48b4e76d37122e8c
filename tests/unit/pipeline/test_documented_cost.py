"""The requests of an hour of recording are those of docs/cost.md: a change that adds some has to change the page."""

from pathlib import Path
from typing import Any

import pytest

from shared.domain.cost import Operation
from shared.domain.message import QUEUES
from shared.domain.stage import Stage
from shared.pipeline.context import Delivery
from shared.pipeline.execution.run_step import run_step
from shared.telemetry.cost_meter import metered

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


def documented(name: str) -> tuple[int, int, int]:
    """Return the messages, the table requests and the messages sent that the page gives."""
    (line,) = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| {name} |")]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    return int(cells[1]), int(cells[3]), int(cells[4])


@pytest.mark.parametrize(
    ("name", "parts", "options"),
    [
        ("sound alone", SPEECH, {}),
        ("1080p, speech and track", SPEECH | TRACK, {}),
        ("the same with a rendition (HEVC)", SPEECH | TRACK | VIDEO, {"rendition": "always"}),
    ],
)
def test_the_page_tells_the_requests_of_an_hour(
    new_harness: Any, name: str, parts: dict[Stage, int], options: dict[str, Any]
) -> None:
    skipped = {stage: "none" for stage in Stage if stage not in parts and stage is not Stage.DOWNLOAD}
    harness = new_harness(parts=parts, skipped=skipped)
    messages = 0
    with metered(counts_inner=True) as meter:
        harness.submit(options=options)
        while (message := harness.storage.queues.pop(*QUEUES.values())) is not None:
            run_step(harness.services, message, Delivery(f"m{messages}", 1))
            messages += 1
    spent = meter.spent().operations
    requests = sum(spent.get(kind, 0) for kind in TABLES)
    assert (messages, requests, spent[Operation.QUEUE_SEND]) == documented(name)
