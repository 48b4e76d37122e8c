"""Find a file's name as its server tells it: by Content-Disposition, else by the address.

Apart from `fetch`, because servers write names in many ways. https://www.rfc-editor.org/rfc/rfc6266#section-4.3
"""

import re
from contextlib import suppress
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import collapse_rfc2231_value
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_ENCODED_WORD = re.compile(r"=\?[^?\s]+\?[bqBQ]\?[^?\s]*\?=")
MAX_NAME_CHARS = 255


def file_name(disposition: str | None, path: str) -> str | None:
    """Return the file's name without a path; None if neither the header nor the address's path tells one.

    Args:
        disposition: The header Content-Disposition.
        path: The path of the address, as it is sent: with escapes.
    """
    return _last_part(_told_by_header(disposition or "")) or _last_part(unquote(path.rstrip("/"))) or None


def _told_by_header(disposition: str) -> str:
    """Return `filename*` where it can be read, else `filename`, else nothing."""
    message = Message()
    message["Content-Disposition"] = disposition.replace("\r", " ").replace("\n", " ")
    parameters: Any = message.get_params(failobj=[], header="Content-Disposition")
    values = [value for name, value in parameters if name.lower() == "filename"]
    extended = (collapse_rfc2231_value(value, errors="replace") for value in values if isinstance(value, tuple))
    readable = [name for name in extended if "\N{REPLACEMENT CHARACTER}" not in name]
    return next(iter(readable), "") or next((_plain(value) for value in values if isinstance(value, str)), "")


def _plain(value: str) -> str:
    """Return a plain `filename`, which old servers write as encoded words and careless ones with escapes."""
    if _ENCODED_WORD.search(value):
        with suppress(LookupError, UnicodeError, HeaderParseError):
            return str(make_header(decode_header(value)))
    if _ESCAPE.search(value):
        with suppress(UnicodeDecodeError):
            return unquote_to_bytes(value).decode()
    return value


def _last_part(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2].replace("\0", "").strip()[:MAX_NAME_CHARS]
