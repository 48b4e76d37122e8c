"""Length is measured: what a header does not declare, or declares wrongly, and files that were joined byte by byte.

A clip's picture tells its second by its brightness, and each has a tone at 1 s: both have to stand at the right time on
the one clock of the joined recording.
"""

import io
import struct
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from shared.domain.recording import Recording
from shared.media.audio.decoder import AudioDecoder
from shared.media.probe.probe import probe
from shared.media.timeline.measure import measure
from shared.media.video.frames import sample_frames
from shared.media.video.keyframes import keyframes
from shared.media.video.thumbnails import make_thumbnails
from shared.storage.columns import from_columns, to_columns
from tests.media.conftest import _write as write
from tests.media.conftest import beeps

ClipMaker = Callable[..., bytes]
SECONDS = 4.0


def picture(offset: int, size: tuple[int, int]) -> Callable[[float], NDArray[np.uint8]]:
    """Return a picture whose grey is 20 + 20 for each second, counted from `offset`."""

    def paint(time_sec: float) -> NDArray[np.uint8]:
        return np.full((size[1], size[0], 3), 20 + 20 * (offset + int(time_sec + 1e-6)), np.uint8)

    return paint


@cache
def clip(format: str, offset: int = 0, size: tuple[int, int] = (64, 48), **options: Any) -> bytes:
    """Return a clip of 4 s with a tone at 1 s."""
    video = {"webm": "libvpx", "avi": "mpeg4", "asf": "mpeg4", "mpeg": "mpeg2video"}.get(format, "libx264")
    audio = {"webm": "libopus", "avi": "libmp3lame", "asf": "libmp3lame", "mpeg": "mp2"}.get(format, "aac")
    rate = {"webm": 48000, "mpeg": 48000}.get(format, 16000)
    return write(
        format,
        seconds=SECONDS,
        video=video,
        audio=audio,
        rate=rate,
        size=size,
        fps=25 if format == "mpeg" else 10,
        paint=picture(offset, size),
        video_options={} if video in ("mpeg4", "libvpx", "mpeg2video") else {"bf": "0", "g": "20"},
        options=dict(options),
        sound=[(0.0, beeps(SECONDS, rate, [1.0]))],
    )


@cache
def sound(format: str, codec: str, **options: Any) -> bytes:
    """Return 4 s of sound with a tone at 1 s."""
    rate = 48000 if codec == "libopus" else 16000
    return write(
        format,
        seconds=SECONDS,
        audio=codec,
        rate=rate,
        options=dict(options),
        sound=[(0.0, beeps(SECONDS, rate, [1.0]))],
    )


def examine(data: bytes) -> tuple[Recording, NDArray[np.int16]]:
    """Return what a job finds, and the sound."""
    source = io.BytesIO(data)
    declared = probe(source, len(data))
    quick = measure(source, declared)
    declared = replace(declared, audio=quick.audio) if declared.audio is None else declared
    if declared.audio is None:
        return quick, np.zeros(0, np.int16)
    decoder = AudioDecoder(source, declared, lambda fraction: None)
    samples = np.frombuffer(b"".join(decoder), np.int16)
    recording = decoder.measured()
    assert quick == recording, "a probe, which decodes nothing, finds the same"
    assert from_columns(Recording, to_columns(recording)) == recording
    return recording, samples


def tones(samples: NDArray[np.int16]) -> list[float]:
    """Return the starts of tones in seconds."""
    loud = np.flatnonzero(np.abs(samples.astype(int)) > 3000)
    return [float(at) / 16000 for i, at in enumerate(loud) if i == 0 or at - loud[i - 1] > 1600]


def seconds_shown(data: bytes, recording: Recording, times: list[float]) -> dict[float, int]:
    """Return the second that each thumbnail shows."""
    made = make_thumbnails(io.BytesIO(data), recording, times, 64, lambda fraction: None)
    return {time: second(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)) for time, jpeg in made}


def second(bgr: NDArray[Any]) -> int:
    return round((float(np.median(bgr)) - 20) / 20)


LIVE = {"live": "1"}


@pytest.mark.parametrize(
    ("format", "options"),
    [
        pytest.param("mpegts", {}, id="transport streams"),
        pytest.param("webm", {}, id="webm"),
        pytest.param("webm", LIVE, id="webm of a browser"),
        pytest.param("matroska", LIVE, id="matroska from a pipe"),
        pytest.param("mp4", {}, id="mp4"),
        pytest.param("mp4", {"movflags": "faststart"}, id="mp4 with the index first"),
        pytest.param("mp4", {"movflags": "frag_keyframe+empty_moov+default_base_moof"}, id="fragmented mp4"),
        pytest.param("flv", {}, id="flash video"),
        pytest.param("asf", {}, id="windows media"),
        pytest.param("mpeg", {}, id="program streams"),
    ],
)
def test_two_files_joined_are_one_recording(format: str, options: dict[str, str]) -> None:
    """Picture, sound, key frames and a window of samples all stand on one clock."""
    data = clip(format, 0, **options) + clip(format, 4, **options)
    recording, samples = examine(data)
    first = recording.pieces[1].at_sec
    assert first == pytest.approx(SECONDS, abs=0.3)  # the encoder's delay stands in some formats
    assert recording.duration_sec == pytest.approx(2 * first, abs=0.1)
    assert "clock_begins_anew" in [warning.code for warning in recording.warnings]
    heard = tones(samples)
    assert heard[0] == pytest.approx(1.0, abs=0.25)
    assert heard[1] - heard[0] == pytest.approx(first, abs=0.1)
    times = [0.5, 2.5, first + 0.7, first + 2.7]
    assert list(seconds_shown(data, recording, times).values()) == [0, 2, 4, 6]
    found = list(sample_frames(io.BytesIO(data), recording, sample_fps=2.0))
    assert [second(frame.bgr) for frame in found[1:8:2]] == [0, 1, 2, 3]
    assert [second(frame.bgr) for frame in found[9:16:2]] == [4, 5, 6, 7]
    late = list(sample_frames(io.BytesIO(data), recording, sample_fps=2.0, start_sec=6.0))
    assert [(frame.index, second(frame.bgr)) for frame in late] == [
        (frame.index, second(frame.bgr)) for frame in found if frame.time_sec >= 6.0
    ]
    seen = {second(frame.bgr) for frame in keyframes(io.BytesIO(data), recording, limit=8)}
    assert min(seen) < 2
    assert max(seen) >= 4


def test_another_size_and_a_later_clock_may_follow() -> None:
    """The second transport stream has another picture size; the third begins 100 s later on its own clock."""
    late = write(
        "mpegts",
        video="libx264",
        frame_times=[100 + i / 10 for i in range(40)],
        paint=lambda t: picture(8, (64, 48))(t - 100),
    )
    data = clip("mpegts", 0) + clip("mpegts", 4, (96, 64)) + late
    recording, _ = examine(data)
    assert len(recording.pieces) == 3
    assert recording.duration_sec == pytest.approx(12.2, abs=0.2)
    shown = seconds_shown(data, recording, [2.5, 6.5, 11.0])
    assert list(shown.values()) == [2, 6, 10]


def test_many_segments_with_clocks_that_begin_anew() -> None:
    """Segments of a live stream, each with a clock of its own: nothing is lost, and the row stays small."""
    segment = write("mpegts", video="libx264", seconds=1.0, audio="aac", sound=[(0.0, beeps(1.0, 16000, [0.4]))])
    recording, samples = examine(segment * 12)
    assert len(recording.pieces) == 12
    assert recording.duration_sec == pytest.approx(12 * recording.pieces[0].duration_sec, abs=0.01)
    assert len(tones(samples)) == 12
    (warning,) = (each for each in recording.warnings if each.code == "clock_begins_anew")
    assert warning.text.endswith("and at 6 more places; the pieces were put one after the other.")


@pytest.mark.parametrize("seconds", [0.5, 0.2])
@pytest.mark.parametrize("kinds", ["both", "sound", "picture"])
def test_segments_of_less_than_a_second(seconds: float, kinds: str) -> None:
    video, audio = (None if kinds == "sound" else "libx264"), (None if kinds == "picture" else "aac")
    sound = None if audio is None else [(0.0, beeps(seconds, 16000, [0.0]))]
    segment = write("mpegts", video=video, seconds=seconds, fps=25, audio=audio, sound=sound)
    recording, samples = examine(segment * 12)
    assert len(recording.pieces) == 12
    if audio is None:  # the last picture before each joint counts as damaged
        assert recording.duration_sec == pytest.approx(12 * seconds, abs=12 * 0.05)
    else:
        assert recording.duration_sec >= 12 * seconds
        assert len(samples) / 16000 == pytest.approx(recording.duration_sec, abs=0.1)


@pytest.mark.parametrize("format", ["mpegts", "webm", "mp4", "matroska"])
def test_a_picture_that_begins_in_a_later_file(format: str) -> None:
    """Also where both are in a transport stream under the same number, which FFmpeg takes for one stream."""
    codec = "libopus" if format == "webm" else "aac"
    data = sound(format, codec) + clip(format, 4)
    recording, samples = examine(data)
    begin = recording.pieces[1].at_sec
    assert recording.duration_sec == pytest.approx(8.1, abs=0.15)
    assert len(tones(samples)) == 2
    assert recording.video is not None
    assert recording.video.start_sec == pytest.approx(begin, abs=0.1)
    assert "picture_begins_late" in [warning.code for warning in recording.warnings]
    assert seconds_shown(data, recording, [begin + 0.7, begin + 2.5]) == {begin + 0.7: 4, begin + 2.5: 6}
    found = list(sample_frames(io.BytesIO(data), recording, sample_fps=2.0))
    assert found[0].time_sec >= begin - 3.0
    assert {second(frame.bgr) for frame in found} == {4, 5, 6, 7}


@pytest.mark.parametrize("format", ["mpegts", "mp4"])
def test_a_sound_that_begins_in_a_later_file(format: str) -> None:
    silent = write(format, video="libx264", seconds=SECONDS, paint=picture(0, (64, 48)), video_options={"bf": "0"})
    recording, samples = examine(silent + clip(format, 4))
    assert recording.audio is not None
    assert recording.audio.start_sec == pytest.approx(SECONDS, abs=0.1)
    assert len(samples) / 16000 == pytest.approx(recording.duration_sec, abs=0.1)
    assert tones(samples) == [pytest.approx(SECONDS + 1.03, abs=0.1)]
    assert [each.code for each in recording.warnings if each.about == "sound"] == ["sound_begins_late"]


@pytest.mark.parametrize("format", ["mp4", "matroska"])
def test_a_picture_that_begins_late_within_a_later_file(format: str) -> None:
    """Its own offset is added to the time at which its file begins."""
    later = write(
        format,
        video="libx264",
        frame_times=[3 + i / 10 for i in range(10)],
        audio="aac",
        sound=[(0.0, beeps(SECONDS, 16000, [1.0]))],
        video_options={"bf": "0"},
    )
    recording, _ = examine(sound(format, "aac") + later)
    assert recording.video is not None
    assert recording.video.start_sec == pytest.approx(recording.pieces[1].at_sec + 3.0, abs=0.1)
    assert recording.video.duration_sec == pytest.approx(1.0, abs=0.15)
    (warning,) = (each for each in recording.warnings if each.code == "picture_begins_late")
    assert f"begins at {recording.video.start_sec:.1f} s" in warning.text


@pytest.mark.parametrize("format", ["mp4", "mpegts"])
def test_a_sound_that_begins_late_within_a_later_file(format: str) -> None:
    silent = write(format, video="libx264", seconds=SECONDS, paint=picture(0, (64, 48)), video_options={"bf": "0"})
    later = write(
        format,
        video="libx264",
        seconds=SECONDS,
        paint=picture(4, (64, 48)),
        video_options={"bf": "0"},
        audio="aac",
        sound=[(2.0, beeps(2.0, 16000, [1.0]))],
    )
    recording, samples = examine(silent + later)
    assert recording.audio is not None
    assert recording.audio.start_sec == pytest.approx(SECONDS + 2.0, abs=0.1)
    assert tones(samples) == [pytest.approx(SECONDS + 3.03, abs=0.1)]


@pytest.mark.parametrize("rates", [(16000, 44100), (44100, 16000)])
def test_adts_of_two_rates(rates: tuple[int, int]) -> None:
    """FFmpeg counts the packets of the second file at the rate of the first."""
    data = b"".join(
        write("adts", audio="aac", rate=rate, seconds=SECONDS, sound=[(0.0, beeps(SECONDS, rate, [1.0]))])
        for rate in rates
    )
    recording, samples = examine(data)
    assert recording.duration_sec == pytest.approx(8.1, abs=0.15)
    assert tones(samples) == [pytest.approx(1.05, abs=0.05), pytest.approx(5.1, abs=0.1)]


@pytest.mark.parametrize("fields", ["sound", "frames", "both", "nothing yet"])
def test_an_aiff_whose_header_was_never_finished(fields: str) -> None:
    whole = bytearray(sound("aiff", "pcm_s16be"))
    described, at = whole.index(b"COMM"), whole.index(b"SSND")
    frames = 0 if fields == "nothing yet" else int(SECONDS * 16000) // 3
    if fields != "sound":
        whole[described + 10 : described + 14] = frames.to_bytes(4)
    if fields != "frames":
        whole[at + 4 : at + 8] = (8 + 2 * frames).to_bytes(4)
        whole[4:8] = (at + 8 + 2 * frames).to_bytes(4)
    recording, samples = examine(bytes(whole))
    assert recording.duration_sec == pytest.approx(SECONDS, abs=0.01)
    assert len(samples) == SECONDS * 16000
    assert "length_differs" in [warning.code for warning in recording.warnings]


@pytest.mark.parametrize(
    ("format", "codec"),
    [
        ("mp3", "libmp3lame"),
        ("adts", "aac"),
        ("wav", "pcm_s16le"),
        ("aiff", "pcm_s16be"),
        ("ogg", "libopus"),
        ("flac", "flac"),
        ("caf", "pcm_s16le"),
    ],
)
def test_sound_joined(format: str, codec: str) -> None:
    recording, samples = examine(sound(format, codec) * 2)
    assert recording.duration_sec == pytest.approx(8.0, abs=0.3)
    assert [warning.code for warning in recording.warnings if warning.code.startswith("sound")] == []
    heard = tones(samples)
    assert heard[0] == pytest.approx(1.0, abs=0.075)
    assert heard[1] == pytest.approx(5.0, abs=0.2)


def test_a_pipe_declares_no_length(make_clip: ClipMaker) -> None:
    """Sound begins some milliseconds before the picture: their difference is not the length."""
    data = make_clip(
        "matroska",
        seconds=20.0,
        video="libx264",
        fps=5,
        audio="libopus",
        rate=48000,
        options=LIVE,
        video_options={"bf": "0"},
    )
    assert probe(io.BytesIO(data), len(data)).duration_sec == 0.0
    recording, samples = examine(data)
    assert recording.duration_sec == pytest.approx(20.0, abs=0.05)
    assert len(samples) / 16000 == pytest.approx(20.0, abs=0.05)
    assert recording.warnings == ()


def test_a_program_that_crashed_wrote_no_length() -> None:
    whole = clip("matroska", 0, **LIVE)
    recording, _ = examine(whole[: len(whole) * 3 // 4])
    assert 0.5 < recording.duration_sec < 3.9


def test_a_header_that_declares_a_third() -> None:
    data = bytearray(clip("matroska", 0))
    at = data.index(b"\x44\x89\x88") + 3  # the element Duration, 8 bytes
    (declared,) = struct.unpack(">d", data[at : at + 8])
    data[at : at + 8] = struct.pack(">d", declared / 3)
    for tag in (b"00:00:04.", b"00:00:03."):  # and the streams' own tags
        data = data.replace(tag, b"00:00:01.")
    recording, samples = examine(bytes(data))
    assert recording.duration_sec == pytest.approx(SECONDS, abs=0.1)
    assert len(samples) / 16000 == pytest.approx(SECONDS, abs=0.1)
    (warning,) = recording.warnings
    assert warning.code == "length_differs"
    assert "declares 1." in warning.text
    assert "but 4." in warning.text
    assert seconds_shown(bytes(data), recording, [3.5]) == {3.5: 3}


def test_a_clock_that_runs_over_is_no_joint(make_clip: ClipMaker) -> None:
    """The clock of a transport stream has 33 bits: it begins anew every 26.5 hours."""
    wrap_sec = 2**33 / 90_000
    times = [wrap_sec - 2 + i / 10 for i in range(40)]
    data = make_clip("mpegts", video="libx264", frame_times=times, paint=lambda t: picture(0, (64, 48))(t - times[0]))
    recording, _ = examine(data)
    assert recording.duration_sec == pytest.approx(4.0, abs=0.11)
    assert recording.pieces == ()
    assert seconds_shown(data, recording, [0.5, 3.5]) == {0.5: 0, 3.5: 3}


def test_a_clock_that_jumps_in_the_middle_of_a_transport_stream() -> None:
    """An encoder lost 20 s: sound of before still stands after the first picture of afterwards."""
    data = write(
        "mpegts",
        video="libx264",
        audio="aac",
        frame_times=[*(i / 10 for i in range(20)), *(22 + i / 10 for i in range(20))],
        paint=lambda t: picture(0, (64, 48))(t if t < 10 else t - 20),
        sound=[(0.0, beeps(2.0, 16000, [1.0])), (22.0, beeps(2.0, 16000, [1.0]))],
        video_options={"bf": "0", "g": "10"},
    )
    recording, samples = examine(data)
    assert len(recording.pieces) == 2
    assert recording.duration_sec == pytest.approx(4.2, abs=0.1)
    assert tones(samples) == [pytest.approx(1.06, abs=0.05), pytest.approx(3.16, abs=0.1)]
    assert seconds_shown(data, recording, [1.5, 3.6]) == {1.5: 1, 3.6: 3}


@pytest.mark.parametrize("format", ["mp4", "matroska", "flv"])
def test_a_clock_that_was_set_in_the_middle(format: str) -> None:
    """A machine's clock was set forward by 30 hours: that is no silence of 30 hours."""
    jump = 30 * 3600
    data = write(
        format,
        video="libx264",
        audio="aac",
        frame_times=[*(i / 10 for i in range(20)), *(jump + 2 + i / 10 for i in range(20))],
        paint=lambda t: picture(0, (64, 48))(t if t < 10 else t - jump),
        sound=[(0.0, beeps(2.0, 16000, [1.0])), (jump + 2.0, beeps(2.0, 16000, [1.0]))],
        video_options={"bf": "0", "g": "10"},
    )
    recording, samples = examine(data)
    assert len(recording.pieces) == 2
    assert recording.duration_sec == pytest.approx(4.1, abs=0.1)
    assert tones(samples) == [pytest.approx(1.03, abs=0.05), pytest.approx(3.05, abs=0.07)]
    assert seconds_shown(data, recording, [0.5, 1.5, 2.5, 3.5]) == {0.5: 0, 1.5: 1, 2.5: 2, 3.5: 3}
    found = [second(frame.bgr) for frame in sample_frames(io.BytesIO(data), recording, sample_fps=2.0)]
    assert found[1:8:2] == [0, 1, 2, 3]


def test_a_gap_stays_where_the_container_has_one_clock(make_clip: ClipMaker) -> None:
    sound = [(0.0, beeps(2.0, 16000, [1.0])), (22.0, beeps(2.0, 16000, [1.0]))]
    for format in ("mp4", "matroska"):
        recording, samples = examine(make_clip(format, audio="aac", sound=sound))
        assert recording.duration_sec == pytest.approx(24.0, abs=0.1)
        assert tones(samples) == [pytest.approx(1.0, abs=0.07), pytest.approx(23.0, abs=0.07)]
        assert [warning.code for warning in recording.warnings] == ["sound_gaps"]


@pytest.mark.parametrize("format", ["flv", "matroska"])
def test_a_recorder_that_appends_to_its_file(format: str) -> None:
    """The second recording has no header of its own, and its clock begins anew: nothing can be opened there."""
    options = {} if format == "flv" else LIVE
    first, second_part = clip(format, 0, **options), clip(format, 4, **options)
    body = 13 if format == "flv" else second_part.index(b"\x1f\x43\xb6\x75")  # the first tag, the first cluster
    data = first + second_part[body:]
    recording, samples = examine(data)
    assert len(recording.pieces) == 2
    begin = recording.pieces[1].at_sec
    assert recording.duration_sec == pytest.approx(8.1, abs=0.2)
    assert len(tones(samples)) == 2
    assert list(seconds_shown(data, recording, [0.5, 3.5, begin + 0.6, begin + 3.5]).values()) == [0, 3, 4, 7]


def test_a_wav_whose_header_was_never_finished() -> None:
    """It declares a third of the sound, with and without the same error in the length of the file."""
    whole = bytearray(sound("wav", "pcm_s16le"))
    at = whole.index(b"data") + 4
    third = (len(whole) - at - 4) // 3 // 2 * 2
    for riff in (len(whole) - 8, at + third - 4):
        whole[4:8] = struct.pack("<I", riff)
        whole[at : at + 4] = struct.pack("<I", third)
        recording, samples = examine(bytes(whole))
        assert recording.duration_sec == pytest.approx(SECONDS, abs=0.01)
        assert len(samples) == SECONDS * 16000
        assert "The recording declares 1.3 s but 4.0 s could be decoded; all of it was used." in [
            warning.text for warning in recording.warnings
        ]


def test_joined_mp3s_declare_the_length_of_the_first() -> None:
    """FFmpeg guesses another length from the bit rate of a file that does not fit its header."""
    data = write("mp3", audio="libmp3lame", seconds=4.0) + write("mp3", audio="libmp3lame", rate=44100, seconds=4.0)
    recording, samples = examine(data)
    assert recording.duration_sec == pytest.approx(8.1, abs=0.2)
    assert len(samples) / 16000 == pytest.approx(8.1, abs=0.2)
    assert [warning.text for warning in recording.warnings] == [
        "The recording declares 4.1 s but 8.1 s could be decoded; all of it was used."
    ]


def test_a_transport_stream_with_other_streams_may_follow() -> None:
    """Its packets have other numbers: FFmpeg finds new streams on the way, and PyAV does not know of them."""
    other = {"mpegts_start_pid": "0x300", "mpegts_pmt_start_pid": "0x1100"}
    data = clip("mpegts", 0) + clip("mpegts", 4, **other)
    recording, samples = examine(data)
    assert recording.duration_sec == pytest.approx(8.2, abs=0.1)
    assert len(tones(samples)) == 2
    assert list(seconds_shown(data, recording, [0.5, 4.7, 7.5]).values()) == [0, 4, 7]


def test_an_mp4_and_a_fragmented_one_joined() -> None:
    data = clip("mp4", 0) + clip("mp4", 4, movflags="frag_keyframe+empty_moov+default_base_moof")
    recording, _ = examine(data)
    assert recording.duration_sec == pytest.approx(8.06, abs=0.1)
    assert list(seconds_shown(data, recording, [0.5, 4.6, 7.5]).values()) == [0, 4, 7]
