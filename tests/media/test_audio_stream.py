"""The stream of samples: bounded blocks, progress, stopping, failures of the source, and a header that others read."""

import io
import tracemalloc
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from shared.domain.errors import NoUsableStream, StorageUnavailable
from shared.domain.recording import Recording
from shared.media.audio.decoder import AudioDecoder, wav_header
from shared.media.probe.probe import probe
from shared.media.range_reader import RangeReader

ClipMaker = Callable[..., bytes]


@pytest.fixture(scope="module")
def minutes(make_clip: ClipMaker, make_beeps: Callable[..., NDArray[np.float32]]) -> bytes:
    """Two minutes of sound."""
    return make_clip("mp4", audio="aac", sound=[(0.0, make_beeps(120.0, 16000, at=[1.0, 100.0]))])


def facts(data: bytes) -> Recording:
    return probe(io.BytesIO(data), len(data))


def test_blocks_are_small_and_progress_rises(minutes: bytes) -> None:
    fractions: list[float] = []
    blocks = list(AudioDecoder(io.BytesIO(minutes), facts(minutes), fractions.append))
    assert {len(block) for block in blocks[:-1]} == {32_000}
    assert len(blocks) in (120, 121)
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert len(fractions) > 20


def test_memory_does_not_grow_with_the_length(minutes: bytes) -> None:
    recording = facts(minutes)
    tracemalloc.start()
    try:
        for _ in AudioDecoder(io.BytesIO(minutes), recording, lambda fraction: None):
            pass
        assert tracemalloc.get_traced_memory()[1] < 2_000_000  # the samples alone are 3.8 MB
    finally:
        tracemalloc.stop()


def test_what_the_report_raises_stops_the_work(minutes: bytes) -> None:
    def stop(fraction: float) -> None:
        if fraction > 0.5:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        list(AudioDecoder(io.BytesIO(minutes), facts(minutes), stop))


def test_a_failing_storage_is_not_taken_for_damage(minutes: bytes) -> None:
    def read_range(offset: int, length: int) -> bytes:
        if offset >= len(minutes) // 2:
            raise StorageUnavailable("The storage account did not answer.")
        return minutes[offset : offset + length]

    with pytest.raises(StorageUnavailable):
        list(AudioDecoder(RangeReader(read_range, len(minutes), 4096), facts(minutes), lambda fraction: None))
    with pytest.raises(StorageUnavailable):
        probe(RangeReader(lambda at, length: read_range(at + len(minutes), length), len(minutes)), len(minutes))


def test_a_second_run_gives_the_same_bytes(minutes: bytes) -> None:
    runs = [b"".join(AudioDecoder(io.BytesIO(minutes), facts(minutes), lambda fraction: None)) for _ in range(2)]
    assert runs[0] == runs[1]


def test_without_sound_there_is_nothing_to_decode(make_clip: ClipMaker) -> None:
    data = make_clip("mp4", video="libx264")
    with pytest.raises(NoUsableStream):
        AudioDecoder(io.BytesIO(data), facts(data), lambda fraction: None)


@pytest.mark.parametrize("samples", [0, 1, 16_000])
def test_the_header_makes_a_wav_file(tmp_path: Path, samples: int) -> None:
    header = wav_header(samples)
    assert len(header) == 44
    path = tmp_path / "sound.wav"
    path.write_bytes(header + bytes(2 * samples))
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
        assert file.getnframes() == samples


@pytest.mark.parametrize("samples", [-1, 2**31])
def test_more_than_a_wav_file_holds(samples: int) -> None:
    with pytest.raises(ValueError, match="WAV"):
        wav_header(samples)
