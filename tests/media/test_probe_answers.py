"""A probe answers what a job will do: the same length, tracks and warnings, for recordings of every awkward kind."""

import io
import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from shared.domain.errors import FinalError
from shared.domain.recording import Recording
from shared.media.audio.decoder import AudioDecoder
from shared.media.probe.probe import probe
from shared.media.probe.quick_probe import ProbeBudget, quick_probe_ranges
from shared.media.timeline.measure import measure
from tests.media.conftest import _write as write
from tests.media.conftest import beeps
from tests.media.test_awkward_recordings import KINDS
from tests.media.test_joined_recordings import clip, sound

BOTH: dict[str, Any] = {"video": "libx264", "audio": "aac"}
OPUS: dict[str, Any] = {"audio": "libopus", "rate": 48000}


def tone(seconds: float, begin: float = 0.0, rate: int = 16000) -> Any:
    """Return sound with a tone one second after its beginning."""
    return begin, beeps(seconds, rate, [1.0])


def patched(data: bytes, mark: bytes, offset: int, field: bytes) -> bytes:
    """Return the file with these bytes at an offset from the first mark."""
    at = data.index(mark) + offset
    return data[:at] + field + data[at + len(field) :]


def frames_from(start_sec: float, seconds: float = 3.0) -> list[float]:
    return [start_sec + number / 10 for number in range(round(seconds * 10))]


MADE: dict[str, tuple[Callable[[], bytes], float, list[str]]] = {
    "sound begins late": (lambda: write("mp4", **BOTH, sound=[tone(3, 2.0)]), 5.0, ["picture_ends_early"]),
    "picture begins late": (
        lambda: write("matroska", **BOTH, frame_times=frames_from(2.0), sound=[tone(5)]),
        5.06,
        [],
    ),
    "the clock begins at 20 h": (
        lambda: write("mpegts", **BOTH, frame_times=frames_from(72000.0), sound=[tone(3, 72000.0)]),
        3.07,
        [],
    ),
    "flash that declares ten times as much": (
        lambda: patched(write("flv", **BOTH), b"duration", 9, struct.pack(">d", 30.0)),
        3.07,
        ["recording_cut_off"],
    ),
    "flash that declares a third": (
        lambda: patched(write("flv", **BOTH), b"duration", 9, struct.pack(">d", 1.0)),
        3.07,
        ["length_differs"],
    ),
    "an mp4 that declares nothing": (lambda: patched(write("mp4", **BOTH), b"mvhd", 20, bytes(4)), 3.0, []),
    "an avi without its index": (
        lambda: (avi := write("avi", video="mpeg4", audio="libmp3lame"))[: avi.index(b"idx1")],
        2.9,
        [],
    ),
    "a wav that is a stream": (
        lambda: patched(write("wav", audio="pcm_s16le"), b"data", 4, b"\xff" * 4),
        3.0,
        [],
    ),
    "a wav of more than 4 GB by its form": (
        lambda: write("wav", audio="pcm_s16le", options={"rf64": "always"}),
        3.0,
        [],
    ),
    "three mp3s joined": (lambda: write("mp3", audio="libmp3lame") * 3, 9.29, ["length_differs"]),
    "one picture for all of the sound": (
        lambda: write("mp4", **BOTH, frame_times=[0.0], sound=[tone(6)]),
        6.0,
        ["picture_ends_early"],
    ),
    "a screen that stood still": (
        lambda: write("matroska", **BOTH, frame_times=[0.0, 0.1, 9.8, 9.9], sound=[tone(10)]),
        10.06,
        [],
    ),
    "a gap in the sound": (
        lambda: write("matroska", **BOTH, seconds=8.0, sound=[tone(2), tone(3, 5.0)]),
        8.06,
        ["sound_gaps"],
    ),
    "a microphone that was pulled out": (lambda: write("mp4", **BOTH, seconds=8.0, sound=[tone(3)]), 8.0, []),
    "a cut mp4": (
        lambda: (data := write("mp4", **BOTH, seconds=6.0, options={"movflags": "faststart"}))[: len(data) * 2 // 3],
        1.2,
        ["recording_cut_off", "sound_damaged"],
    ),
    "a damaged mp4": (
        lambda: (data := write("mp4", **BOTH, seconds=6.0))[:3000] + b"\xff" * 600 + data[3600:],
        6.0,
        ["sound_damaged", "sound_gaps"],
    ),
    "other codecs follow": (
        lambda: write("mpegts", **BOTH) + write("mpegts", video="mpeg2video", audio="mp2", rate=48000, fps=25),
        6.08,
        ["clock_begins_anew", "length_differs"],
    ),
    "a file without a picture in between": (
        lambda: write("matroska", **BOTH) + write("matroska", audio="aac") + write("matroska", **BOTH),
        9.02,
        ["clock_begins_anew", "length_differs"],
    ),
    "stereo, then mono": (
        lambda: write("wav", audio="pcm_s16le", layout="stereo") + write("wav", audio="pcm_s16le"),
        6.0,
        ["clock_begins_anew", "length_differs"],
    ),
    "a chain of two codecs": (
        lambda: write("ogg", **OPUS) + write("ogg", audio="flac", rate=44100),
        6.0,
        ["clock_begins_anew", "length_differs"],
    ),
    "an mp4, then a transport stream": (
        lambda: clip("mp4", 0) + clip("mpegts", 4),
        8.1,
        ["clock_begins_anew", "length_differs"],
    ),
    "a transport stream, then an mp4": (
        lambda: clip("mpegts", 0) + clip("mp4", 4),
        8.1,
        ["clock_begins_anew", "length_differs"],
    ),
    "webm, then an mp4": (
        lambda: clip("webm", 0) + clip("mp4", 4),
        8.0,
        ["clock_begins_anew", "length_differs"],
    ),
    "a wav, then an mp3": (
        lambda: sound("wav", "pcm_s16le") + sound("mp3", "libmp3lame"),
        8.0,
        ["clock_begins_anew", "length_differs"],
    ),
    "a webm, then half a header": (
        lambda: clip("webm", 0) + clip("webm", 4)[:60],
        4.0,
        ["rest_unreadable"],
    ),
    "an mp4 with an archive behind it": (lambda: write("mp4", **BOTH) + b"PK\3\4" + b"z" * 5000, 3.0, []),
}
"""Makers of recordings, their length and their warnings."""


def answer(data: bytes) -> Recording:
    """Return what a probe tells; raise FinalError."""
    return quick_probe_ranges(lambda at, length: data[at : at + length], len(data), ProbeBudget(2**25, 60.0)).recording


def job(data: bytes) -> Recording:
    """Return what a job finds, as the download stage does; raise FinalError."""
    source = io.BytesIO(data)
    recording = probe(source, len(data))
    if recording.audio is None:
        found = measure(source, recording)
        if found.audio is None:
            return found
        recording = replace(recording, audio=found.audio)
    decoder = AudioDecoder(source, recording, lambda fraction: None)
    for _ in decoder:
        pass
    return decoder.measured()


@pytest.mark.parametrize("name", MADE)
def test_made_up_recordings(name: str) -> None:
    make, duration_sec, codes = MADE[name]
    data = make()
    found = job(data)
    assert found.duration_sec == pytest.approx(duration_sec, abs=0.1)
    assert sorted(warning.code for warning in found.warnings) == codes
    assert answer(data) == found


@pytest.mark.parametrize(
    ("format", "options", "seconds"), [pytest.param(kind[1], kind[2], kind[4], id=kind[0]) for kind in KINDS]
)
def test_every_kind_of_container(format: str, options: dict[str, Any], seconds: float) -> None:
    data = write(format, **{"seconds": seconds, **options})
    assert answer(data) == job(data)


@pytest.mark.parametrize(
    "data", [b"", b"no recording", b"\x1aE\xdf\xa3" + bytes(3000)], ids=["empty", "text", "header"]
)
def test_what_is_no_recording(data: bytes) -> None:
    with pytest.raises(FinalError) as told:
        answer(data)
    with pytest.raises(type(told.value)) as found:
        job(data)
    assert str(told.value) == str(found.value)
