"""The short form of `benchmarks/chaos.py`: a few blows against a stack of its own, and everything counted."""

from pathlib import Path

import pytest

from benchmarks._local_stack import LocalStack
from benchmarks.chaos import Chaos, Plan

pytestmark = pytest.mark.e2e

PLAN = Plan(
    seed=7,
    kills=4,
    host_kills=0,
    stops=1,
    storage_kills=1,
    dropped=0,
    poison=1,
    jumps=1,
    full_disks=1,
    jobs_at_once=2,
    mean_pause_sec=2.0,
)


def test_nothing_is_lost_or_done_twice(tmp_path: Path, short_lecture: Path) -> None:
    with LocalStack(tmp_path, fills_disk=True, example=short_lecture, ROSTRUM_MAX_ATTEMPTS="20") as stack:
        chaos = Chaos(stack, PLAN)
        lines = chaos.run()
    assert chaos.accepted
    assert [line for line in lines if not line.is_pace and not line.holds] == []
    figures = {line.what: line.figure for line in lines}
    forgotten = figures.get("accepted jobs that Azurite forgot within 6 s of its -9", 0)
    assert figures["jobs that ended in DONE"] + forgotten == len(chaos.accepted)
