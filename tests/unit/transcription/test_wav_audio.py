import io
import struct
import wave

import numpy as np
import pytest

from shared.domain.errors import DamagedRecording
from shared.transcription.audio import WavAudio

RAMP = np.arange(-8000, 8000, dtype="<i2")  # one second


def wav(samples: bytes = RAMP.tobytes(), channels: int = 1, rate: int = 16000, width: int = 2) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(samples)
    return out.getvalue()


class Dribble(io.BytesIO):
    """A raw source that hands out a few bytes at a time, and remembers how many were read."""

    taken = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(min(size if size is not None and size >= 0 else 1 << 30, 1000))
        self.taken += len(data)
        return data


def test_a_slice_is_read_and_no_more() -> None:
    source = Dribble(wav())
    audio = WavAudio(source)
    header = source.taken
    assert audio.duration_sec == 1.0
    assert audio.read_s16(0.25, 0.5) == RAMP[4000:8000].tobytes()
    assert source.taken == header + 8000
    np.testing.assert_array_equal(audio.read(0.25, 0.5), RAMP[4000:8000].astype(np.float32) / 32768)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(-1.0, 0.1, 1600), (0.9, 5.0, 1600), (2.0, 3.0, 0), (0.5, 0.4, 0)],
    ids=["before the start", "past the end", "all past the end", "backwards"],
)
def test_slices_are_cut_to_what_is_there(start: float, end: float, expected: int) -> None:
    assert len(WavAudio(io.BytesIO(wav())).read(start, end)) == expected


@pytest.mark.parametrize("declared", [0, 0xFFFFFFFF, 1_000_000], ids=["zero", "unknown", "more than there is"])
def test_a_size_that_cannot_be_true_means_up_to_the_end(declared: int) -> None:
    data = bytearray(wav())
    data[40:44] = struct.pack("<I", declared)
    assert WavAudio(io.BytesIO(bytes(data))).duration_sec == 1.0


def test_other_chunks_are_passed_over_and_not_heard() -> None:
    plain = wav()
    listed = (
        plain[:36] + b"LIST" + struct.pack("<I", 5) + b"abcde\0" + plain[36:] + b"tail" + struct.pack("<I", 2) + b"xx"
    )
    audio = WavAudio(io.BytesIO(listed))
    assert audio.read_s16(0, 9) == RAMP.tobytes()


def test_a_file_beyond_four_gigabytes_has_its_size_elsewhere() -> None:
    plain = wav()
    sizes = b"ds64" + struct.pack("<IQQQI", 28, 0, 16000, 0, 0)  # half of the samples that follow
    rf64 = b"RF64" + plain[4:12] + sizes + plain[12:40] + struct.pack("<I", 0xFFFFFFFF) + plain[44:]
    assert WavAudio(io.BytesIO(rf64)).duration_sec == 0.5


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"ID3" + bytes(100),
        wav()[:30],
        wav()[:36],
        wav(channels=2),
        wav(rate=44100),
        wav(width=1),
        b"RIFF" + bytes(4) + b"WAVEdata" + bytes(4),
        wav()[:16] + struct.pack("<I", 4) + wav()[20:24] + wav()[36:],
    ],
    ids=["empty", "not WAV", "cut", "no samples", "stereo", "44.1 kHz", "8 bit", "no format", "short format"],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(DamagedRecording):
        WavAudio(io.BytesIO(data))
