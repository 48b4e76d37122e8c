"""The steps of jobs in table `parts`: a job's partition holds a row `{stage}-{step}-{number}` per step."""

from collections.abc import Sequence

from shared.domain.errors import WriteConflict
from shared.domain.message import Step
from shared.domain.part import Part
from shared.domain.stage import Stage
from shared.storage.ports import Stored
from shared.storage.rows import Rows
from shared.storage.table import Table

_STAGES, _STEPS = tuple(Stage), tuple(Step)


class PartTable:
    """A `PartStore`."""

    def __init__(self, parts: Table) -> None:
        self._parts = Rows(parts, "parts", Part, lambda part: (part.job_id, _key(part)), "part")

    def create(self, part: Part) -> Stored[Part]:
        try:
            return self._parts.insert(part)
        except WriteConflict:
            return self.get(part)

    def get(self, part: Part) -> Stored[Part]:
        return self._parts.get(part.job_id, _key(part))

    def update(self, stored: Stored[Part], part: Part) -> Stored[Part]:
        return self._parts.replace(stored, part)

    def of_job(self, job_id: str, stage: Stage | None = None) -> Sequence[Stored[Part]]:
        after, before = ("", None) if stage is None else (f"{stage}-", f"{stage}.")  # "." follows "-" in ASCII
        return sorted((stored for _, stored in self._parts.scan(job_id, after=after, before=before)), key=_order)

    def delete_of(self, job_id: str) -> int:
        return self._parts.clear(job_id)


def _key(part: Part) -> str:
    return f"{part.stage}-{part.step}-{part.number:05d}"


def _order(stored: Stored[Part]) -> tuple[int, int, int]:
    """Stages and steps in the order in which they happen."""
    part = stored.value
    return _STAGES.index(part.stage), _STEPS.index(part.step), part.number
