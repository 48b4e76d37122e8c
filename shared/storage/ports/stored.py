"""Declare what a store returns: a value with its ETag, and a page of values.

Apart from the stores, because every one of them uses it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stored(Generic[T]):
    """A value as it was read."""

    value: T
    etag: str
    """The ETag that a conditional write needs."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows, newest first."""

    items: Sequence[T]
    cursor: str | None
    """The opaque cursor of the next page; None on the last."""
