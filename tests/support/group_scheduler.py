"""Give each group of tests to one process, also after a process has ended in the middle of one."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController


class GroupScheduler(LoadScopeScheduling):
    """Hands out whole groups of tests.

    With pytest-xdist 3.8 the run never ended once a process had ended: what that one had done was handed on, and a
    process with one test left waited for a second one. Both are mended upstream, but not released:
    https://github.com/pytest-dev/pytest-xdist/issues/1323 and https://github.com/pytest-dev/pytest-xdist/issues/1327
    """

    def __init__(self, config: pytest.Config, log: Any, group_of: Callable[[str], str]) -> None:
        """Hand out the tests of `config`; `group_of` returns the group of a test by its id."""
        super().__init__(config, log)
        self._group_of = group_of

    def _split_scope(self, nodeid: str) -> str:
        return self._group_of(nodeid)

    def add_node_collection(self, node: WorkerController, collection: Sequence[str]) -> None:
        """Note the tests that a process collected; end the process if it came later and found other tests."""
        super().add_node_collection(node, collection)
        if node not in self.registered_collections:
            node.shutdown()

    def remove_node(self, node: WorkerController) -> str | None:
        """Forget a process, hand on what it left, and return the test that ended it, if one did."""
        work = self.assigned_work[node]
        self.assigned_work[node] = {group: tests for group, tests in work.items() if not all(tests.values())}
        return super().remove_node(node)

    def _reschedule(self, node: WorkerController) -> None:
        """Give a process that has collected its tests so much that it goes on, or tell it that nothing is left."""
        while node in self.registered_collections and not node.shutting_down:
            super()._reschedule(node)
            if self._pending_of(self.assigned_work[node]) > 1:
                return
