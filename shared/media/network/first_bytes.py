"""Tell by its first bytes what a server sends, since its headers are often wrong.

A page that says it is a recording is still a page, and a recording that is called a page is still a recording.
"""

import codecs
import re
from collections.abc import Iterator
from itertools import chain

from shared.domain.errors import NotMedia

HEAD_BYTES = 512
PAGE_BYTES = 64 * 1024
"""How much of a web page is looked at for the field of a password."""

_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body|script|title|meta|!--)[\s>\-]", re.IGNORECASE)
_PASSWORD = re.compile(rb"type\s*=\s*[\"']?password|<form[^>]+(?:login|sign-?in|auth)", re.IGNORECASE)
_JSON = re.compile(rb"[{\[]")

_MARKS = (
    (0, b"\x1a\x45\xdf\xa3"),  # Matroska, WebM
    (0, b"RIFF"),  # AVI, WAV
    (0, b"RF64"),
    (0, b"OggS"),
    (0, b"fLaC"),
    (0, b"ID3"),
    (0, b"FLV"),
    (0, b"caff"),
    (0, b"FORM"),  # AIFF
    (0, b"#!AMR"),
    (0, b"\x30\x26\xb2\x75"),  # ASF
    (0, b"\x00\x00\x01\xba"),  # MPEG program stream
    (0, b"\x00\x00\x01\xb3"),
    *((4, kind) for kind in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"styp", b"moof")),
)


def first_bytes(chunks: Iterator[bytes], length: int = HEAD_BYTES) -> tuple[bytes, Iterator[bytes]]:
    """Return the first `length` bytes, fewer at the end, and an iterator over all bytes, those among them."""
    taken: list[bytes] = []
    while sum(map(len, taken)) < length and (chunk := next(chunks, None)) is not None:
        taken.append(chunk)
    return b"".join(taken)[:length], chain(taken, chunks)


def looks_like_media(head: bytes) -> bool:
    """Return whether the bytes begin as common recordings do."""
    if any(head.startswith(mark, at) for at, mark in _MARKS):
        return True
    if len(head) > 376 and head[0] == head[188] == head[376] == 0x47:  # MPEG transport stream
        return True
    return len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0  # MPEG audio, ADTS


def refuse_message(chunks: Iterator[bytes], content_type: str) -> Iterator[bytes]:
    """Return the same bytes; raise NotMedia, which says what they are, for a message to a person or to a program."""
    head, chunks = first_bytes(chunks)
    text = _text(head)
    if _HTML.match(text):
        page, chunks = first_bytes(chunks, PAGE_BYTES)
        if _PASSWORD.search(page):
            raise NotMedia(
                "The address leads to a login page, not to a recording: its server wants a sign-in first. Use an "
                "address that works without one, such as a signed link."
            )
        raise NotMedia("The address leads to a web page, not to a recording; use the address of the file itself.")
    if text.startswith(b"<?xml") or (text.startswith(b"<") and "xml" in content_type):
        raise NotMedia("The source's server answered with a message (XML) instead of a recording.")
    if _JSON.match(text) and "json" in content_type:
        raise NotMedia("The source's server answered with a message (JSON) instead of a recording.")
    return chunks


def _text(head: bytes) -> bytes:
    """Return the beginning as UTF-8 where it may be text, without a mark of its encoding and blanks before it."""
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if head.startswith(mark):
            head = head[2:].decode(encoding, "ignore").encode()
    return head.removeprefix(codecs.BOM_UTF8).lstrip()
