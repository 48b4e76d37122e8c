"""The short form of `benchmarks/overload.py`: a crowd, and a storage that fails for some seconds."""

from pathlib import Path

import pytest

from benchmarks._local_stack import LocalStack
from benchmarks.overload import REAL_EVERY, Overload, Plan

pytestmark = pytest.mark.e2e

PLAN = Plan(jobs=REAL_EVERY // 2, callers=REAL_EVERY // 2, fault_sec=4.0, visitors=1, poll_sec=0.2)


def test_everybody_is_served_or_refused_with_a_word(tmp_path: Path, short_lecture: Path) -> None:
    with LocalStack(tmp_path, faulty=True, fills_disk=True, example=short_lecture) as stack:
        overload = Overload(stack, PLAN)
        overload.crowd()
        overload.faults()
        lines = overload.verdict()
    assert [line for line in lines if not line.holds] == []
    figures = {line.what: line.figure for line in lines}
    refused = [
        figures[f"{name}: refused, and accepted afterwards"] for name in ("storage says 503", "disk nearly full")
    ]
    assert min(refused) > 0
    assert overload.notes.answers[503] >= sum(refused)
    asked_for_real = [key for key in overload.notes.jobs if "before" in key or key in ("crowd-0", "beside")]
    assert figures["jobs that ended in DONE"] >= len(asked_for_real)
    assert figures["jobs that ended in ERROR"] > 0
