"""Rows of older releases: upgraded on read, written back in today's form, and those of later releases left alone."""

from datetime import UTC, datetime

import pytest

from shared.domain.errors import TransientError
from shared.domain.job import Job, new_job
from shared.domain.message import StepKind
from shared.domain.options import JobOptions
from shared.domain.stage import Stage, StageState
from shared.domain.step_run import StepRun
from shared.storage import upgrade
from shared.storage.columns import from_columns, to_columns
from shared.storage.memory_table import MemoryTable
from shared.storage.step_run_table import StepRunTable
from shared.storage.table import Columns, Row
from shared.storage.upgrade import UPGRADES, upgraded, with_version

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def rename_problem(columns: Columns) -> Columns:
    """Made up: version 1 called `lastError` `problem`."""
    renamed = dict(columns)
    if "problem" in renamed:
        renamed["lastError"] = renamed.pop("problem")
    return renamed


def count_from_zero(columns: Columns) -> Columns:
    """Made up: version 2 counted parts from 1."""
    return {**columns, "number": int(str(columns["number"])) - 1}


CHAIN = {"parts": (rename_problem, count_from_zero)}
OLD = {"jobId": "j", "stage": "tracking", "step": "part", "number": 4, "state": "waiting", "problem": "It broke."}


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param(OLD, id="before versions were written"),
        pytest.param({**OLD, "schemaVersion": 1}, id="version 1"),
        pytest.param(rename_problem({**OLD, "schemaVersion": 2}), id="version 2"),
    ],
)
def test_each_version_takes_the_steps_it_lacks(columns: Columns) -> None:
    found = upgraded("parts", columns, CHAIN)
    assert (found["number"], found["lastError"], found["schemaVersion"]) == (3, "It broke.", 3)
    assert "problem" not in found


def test_a_row_of_today_stays_as_it_is() -> None:
    today = with_version("parts", {"number": 3}, CHAIN)
    assert upgraded("parts", today, CHAIN) == {"number": 3, "schemaVersion": 3}


def test_a_row_of_a_later_release_is_left_to_its_own() -> None:
    with pytest.raises(TransientError, match="later release"):
        upgraded("parts", {"schemaVersion": 4}, CHAIN)


def test_an_old_row_is_read_and_its_next_change_writes_it_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    table = MemoryTable(lambda: NOW)
    table.insert(Row("j", "tracking-part-00003", {**OLD, "schemaVersion": 1}))
    for name, chain in CHAIN.items():
        monkeypatch.setitem(upgrade.UPGRADES, name, chain)  # type: ignore[arg-type]
    parts = StepRunTable(table)
    asked = StepRun(job_id="j", stage=Stage.TRACKING, step=StepKind.PART, number=3)
    stored = parts.get(asked)
    assert stored.value == asked.evolve(last_error="It broke.")
    parts.update(stored, stored.value.evolve(state=StageState.RUNNING))
    written = table.get("j", "tracking-part-00003").columns
    assert (written["schemaVersion"], written["state"]) == (3, "running")
    assert "problem" not in written


@pytest.mark.parametrize("table", UPGRADES)
def test_every_row_says_its_version(table: str) -> None:
    assert with_version(table, {})["schemaVersion"] == len(UPGRADES[table]) + 1


def test_a_job_from_before_renditions_has_none_to_make() -> None:
    options = JobOptions(rendition="never")
    job = new_job(job_id="j", session_id="s", org_id="o", now=NOW, options=options, callback_url=None, traceparent=None)
    old = {name: value for name, value in to_columns(job).items() if not name.startswith("rendition")}
    found = from_columns(Job, upgraded("jobs", {**old, "schemaVersion": 1}))
    assert found == job
    assert found.stages[Stage.RENDITION].state is StageState.SKIPPED
