"""A store of the storage, some of whose operations are the test's own.

Apart from the harnesses, because it says nothing of what uses the storage.
"""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from shared.pipeline.context import Services
from shared.storage.ports import Storage


class ScriptedStore:
    """Passes each operation on to `real`, unless the test gave another one."""

    def __init__(self, real: object) -> None:
        self._real = real
        self._instead: dict[str, Callable[..., object]] = {}

    def script(self, **operations: Callable[..., object]) -> None:
        """Do these instead of the real operations of their names."""
        self._instead.update(operations)

    def unscript(self, *names: str) -> None:
        """Do the real operations of these names again."""
        for name in names:
            del self._instead[name]

    def __getattr__(self, name: str) -> Any:
        return self._instead.get(name) or getattr(self._real, name)


def scripted(storage: Storage, *names: str) -> Storage:
    """Return the storage with these stores scripted."""
    stores = {field.name: getattr(storage, field.name) for field in fields(Storage)}
    return Storage(**stores | {name: ScriptedStore(stores[name]) for name in names})


def instead(services: Services, store: str, **operations: Callable[..., object]) -> Services:
    """Return services that do these instead of the operations of their names in one store."""
    storage = scripted(services.storage, store)
    getattr(storage, store).script(**operations)
    return replace(services, storage=storage)
