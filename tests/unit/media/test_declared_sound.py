"""A WAV or AIFF that declares less than it holds is read to its end, unless what follows is something else."""

import io
import struct
from collections.abc import Callable

import pytest

from shared.media.aiff_length import find_short_aiff
from shared.media.corrected_file import ShortSound
from shared.media.wav_length import find_short_wav

RATE_HZ = 16_000
DECLARED = b"\x01\x80" * 960
"""The declared sound of 0.06 s."""


def aiff(sound: bytes) -> bytes:
    """Return an AIFF with one channel of 16 bits."""
    rate = struct.pack(">HQ", 16383 + 13, RATE_HZ << 50)
    described = b"COMM" + struct.pack(">IhIh", 18, 1, len(sound) // 2, 16) + rate
    body = b"AIFF" + described + b"SSND" + struct.pack(">III", 8 + len(sound), 0, 0) + sound
    return b"FORM" + len(body).to_bytes(4) + body


def wav(sound: bytes) -> bytes:
    """Return a WAV with one channel of 16 bits."""
    described = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, RATE_HZ, 2 * RATE_HZ, 2, 16)
    body = b"WAVE" + described + b"data" + struct.pack("<I", len(sound)) + sound
    return b"RIFF" + struct.pack("<I", len(body)) + body


FORMATS = pytest.mark.parametrize(
    ("make", "find_short"), [(aiff, find_short_aiff), (wav, find_short_wav)], ids=["aiff", "wav"]
)
Maker = Callable[[bytes], bytes]
Finder = Callable[[io.BytesIO], ShortSound | None]


@FORMATS
@pytest.mark.parametrize(
    "mark",
    [b"ID3\x04\x00\x00", b"\x1aE\xdf\xa3\x9f", b"\x00\x00\x00\x20ftypisom", b"FLV\x01\x05", b"OggS\x00\x02", b"LIST"],
    ids=["tag", "matroska", "mp4", "flash video", "ogg", "chunk"],
)
def test_what_follows_is_no_sound(make: Maker, find_short: Finder, mark: bytes) -> None:
    assert find_short(io.BytesIO(make(DECLARED) + mark + b"\x80" * 9000)) is None


@FORMATS
def test_sound_that_goes_on_is_read(make: Maker, find_short: Finder) -> None:
    short = find_short(io.BytesIO(make(DECLARED) + b"\x01\x80" * 4500))
    assert short is not None
    assert short.declared_sec == pytest.approx(0.06)
    assert short.actual_sec == pytest.approx(0.06 + 4500 / RATE_HZ)


@FORMATS
def test_a_few_bytes_more_are_padding(make: Maker, find_short: Finder) -> None:
    assert find_short(io.BytesIO(make(DECLARED) + b"\x01\x80" * 2000)) is None
