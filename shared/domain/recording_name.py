"""Make names of recordings: one for people, in any script, and one for storage, in ASCII."""

import re
from urllib.parse import unquote, urlsplit

from shared.domain.text import shown_text

MAX_FILE_NAME_CHARS = 120
DEFAULT_SOURCE_NAME = "recording"


def source_file_name(name: str) -> str:
    """Return a safe file name: ASCII letters, digits, dot, dash and underscore, no path; the extension stays."""
    stem, dot, extension = (re.sub(r"[^\w.-]+", "_", part, flags=re.ASCII) for part in _base(name).rpartition("."))
    if not dot or not extension.strip("_"):
        stem, dot, extension = stem + dot + extension, "", ""
    stem = stem.strip("._-") or DEFAULT_SOURCE_NAME
    return (stem + dot + extension)[-MAX_FILE_NAME_CHARS:]


def readable_name(name: str) -> str:
    """Return a file's name in any script, without its path and the characters that cannot be shown."""
    shown = shown_text(_base(name)).strip()
    return shown[:MAX_FILE_NAME_CHARS] or DEFAULT_SOURCE_NAME


def name_in_address(url: str) -> str:
    """Return the last part of an address's path, as it was before it was encoded; "" where it ends with a slash."""
    return unquote(urlsplit(url).path.rpartition("/")[2])


def _base(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]
