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
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache, lru_cache
from itertools import count, takewhile
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from shared.domain.errors import InvalidRequest
from shared.domain.text import LongText
from shared.storage.table import MAX_STRING_UNITS, Columns, Value, utf16_units

T = TypeVar("T")
Decode = Callable[[Columns], Any]

_CUT_CHARS = MAX_STRING_UNITS // 2
"""The number of characters that fit into a column in any encoding."""

_KNOWN_TEXTS = 64
"""The number of JSON texts of one column whose frozen values are kept: a row is read often before it changes."""

_CELL_TYPES: dict[type, tuple[type, ...]] = {bool: (bool,), int: (int, float), float: (int, float)}
"""The types that a cell of a flag or a number may have; a text is none, also when it spells one."""

_PLAIN_TYPES = (str, bool, int, float)
"""The types whose instances are a cell without any change."""


class ColumnError(ValueError):
    """A column is missing, or holds what its field cannot be. The message names it and tells nothing of its content."""


def to_columns(value: Any, prefix: str = "") -> dict[str, Value]:
    """Return a dataclass's fields as columns; raise InvalidRequest when a text is too long for one."""
    columns: dict[str, Value] = {}
    for field in _fields(value.__class__, prefix):
        found = getattr(value, field.name)
        if found is None:
            continue
        if found.__class__ is field.cell_type and (field.cell_type is not str or len(found) <= _CUT_CHARS):
            columns[field.column] = found
        else:
            columns.update(field.encode(found))
    return columns


def from_columns(cls: type[T], columns: Columns, prefix: str = "") -> T:
    """Return the dataclass that `to_columns` turned into these columns, among others; raise ColumnError."""
    values: dict[str, Any] = {}
    hashable: Any = cls
    for name, column, cell_type, is_nested, is_kept, is_required, decode in _reading(hashable, prefix):
        found = columns.get(column)
        if (found is not None and found.__class__ is not cell_type) or is_nested:
            try:
                found = decode(columns)
            except ColumnError:
                raise
            except Exception as err:  # JSON of another shape raises anything
                raise ColumnError(f"column {column} cannot be read") from err
        if found is not None or is_kept:
            values[name] = found
        elif is_required:
            raise ColumnError(f"column {column} is missing")
    return cls(**values)


@dataclass(frozen=True, slots=True)
class _Field:
    """How one field of a dataclass becomes columns and back; rows are read often, so this is found out once."""

    name: str
    column: str
    may_be_none: bool
    is_required: bool
    """Whether there is no default."""

    is_none_by_default: bool
    is_nested: bool
    """Whether it is kept in columns of other names than its own."""

    cell_type: object
    """The type whose instances are cells as they are: most fields of most rows, so these skip `encode` and `decode`."""

    encode: Callable[[Any], Mapping[str, Value]]
    decode: Decode
    """Return the field's value, or None when no column tells it."""


@cache
def _reading(cls: Any, prefix: str) -> tuple[tuple[str, str, object, bool, bool, bool, Decode], ...]:
    """Return what `from_columns` needs of each field, as plain tuples: it is the innermost loop of every read.

    The fifth says whether a missing column is None in the value, though the field has another default or none at all.
    """
    return tuple(
        (
            each.name,
            each.column,
            each.cell_type,
            each.is_nested,
            each.may_be_none and not each.is_none_by_default,
            each.is_required,
            each.decode,
        )
        for each in _fields(cls, prefix)
    )


@cache
def _fields(cls: type[Any], prefix: str) -> tuple[_Field, ...]:
    hints, missing = get_type_hints(cls), dataclasses.MISSING
    found = []
    for item in dataclasses.fields(cls):
        kind, column = hints[item.name], _column(prefix, item.metadata.get("column", item.name))
        bare = _without_none(kind)
        found.append(
            _Field(
                item.name,
                column,
                may_be_none=get_origin(kind) is UnionType,
                is_required=item.default is missing and item.default_factory is missing,
                is_none_by_default=item.default is None,
                is_nested=_is_nested(bare),
                cell_type=bare if bare in _PLAIN_TYPES else None,
                encode=_encoder(column, bare),
                decode=_decoder(column, bare),
            )
        )
    return tuple(found)


def _encoder(column: str, kind: Any) -> Callable[[Any], Mapping[str, Value]]:
    """Return the function that turns a value of this type, which is not None, into its columns."""
    if hasattr(kind, "from_json"):
        return lambda value: {column: _fitting(column, _json(column, value.to_json()))}
    if dataclasses.is_dataclass(kind):
        return lambda value: to_columns(value, column)
    if _enum_mapping(kind) is not None:
        return lambda value: {
            name: cell for member, inner in value.items() for name, cell in to_columns(inner, str(member)).items()
        }
    origin, item = get_origin(kind), _tuple_of_dataclass(kind)
    if origin is tuple and (item is None or hasattr(item, "from_line")):
        to_line: Callable[[Any], str] = str if item is None else item.to_line
        return lambda value: {column: _fitting(column, "\n".join(map(to_line, value)))} if value else {}
    if origin is tuple:
        return lambda value: _long(column, _json_rows(value)) if value else {}
    if origin is not None:
        return lambda value: {column: _fitting(column, _json(column, value))}
    if kind is LongText:
        return lambda value: _long(column, value)
    if issubclass(kind, str):
        return lambda value: {column: _fitting(column, str(value))}
    if kind is datetime:
        return lambda value: {column: value.astimezone(UTC)}
    return lambda value: {column: float(value) if kind is float else value}


def _decoder(column: str, kind: Any) -> Decode:
    """Return the function that finds a value of this type in columns, or None when no column tells it."""
    if hasattr(kind, "from_json"):
        read = lru_cache(_KNOWN_TEXTS)(lambda text: kind.from_json(_object(text)))
        return lambda columns: read(str(columns[column])) if column in columns else None
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        inner = kind
        return lambda columns: from_columns(inner, columns, column) if _has_part(column, tuple(columns)) else None
    if (nested := _enum_mapping(kind)) is not None:
        members, of_member = nested
        return lambda columns: {member: from_columns(of_member, columns, str(member)) for member in members}
    decode_cell = _cell_decoder(column, kind)
    if kind is LongText or (_tuple_of_dataclass(kind) and not hasattr(_tuple_of_dataclass(kind), "from_line")):
        return lambda columns: decode_cell(_joined(column, columns)) if columns.get(column) is not None else None
    return lambda columns: decode_cell(value) if (value := columns.get(column)) is not None else None


def _cell_decoder(column: str, kind: Any) -> Callable[[Any], Any]:
    """Return the function that reads a value of this type from what its column holds."""
    origin, item = get_origin(kind), _tuple_of_dataclass(kind)
    if item is not None and (from_line := getattr(item, "from_line", None)) is not None:
        return lambda value: tuple(from_line(line) for line in str(value).split("\n"))
    if item is not None:
        return lambda value: tuple(from_columns(item, each) for each in json.loads(value))
    if origin is tuple:
        return lambda value: tuple(str(value).split("\n"))
    if origin is not None:
        return lambda value: _object(str(value))
    if kind is LongText:
        return str
    if kind is datetime:
        return _time
    if kind in _CELL_TYPES:
        return lambda value: _number(column, kind, value)
    made: Callable[[Any], Any] = kind
    return made


def _is_nested(kind: Any) -> bool:
    return _enum_mapping(kind) is not None or (dataclasses.is_dataclass(kind) and not hasattr(kind, "from_json"))


@lru_cache(maxsize=1024)
def _has_part(column: str, columns: tuple[str, ...]) -> bool:
    """Return whether a column is named after a field of the dataclass in this column's place.

    Cached, because rows have few shapes.
    """
    named = [name for name in columns if name.startswith(column)]
    return any(name[len(column) : len(column) + 1].isupper() for name in named)


def _number(column: str, kind: type, value: Any) -> Any:
    if not isinstance(value, _CELL_TYPES[kind]):
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


def _long(column: str, text: str) -> dict[str, Value]:
    return {
        _continued(column, start // _CUT_CHARS): text[start : start + _CUT_CHARS]
        for start in range(0, max(len(text), 1), _CUT_CHARS)
    }


def _joined(column: str, columns: Columns) -> str:
    names = takewhile(columns.__contains__, (_continued(column, number) for number in count()))
    return "".join(str(columns[name]) for name in names)


def _json(column: str, value: Mapping[str, Any]) -> str:
    try:
        return json.dumps(dict(value), ensure_ascii=False, allow_nan=False)
    except ValueError as err:
        raise InvalidRequest(f"{column} holds a number that JSON does not know.") from err


def _json_rows(values: Iterable[Any]) -> str:
    return json.dumps([to_columns(each) for each in values], ensure_ascii=False, default=datetime.isoformat)


def _continued(column: str, number: int) -> str:
    return column if number == 0 else f"{column}{number + 1}"


def _fitting(column: str, text: str) -> str:
    if len(text) > _CUT_CHARS and utf16_units(text) > MAX_STRING_UNITS:
        raise InvalidRequest(f"{column} is too long: at most {MAX_STRING_UNITS} characters can be kept.")
    return text


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
