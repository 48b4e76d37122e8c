"""The pace of work is learned from jobs of different lengths, and soon enough."""

import random
from collections.abc import Callable

import pytest

from shared.domain.pace import DEFAULT_SPREAD, MIN_SPREAD, Pace, kinds_of
from shared.domain.recording import Recording, VideoStream
from shared.domain.stage import Stage

KIND = "tracking-plain-h264-hd"


def picture(codec: str, width: int, height: int) -> Recording:
    video = VideoStream(
        index=0, codec=codec, width=width, height=height, rotation=0, fps=25.0, start_sec=0.0, duration_sec=60.0
    )
    return Recording(
        container="mp4", size_bytes=1, start_sec=0.0, duration_sec=60.0, video=video, audio=None, warnings=()
    )


def learned(took: Callable[[float], float], lengths: list[float]) -> Pace:
    pace = Pace.default(KIND)
    for length in lengths:
        pace = pace.learn(length, took(length))
    return pace


def test_defaults_grow_with_the_picture_and_say_that_nothing_was_learned() -> None:
    small, large = (
        Pace.default("tracking-plain-h264-small").expect(600),
        Pace.default("tracking-plain-h264-large").expect(600),
    )
    assert 0 < small.sec < large.sec
    assert (small.jobs, small.spread) == (0, DEFAULT_SPREAD)


def test_fixed_and_growing_parts_are_told_apart() -> None:
    pace = learned(lambda length: 3.0 + 0.2 * length, [5, 60, 20, 300])
    for length in (5, 100, 3000):
        assert pace.expect(length).sec == pytest.approx(3.0 + 0.2 * length, rel=0.15)


def test_one_job_outweighs_the_defaults_for_recordings_like_it() -> None:
    assert learned(lambda _: 40.0, [60]).expect(60).sec == pytest.approx(40.0, rel=0.25)


def test_a_machine_that_became_faster_is_noticed() -> None:
    pace = learned(lambda length: 0.4 * length, [60.0, 300.0] * 10)
    for _ in range(12):
        for length in (60.0, 300.0):
            pace = pace.learn(length, 0.2 * length)
    assert pace.expect(120).sec == pytest.approx(24.0, rel=0.2)


def test_one_job_that_waited_long_spoils_little() -> None:
    pace = learned(lambda length: 2 + 0.1 * length, [60, 120, 30, 240, 90, 60, 120])
    spoiled = pace.learn(100, 5000.0)
    assert spoiled.expect(100).sec < 2 * pace.expect(100).sec
    assert spoiled.expect(100).spread > pace.expect(100).spread


def test_the_range_becomes_narrow_with_jobs_that_are_alike_and_stays_wide_with_others() -> None:
    dice = random.Random(1)
    alike = learned(lambda length: 1 + 0.1 * length, [60.0 + number for number in range(20)])
    unlike = learned(lambda length: (1 + 0.1 * length) * dice.uniform(0.5, 2), [60.0 + number for number in range(20)])
    assert alike.expect(60).spread < 0.15
    assert unlike.expect(60).spread > 2 * MIN_SPREAD
    assert unlike.expect(60).jobs == 20


def test_kinds_are_few_and_tell_codec_size_and_what_is_made() -> None:
    kinds = kinds_of(picture("hevc", 1920, 1080), "moonshine", "encode")
    assert kinds[Stage.TRACKING] == "tracking-encode-hevc-fullhd"
    assert kinds[Stage.TRANSCRIPTION] == "transcription-moonshine-encode-hevc-fullhd"
    odd = kinds_of(picture("cinepak", 4000, 3000), "auto", None)
    assert odd[Stage.TRACKING] == "tracking-plain-other-large"
