"""Define what the fields of requests may be: addresses, names, times, metadata; nothing unknown, nothing converted."""

import json
import re
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict, JsonValue

from shared.api.dependencies import ID_PATTERN

MAX_URL_CHARS = 8192
"""Signed links of OneDrive and S3 pass 2,048 characters."""

MAX_GIVEN_NAME_CHARS = 200
MAX_METADATA_DEPTH = 32
SESSION_NAME = "sessionName"

_ENCODED = re.compile(r"[^\S\t\n\r\v\f\x1c-\x1f\x85]|[<>\"{}|^`]")
"""What stands in addresses of files as people copy them, and is encoded when it is sent: blanks above all."""

_NOT_IN_ADDRESSES = re.compile(r'[\s<>"{}|\\^`]|%(?![0-9A-Fa-f]{2})')
"""https://www.rfc-editor.org/rfc/rfc3987#section-2.2"""
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _http_url(value: str) -> str:
    value = _encoded(value.strip())
    try:
        parts = urlsplit(value)
        (parts.hostname or "").encode("idna")
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known or not value.isprintable() or _NOT_IN_ADDRESSES.search(value):
        raise ValueError("This must be an http or https address")
    return value


def _encoded(url: str) -> str:
    """Return the address with what cannot stand behind its host encoded; the host is left as it is."""
    host, rest = re.fullmatch(r"([^:/?#]*://[^/?#]*|)(.*)", url, re.DOTALL).groups()  # type: ignore[union-attr]
    return host + _ENCODED.sub(lambda found: quote(found[0]), rest) if host else url


def _rfc_3339(value: Any) -> Any:
    if value is not None and not (isinstance(value, str) and _RFC_3339.fullmatch(value)):
        raise ValueError("This must be a time with its zone, such as 2026-01-31T02:00:00Z")
    return value


def as_whole(value: Any) -> Any:
    """Return 1.0 as the integer that it is in JSON, which knows one kind of number; any other value as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_METADATA_MEANING = f"Anything that is to be kept with the session; `{SESSION_NAME}` names it, too."
_NAME_SCHEMA: JsonDict = {
    "properties": {
        SESSION_NAME: {
            "anyOf": [{"type": "string", "minLength": 1, "maxLength": MAX_GIVEN_NAME_CHARS}, {"type": "null"}]
        }
    }
}
METADATA_SCHEMA = {"type": "object", "description": _METADATA_MEANING, **_NAME_SCHEMA}

Identifier = Annotated[str, Field(pattern=ID_PATTERN)]
Name = Annotated[str, Field(min_length=1, max_length=MAX_GIVEN_NAME_CHARS)]
Url = Annotated[
    str,
    Field(max_length=MAX_URL_CHARS, json_schema_extra={"format": "iri"}),
    AfterValidator(_http_url),
]
Metadata = Annotated[
    dict[str, Any],
    Field(
        max_length=200,
        description=_METADATA_MEANING,
        json_schema_extra=_NAME_SCHEMA,
    ),
]
WholeNumber = Annotated[int, BeforeValidator(as_whole)]
Time = Annotated[AwareDatetime, BeforeValidator(_rfc_3339)]


def exactly_one(*names: str) -> list[JsonValue]:
    """Return the `oneOf` of JSON Schema by which one of these texts must be given, and no other."""
    return [{"required": [name], "properties": {name: {"type": "string"}}} for name in names]


class RequestModel(BaseModel):
    """Something that is asked: nothing unknown, and nothing converted."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=False, extra="forbid", strict=True)


def named(metadata: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """Return the session's name that stands in the metadata, if any, and the rest; raise ValueError."""
    if _is_deeper(metadata, MAX_METADATA_DEPTH):
        raise ValueError(f"The metadata are nested more than {MAX_METADATA_DEPTH} levels deep")
    try:
        json.dumps(metadata, allow_nan=False, ensure_ascii=False).encode()
    except ValueError as err:
        raise ValueError("The metadata hold a number or a text that is none, such as NaN") from err
    rest = {key: value for key, value in metadata.items() if key != SESSION_NAME}
    name = metadata.get(SESSION_NAME)
    if name is not None and (not isinstance(name, str) or not 1 <= len(name) <= MAX_GIVEN_NAME_CHARS):
        raise ValueError(f"{SESSION_NAME} must be a text of 1 to {MAX_GIVEN_NAME_CHARS} characters")
    return name, rest


def _is_deeper(value: Any, levels: int) -> bool:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return children is not None and (levels == 0 or any(_is_deeper(child, levels - 1) for child in children))
