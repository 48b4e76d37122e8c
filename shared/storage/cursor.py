"""Make and read cursors of paged lists: opaque to clients, and only the key of the last row that was returned.

A list sorts newest first, so rows that are added meanwhile come before the cursor and never shift what follows it.
A cursor is independent of filters: under another filter it marks the same place of the other list.
"""

import base64
import binascii
from collections.abc import Iterable
from itertools import islice
from typing import TypeVar

from shared.domain.errors import InvalidRequest
from shared.storage.ports import Page
from shared.storage.table import is_possible_key

T = TypeVar("T")

_VERSION = "1"


def encode_cursor(kind: str, key: str) -> str:
    """Return a cursor of the lists of this kind that stands behind the row with this key."""
    return base64.urlsafe_b64encode(f"{_VERSION}:{kind}:{key}".encode()).decode().rstrip("=")


def decode_cursor(kind: str, cursor: str | None) -> str:
    """Return the key behind which the page begins, "" for the first page; raise InvalidRequest for a foreign cursor."""
    if cursor is None:
        return ""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        version, _, rest = base64.b64decode(padded, altchars=b"-_", validate=True).decode().partition(":")
    except (UnicodeError, binascii.Error) as err:
        raise InvalidRequest("The cursor is not one that a list of ours gave out.") from err
    found_kind, _, key = rest.partition(":")
    if version != _VERSION or found_kind != kind or not key or not is_possible_key(key):
        raise InvalidRequest("The cursor belongs to another list.")
    return key


def first_page(kind: str, items: Iterable[tuple[str, T]], limit: int) -> Page[T]:
    """Return the page of the first `limit` (at least 1) of the (key, value) pairs; take at most one pair more."""
    if limit < 1:
        raise InvalidRequest("A page holds at least one item.")
    taken = list(islice(items, limit + 1))
    more = len(taken) > limit
    return Page(tuple(value for _, value in taken[:limit]), encode_cursor(kind, taken[limit - 1][0]) if more else None)
