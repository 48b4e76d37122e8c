"""Read the API's answers and the result files, camelCase JSON, into frozen dataclasses.

Unknown fields are ignored, so that a newer server does not break an older client.
"""

from dataclasses import field
from functools import cache
from typing import Any, TypeVar, cast, dataclass_transform

from pydantic import ConfigDict, TypeAdapter
from pydantic.alias_generators import to_camel
from pydantic.dataclasses import dataclass

T = TypeVar("T")

_READ = ConfigDict(alias_generator=to_camel, populate_by_name=True)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def value(cls: type[T]) -> type[T]:
    """Make a class such a dataclass: camelCase on the wire, snake_case here, never changed."""
    made: Any = dataclass(frozen=True, slots=True, kw_only=True, config=_READ)(cls)
    frozen: type[T] = made
    return frozen


def from_json(kind: type[T], text: bytes | str) -> T:
    """Read a value, or a container of values; raises pydantic's ValidationError when it is something else."""
    adapter: TypeAdapter[T] = _adapter(cast(Any, kind))
    return adapter.validate_json(text)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
