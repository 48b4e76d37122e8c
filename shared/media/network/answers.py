"""Judge the answers of a source's server: what they are, what part of the file, and of which version of it.

Pure functions, apart from the exchange that they belong to.
"""

import re
from collections.abc import Mapping

import httpx

from shared.domain.errors import SourceChanged, SourceNotFound, SourceRefused, SourceUnavailable

_TRY_LATER = frozenset({408, 425, 429})


def check_status(status: int, offset: int) -> None:
    """Raise what the status means, unless the file, or a part of it, is sent."""
    if status in (200, 206):
        return
    if status in (404, 410):
        raise SourceNotFound(f"The source's server has nothing at this address (it answered {status}).")
    if status == 416 and offset > 0:
        raise SourceChanged("The source has become shorter than what was already read.")
    if status in _TRY_LATER or status >= 500:
        raise SourceUnavailable(f"The source's server cannot serve the recording now (it answered {status}).")
    raise SourceRefused(f"The source's server refused to hand out the recording (it answered {status}).")


def span_of(status: int, headers: httpx.Headers) -> tuple[int, int] | None:
    """Return the first and the last position that are sent, both included; None for the whole file.

    Some servers answer 206 to everything. Without a Content-Range that is the whole file.
    """
    found = re.match(r"bytes (\d+)-(\d+)", headers.get("content-range", "").strip()) if status == 206 else None
    return None if found is None else (int(found[1]), int(found[2]))


def is_same(headers: httpx.Headers, validator: str | None) -> bool:
    """Return whether the answer is known to be of the same version of the file."""
    return validator is not None and validator_of(headers) == validator


def versions_differ(headers: httpx.Headers, validator: str | None) -> bool:
    """Return whether the answer says that it is of another version of the file."""
    if validator is None:
        return False
    told = headers.get("etag") if validator.startswith('"') else headers.get("last-modified")
    return told is not None and told != validator


def cannot_go_on(status: int) -> SourceChanged:
    """Return the error for an answer that does not begin where it was asked to."""
    if status == 200:
        return SourceChanged("The source changed, or its server cannot go on where reading stopped.")
    return SourceChanged("The source's server went on at another place than was asked for.")


def size_of(status: int, headers: Mapping[str, str]) -> int | None:
    """Return the size of the whole file in bytes; None where the answer does not tell it."""
    if status == 416 or (status == 206 and "content-range" in headers):
        whole = re.fullmatch(r"bytes (?:\d+-\d+|\*)/(\d+)", headers.get("content-range", "").strip())
        return int(whole[1]) if whole else None
    length = headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else None


def validator_of(headers: Mapping[str, str]) -> str | None:
    """Return a strong ETag, else Last-Modified; None without either."""
    etag = headers.get("etag", "")
    return etag if etag.startswith('"') else headers.get("last-modified")
