"""A sign of life in the background: a thread that beats while a `with` block runs."""

import logging
import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from shared.domain.errors import RostrumError

log = logging.getLogger(__name__)


class PeriodicThread(ABC):
    """Derive from it to say what a beat is; it is tried again whatever storage comes up with."""

    def __init__(self, every_sec: float) -> None:
        self._every_sec = every_sec
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=type(self).__name__, daemon=True)

    @abstractmethod
    def _go_on(self) -> bool:
        """Beats once; False ends the thread."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._every_sec):
            try:
                if not self._go_on():
                    return
            except RostrumError as error:
                log.warning("heartbeat failed", extra={"action": "heartbeat", "code": error.code})
            except Exception:
                log.exception("heartbeat failed", extra={"action": "heartbeat"})
