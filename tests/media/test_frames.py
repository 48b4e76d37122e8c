"""Sampled frames are what a viewer sees at the grid's times, however the recording is cut or coded."""

import io
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from shared.domain.errors import NoUsableStream
from shared.domain.recording import Recording
from shared.media.probe.probe import probe
from shared.media.range_reader import RangeReader
from shared.media.video.frames import SampledFrame, sample_frames
from shared.media.video.keyframes import keyframes
from shared.media.video.unreferenced import may_skip_unreferenced

ClipMaker = Callable[..., bytes]
SIZE = (200, 64)


def opened(data: bytes) -> tuple[io.BytesIO, Recording]:
    return io.BytesIO(data), probe(io.BytesIO(data), len(data))


def bar(time_sec: float) -> NDArray[np.uint8]:
    """A white bar that grows by ten pixels a second."""
    picture = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    picture[:, : round(10 * time_sec)] = 255
    return picture


def shown_times(frames: list[SampledFrame]) -> list[float]:
    """Return the times that the pictures encode."""
    return [float(np.count_nonzero(frame.bgr[SIZE[1] // 2, :, 1] > 128)) / 10 for frame in frames]


@pytest.mark.parametrize(
    ("format", "codec", "options"),
    [
        ("mp4", "libx264", {"g": "40", "bf": "2"}),
        ("mp4", "libx264", {"g": "1000", "bf": "0"}),
        ("matroska", "libx264", {"g": "25", "bf": "3"}),
        ("mpegts", "libx264", {"g": "30", "bf": "2"}),
        ("avi", "mpeg4", {"g": "12"}),
    ],
    ids=["mp4", "one keyframe", "matroska", "transport stream", "avi"],
)
@pytest.mark.parametrize("start", [0, 5], ids=["from zero", "with an offset"])
def test_cut_in_parts_they_are_the_same(
    make_clip: ClipMaker, format: str, codec: str, options: dict[str, str], start: int
) -> None:
    data = make_clip(
        format, video=codec, size=SIZE, frame_times=[start + i / 10 for i in range(200)],
        paint=lambda t: bar(t - start), video_options=options,
    ) if format != "avi" else make_clip(
        format, video=codec, size=SIZE, seconds=20, fps=10, paint=bar, video_options=options
    )  # fmt: skip
    source, recording = opened(data)
    whole = list(sample_frames(source, recording, sample_fps=2))
    assert [frame.index for frame in whole] == list(range(40))
    assert shown_times(whole) == pytest.approx([i / 2 for i in range(40)], abs=0.11)
    cut = [0.0, 3.3, 7.0, 12.9, 19.2, recording.duration_sec]
    parts = [
        frame
        for begin, end in pairwise(cut)
        for frame in sample_frames(source, recording, sample_fps=2, start_sec=begin, end_sec=end)
    ]
    assert [(frame.index, frame.time_sec) for frame in parts] == [(frame.index, frame.time_sec) for frame in whole]
    assert all(np.array_equal(one.bgr, other.bgr) for one, other in zip(parts, whole, strict=True))


def test_between_frames_the_last_one_is_still_shown(make_clip: ClipMaker) -> None:
    """An uneven rate with a gap of six seconds."""
    times = [0.0, 0.1, 0.9, 1.0, 2.4, 8.4, 8.5, 9.6]
    source, recording = opened(make_clip("mp4", video="libx264", size=SIZE, frame_times=times, paint=bar))
    frames = list(sample_frames(source, recording, sample_fps=1))
    expected = [max(time for time in times if time <= t) for t in range(10)]
    assert shown_times(frames) == pytest.approx(expected, abs=0.11)
    late = list(sample_frames(source, recording, sample_fps=1, start_sec=5.0, end_sec=7.0))
    assert [frame.time_sec for frame in late] == [5.0, 6.0]
    assert shown_times(late) == pytest.approx([2.4, 2.4], abs=0.11)


def test_before_the_first_frame_there_is_the_first(make_clip: ClipMaker) -> None:
    """The sound begins two seconds earlier."""
    data = make_clip(
        "matroska", video="libx264", size=SIZE, frame_times=[2 + i / 10 for i in range(30)], paint=bar,
        audio="aac", seconds=5,
    )  # fmt: skip
    source, recording = opened(data)
    frames = list(sample_frames(source, recording, sample_fps=1))
    assert [round(time) for time in shown_times(frames)] == [2, 2, 2, 3, 4]


@pytest.mark.parametrize(("rotation", "shape"), [(0, (32, 100)), (90, (100, 32)), (180, (32, 100)), (270, (100, 32))])
def test_upright_and_small(make_clip: ClipMaker, rotation: int, shape: tuple[int, int]) -> None:
    def corner(time_sec: float) -> NDArray[np.uint8]:
        picture = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
        picture[: SIZE[1] // 2, : SIZE[0] // 2] = 255
        return picture

    data = make_clip("mp4", video="libx264", size=SIZE, seconds=1, paint=corner, rotation=rotation)
    source, recording = opened(data)
    frame = next(sample_frames(source, recording, sample_fps=2, width=shape[1]))
    assert frame.bgr.shape == (*shape, 3)
    quarter = [frame.bgr[y, x, 0] > 128 for y in (5, -5) for x in (5, -5)]
    assert quarter == [rotation == 0, rotation == 90, rotation == 270, rotation == 180]


def test_wide_pixels_are_spread(make_clip: ClipMaker) -> None:
    data = make_clip("mp4", video="libx264", size=SIZE, seconds=1, pixel_aspect=Fraction(4, 3))
    source, recording = opened(data)
    assert next(sample_frames(source, recording, sample_fps=2, width=100)).bgr.shape == (24, 100, 3)


def test_a_cut_off_recording_is_not_made_longer(make_clip: ClipMaker) -> None:
    data = make_clip("mp4", video="libx264", size=SIZE, seconds=20, paint=bar,
                     video_options={"g": "10", "bf": "0"}, options={"movflags": "faststart"})  # fmt: skip
    recording = probe(io.BytesIO(data), len(data))
    half = data[: len(data) * 6 // 10]
    frames = list(sample_frames(io.BytesIO(half), recording, sample_fps=2))
    assert 10 <= len(frames) < 38
    assert shown_times(frames) == pytest.approx([i / 2 for i in range(len(frames))], abs=0.11)
    beyond = sample_frames(io.BytesIO(half), recording, sample_fps=2, start_sec=18.0)
    assert list(beyond) == []


def test_damage_in_the_middle_is_passed(make_clip: ClipMaker) -> None:
    data = bytearray(make_clip("mpegts", video="libx264", size=SIZE, seconds=20, paint=bar,
                               video_options={"g": "10", "bf": "0"}))  # fmt: skip
    recording = probe(io.BytesIO(bytes(data)), len(data))
    data[len(data) * 4 // 10 : len(data) * 5 // 10] = bytes(len(data) * 5 // 10 - len(data) * 4 // 10)
    frames = list(sample_frames(io.BytesIO(bytes(data)), recording, sample_fps=2))
    assert len(frames) == 40
    assert shown_times(frames[30:]) == pytest.approx([i / 2 for i in range(30, 40)], abs=0.11)


def test_progress_is_reported_and_can_stop(make_clip: ClipMaker) -> None:
    source, recording = opened(make_clip("mp4", video="libx264", size=SIZE, seconds=5))
    told: list[float] = []
    list(sample_frames(source, recording, sample_fps=2, report=told.append))
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(told) > 40

    def stop(fraction: float) -> None:
        if fraction > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(sample_frames(source, recording, sample_fps=2, report=stop))


def test_keyframes_are_spread_over_the_recording(make_clip: ClipMaker) -> None:
    data = make_clip("mp4", video="libx264", size=SIZE, seconds=20, paint=bar, video_options={"g": "2"})
    source, recording = opened(data)
    frames = list(keyframes(source, recording, limit=50))
    assert 45 <= len(frames) <= 50
    assert [frame.time_sec for frame in frames] == sorted(frame.time_sec for frame in frames)
    assert shown_times(frames) == pytest.approx([frame.time_sec for frame in frames], abs=0.11)
    assert frames[0].time_sec < 1
    assert frames[-1].time_sec > 19


def test_keyframes_are_read_by_ranges_and_not_with_all_that_is_between(make_clip: ClipMaker) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (16, 240, 320, 3), dtype=np.uint8)
    data = make_clip(
        "mp4",
        video="libx264",
        size=(320, 240),
        seconds=20,
        paint=lambda t: noise[round(10 * t) % 16],
        video_options={"g": "50", "bf": "3", "sc_threshold": "0", "preset": "ultrafast"},
        options={"movflags": "faststart"},
    )
    whole, recording = opened(data)
    read: list[int] = []

    def read_range(offset: int, length: int) -> bytes:
        read.append(length)
        return data[offset : offset + length]

    block_bytes = 64 * 1024  # FFmpeg asks for four of them at once
    with RangeReader(read_range, len(data), block_bytes, 8, read_ahead=False) as few_places:
        frames = list(keyframes(whole, recording, limit=4, few_places=few_places))
    assert [frame.time_sec for frame in frames] == [0.0, 5.0, 10.0, 15.0]
    assert all(np.array_equal(a.bgr, b.bgr) for a, b in zip(frames, keyframes(whole, recording, limit=4), strict=True))
    assert len(data) > 80 * block_bytes
    assert sum(read) <= (5 * len(frames) + 10) * block_bytes


def test_with_few_keyframes_frames_are_decoded_in_between(make_clip: ClipMaker) -> None:
    data = make_clip("mp4", video="libx264", size=SIZE, seconds=20, paint=bar, video_options={"g": "1000"})
    source, recording = opened(data)
    frames = list(keyframes(source, recording))
    assert 40 <= len(frames) <= 80
    assert shown_times(frames) == pytest.approx([frame.time_sec for frame in frames], abs=0.11)


def test_key_pictures_of_a_window(make_clip: ClipMaker) -> None:
    data = make_clip("mp4", video="libx264", size=SIZE, seconds=20, paint=bar, video_options={"g": "2"})
    source, recording = opened(data)
    frames = list(keyframes(source, recording, limit=20, start_sec=5, end_sec=10))
    assert 15 <= len(frames) <= 20
    assert 4.7 <= frames[0].time_sec < 5.5
    assert 9.4 < frames[-1].time_sec <= 10
    assert shown_times(frames) == pytest.approx([frame.time_sec for frame in frames], abs=0.11)


def test_what_is_decoded_instead_is_spread_over_all_key_pictures(make_clip: ClipMaker) -> None:
    """Only four seconds may be decoded: they are not the first four."""
    data = make_clip(
        "mp4", video="libx264", size=SIZE, seconds=20, paint=bar, video_options={"g": "50", "sc_threshold": "0"}
    )
    source, recording = opened(data)
    frames = list(keyframes(source, recording, limit=40, decoded_sec=4))
    assert 35 <= len(frames) <= 45
    assert [frame.index for frame in frames] == list(range(len(frames)))
    assert [frame.time_sec for frame in frames] == sorted({frame.time_sec for frame in frames})
    assert frames[-1].time_sec > 14
    assert shown_times(frames) == pytest.approx([frame.time_sec for frame in frames], abs=0.11)


def test_sound_alone_has_no_frames(make_clip: ClipMaker) -> None:
    source, recording = opened(make_clip("wav", audio="pcm_s16le"))
    with pytest.raises(NoUsableStream):
        list(sample_frames(source, recording, sample_fps=2))
    with pytest.raises(NoUsableStream):
        list(keyframes(source, recording))


def test_without_unreferenced_frames_the_grid_is_as_full_and_parts_are_the_same(make_clip: ClipMaker) -> None:
    options = {"g": "60", "bf": "3", "preset": "ultrafast"}
    source, recording = opened(
        make_clip("mp4", video="libx264", size=SIZE, fps=20, seconds=10, paint=bar, video_options=options)
    )
    whole = list(sample_frames(source, recording, sample_fps=2, only_referenced=True))
    assert [frame.index for frame in whole] == list(range(20))
    assert shown_times(whole) == pytest.approx([i / 2 - 0.1 for i in range(20)], abs=0.21)
    cut = [0.0, 3.3, 7.0, recording.duration_sec]
    parts = [
        frame
        for begin, end in pairwise(cut)
        for frame in sample_frames(source, recording, sample_fps=2, start_sec=begin, end_sec=end, only_referenced=True)
    ]
    assert [frame.index for frame in parts] == [frame.index for frame in whole]
    assert all(np.array_equal(one.bgr, other.bgr) for one, other in zip(parts, whole, strict=True))


@pytest.mark.parametrize(
    ("fps", "seconds", "may"),
    [(20, 61, {2: True, 4: True, 10: False}), (5, 61, {0.5: True, 2: False}), (20, 10, {2: False})],
    ids=["dense", "sparse", "short"],
)
def test_unreferenced_frames_are_left_out_only_where_enough_others_are_left(
    make_clip: ClipMaker, fps: int, seconds: float, may: dict[float, bool]
) -> None:
    """The more samples a second, the closer together are the frames that have to be left."""
    options = {"g": "100", "bf": "3", "b-adapt": "0", "preset": "ultrafast"}
    source, recording = opened(make_clip("mp4", video="libx264", fps=fps, seconds=seconds, video_options=options))
    assert {each: may_skip_unreferenced(source, recording, each) for each in may} == may
