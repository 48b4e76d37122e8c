"""Turn frozen dataclasses into columns that a person can read, and back. The fields' types decide how:

- a nested dataclass becomes columns with its field's name in front: `error.code` is `errorCode`;
- a mapping from an enumeration to a dataclass takes the member's name instead: `stages[DOWNLOAD].parts` is
  `downloadParts`;
- a dataclass that says itself how it is JSON (`to_json`, `from_json`) becomes that, in one column;
- a tuple of strings becomes lines of one text, as does one of dataclasses that say how (`to_line`, `from_line`);
  a tuple of dataclasses, and any other mapping, being free-form, JSON;
- a long text, and the JSON of a tuple, goes on in the columns `body2`, `body3` and so on;
- metadata `{"column": …}` of a field names its column otherwise than the field is named;
- None is no column at all; a field that may not be None takes its default when the column is missing.
"""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from itertools import count, takewhile
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from shared.domain.errors import InvalidRequest
from shared.domain.text import LongText
from shared.storage.table import MAX_STRING_UNITS, Columns, Value, utf16_units

T = TypeVar("T")

_CUT_CHARS = MAX_STRING_UNITS // 2
"""The number of characters that fit into a column in any encoding."""

_CELL_TYPES: dict[type, tuple[type, ...]] = {bool: (bool,), int: (int, float), float: (int, float)}
"""The types that a cell of a flag or a number may have; a text is none, also when it spells one."""


class ColumnError(ValueError):
    """A column is missing, or holds what its field cannot be. The message names it and tells nothing of its content."""


def to_columns(value: Any, prefix: str = "") -> dict[str, Value]:
    """Return a dataclass's fields as columns; raise InvalidRequest when a text is too long for one."""
    names = _column_names(value.__class__)
    return {
        column: cell
        for name, kind in _fields(value.__class__).items()
        for column, cell in _encode(_column(prefix, names[name]), kind, getattr(value, name))
    }


def from_columns(cls: type[T], columns: Columns, prefix: str = "") -> T:
    """Return the dataclass that `to_columns` turned into these columns, among others; raise ColumnError."""
    values: dict[str, Any] = {}
    hashable: Any = cls
    for name, kind in _fields(hashable).items():
        bare = _without_none(kind)
        column = _column(prefix, _column_names(hashable)[name])
        try:
            found = _decode(column, bare, columns)
        except ColumnError:
            raise
        except Exception as err:  # JSON of another shape raises anything
            raise ColumnError(f"column {column} cannot be read") from err
        if found is not None or bare is not kind:
            values[name] = found
        elif name in _required(hashable):
            raise ColumnError(f"column {column} is missing")
    return cls(**values)


def _encode(column: str, kind: Any, value: Any) -> Iterator[tuple[str, Value]]:
    if value is None:
        return
    if _is_json(kind):
        yield column, _fitting(column, _json(column, value.to_json()))
    elif _is_dataclass(value.__class__):
        yield from to_columns(value, column).items()
    elif _enum_mapping(kind) is not None:
        for member, inner in value.items():
            yield from to_columns(inner, str(member)).items()
    elif isinstance(value, Mapping):
        yield column, _fitting(column, _json(column, value))
    elif hasattr(_tuple_of_dataclass(kind), "from_line"):
        if value:
            yield column, _fitting(column, "\n".join(each.to_line() for each in value))
    elif _tuple_of_dataclass(kind) is not None:
        if value:
            rows = [to_columns(each) for each in value]
            yield from _long(column, json.dumps(rows, ensure_ascii=False, default=datetime.isoformat))
    elif isinstance(value, tuple):
        if value:
            yield column, _fitting(column, "\n".join(value))
    elif kind is LongText:
        yield from _long(column, value)
    elif isinstance(value, str):
        yield column, _fitting(column, str(value))
    elif isinstance(value, datetime):
        yield column, value.astimezone(UTC)
    else:
        yield column, float(value) if _without_none(kind) is float else value


def _decode(column: str, kind: Any, columns: Columns) -> Any:
    """Return the field's value, or None when no column tells it."""
    if _is_json(kind):
        return kind.from_json(_object(str(columns[column]))) if column in columns else None
    if _is_dataclass(kind):
        present = any(name.startswith(column) and name[len(column) : len(column) + 1].isupper() for name in columns)
        return from_columns(kind, columns, column) if present else None
    if (nested := _enum_mapping(kind)) is not None:
        members, inner = nested
        return {member: from_columns(inner, columns, str(member)) for member in members}
    value = columns.get(column)
    if value is None:
        return None
    if kind is LongText:
        return _joined(column, columns)
    if (item := _tuple_of_dataclass(kind)) is not None:
        if (from_line := getattr(item, "from_line", None)) is not None:
            return tuple(from_line(line) for line in str(value).split("\n"))
        return tuple(from_columns(item, each) for each in json.loads(_joined(column, columns)))
    if _has_origin(kind, tuple):
        return tuple(str(value).split("\n"))
    if _has_origin(kind):
        return _object(str(value))
    if kind is datetime:
        return _time(value)
    if kind in _CELL_TYPES and not isinstance(value, _CELL_TYPES[kind]):
        raise ColumnError(f"column {column} holds no {kind.__name__}")
    return kind(value)


def _object(text: str) -> dict[str, Any]:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("no JSON object")
    return found


def _time(value: Value) -> datetime:
    time = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(time, datetime) or time.tzinfo is None:
        raise ValueError("no time with a zone")
    return time


@cache
def _has_origin(kind: Any, origin: Any = None) -> bool:
    """Return whether the type is a generic one, of this origin when one is given. Cached: rows are read often."""
    found = get_origin(kind)
    return found is not None if origin is None else found is origin


@cache
def _is_dataclass(kind: Any) -> bool:
    return dataclasses.is_dataclass(kind)


@cache
def _is_json(kind: Any) -> bool:
    return hasattr(kind, "from_json")


@cache
def _enum_mapping(kind: Any) -> tuple[type[StrEnum], type[Any]] | None:
    """Return (enumeration, dataclass) when the type is a mapping from the one to the other, or None."""
    if get_origin(kind) is not Mapping:
        return None
    key, value = get_args(kind)
    return (key, value) if issubclass(key, StrEnum) else None


@cache
def _tuple_of_dataclass(kind: Any) -> type[Any] | None:
    """Return X for `tuple[X, ...]` of a dataclass X, or None."""
    item = get_args(kind)[0] if get_origin(kind) is tuple else None
    return item if dataclasses.is_dataclass(item) and isinstance(item, type) else None


def _long(column: str, text: str) -> Iterator[tuple[str, Value]]:
    for start in range(0, max(len(text), 1), _CUT_CHARS):
        yield _continued(column, start // _CUT_CHARS), text[start : start + _CUT_CHARS]


def _joined(column: str, columns: Columns) -> str:
    names = takewhile(columns.__contains__, (_continued(column, number) for number in count()))
    return "".join(str(columns[name]) for name in names)


def _json(column: str, value: Mapping[str, Any]) -> str:
    try:
        return json.dumps(dict(value), ensure_ascii=False, allow_nan=False)
    except ValueError as err:
        raise InvalidRequest(f"{column} holds a number that JSON does not know.") from err


def _continued(column: str, number: int) -> str:
    return column if number == 0 else f"{column}{number + 1}"


def _fitting(column: str, text: str) -> str:
    if utf16_units(text) > MAX_STRING_UNITS:
        raise InvalidRequest(f"{column} is too long: at most {MAX_STRING_UNITS} characters can be kept.")
    return text


@cache
def _fields(cls: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(cls)
    return {item.name: hints[item.name] for item in dataclasses.fields(cls)}


@cache
def _column_names(cls: type[Any]) -> dict[str, str]:
    """Return what columns are named after, by field: the field's name, unless its metadata give another `column`."""
    return {item.name: item.metadata.get("column", item.name) for item in dataclasses.fields(cls)}


@cache
def _required(cls: type[Any]) -> frozenset[str]:
    """Return the names of the fields without a default."""
    missing = dataclasses.MISSING
    return frozenset(
        item.name for item in dataclasses.fields(cls) if item.default is missing and item.default_factory is missing
    )


@cache
def _without_none(kind: Any) -> Any:
    """Return X for `X | None`, else the type itself."""
    if get_origin(kind) is not UnionType:
        return kind
    return next(option for option in get_args(kind) if option is not type(None))


@cache
def _column(prefix: str, name: str) -> str:
    """Return the column's name: `error` and `code` make `errorCode`; no prefix and `created_at` make `createdAt`."""
    first, *rest = [prefix, *name.split("_")] if prefix else name.split("_")
    return first + "".join(word.capitalize() for word in rest)
