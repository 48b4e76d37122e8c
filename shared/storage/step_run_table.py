"""Keep the steps of jobs in table `parts`: a job's partition holds a row `{stage}-{step}-{number}` per step.

A job's steps are read all or not at all: a step that was skipped would be taken for one that does not exist.
"""

from collections.abc import Sequence

from shared.domain.errors import WriteConflict
from shared.domain.message import StepKind
from shared.domain.stage import Stage, StageState
from shared.domain.step_run import StepRun
from shared.storage.ports import Stored
from shared.storage.rows import Rows
from shared.storage.table import Table

_STAGES, _STEPS = tuple(Stage), tuple(StepKind)
_NOT_DONE = frozenset(state for state in StageState if state is not StageState.DONE)


class StepRunTable:
    """A `StepRunStore`."""

    def __init__(self, parts: Table) -> None:
        self._parts = Rows(parts, "parts", StepRun, lambda part: (part.job_id, _key(part)), "part", remembers=256)

    def create(self, part: StepRun) -> Stored[StepRun]:
        try:
            return self._parts.insert(part)
        except WriteConflict:
            return self.get(part)

    def get(self, part: StepRun) -> Stored[StepRun]:
        return self._parts.get(part.job_id, _key(part))

    def update(self, stored: Stored[StepRun], part: StepRun) -> Stored[StepRun]:
        return self._parts.replace(stored, part)

    def of_job(self, job_id: str, stage: Stage | None = None) -> Sequence[Stored[StepRun]]:
        after, before = ("", None) if stage is None else (f"{stage}-", f"{stage}.")  # "." follows "-" in ASCII
        return sorted(self._parts.scan_all(job_id, after=after, before=before), key=_order)

    def has_open_part(self, job_id: str, stage: Stage) -> bool:
        parts = f"{stage}-{StepKind.PART}"
        return self._parts.any(job_id, after=f"{parts}-", before=f"{parts}.", where={"state": _NOT_DONE})

    def delete_of(self, job_id: str) -> int:
        return self._parts.clear(job_id)


def _key(part: StepRun) -> str:
    return f"{part.stage}-{part.step}-{part.number:05d}"


def _order(stored: Stored[StepRun]) -> tuple[int, int, int]:
    """Return the sort key by which stages and steps come in the order in which they happen."""
    part = stored.value
    return _STAGES.index(part.stage), _STEPS.index(part.step), part.number
