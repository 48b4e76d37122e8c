"""The pace of work is learned from jobs of different lengths, and soon enough."""

import random
from collections.abc import Callable

import pytest

from shared.domain.pace import DEFAULT_SPREAD, FIRST_SPREAD, MAX_LESSONS, MIN_SPREAD, Extent, Lesson, Pace
from shared.domain.recording import Recording, VideoStream
from shared.domain.stage import Stage
from shared.domain.work_kinds import kinds_of
from shared.storage.columns import from_columns, to_columns
from shared.storage.upgrade import upgraded

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
        pace = after(pace, length, took(length))
    return pace


def after(pace: Pace, length: float, took_sec: float, parts: int = 1) -> Pace:
    """Return the pace after one more job, which had been expected as the pace says."""
    extent = Extent(length, parts)
    expected = pace.expect(extent)
    return pace.learn(extent, took_sec, expected.sec if expected.jobs else None)


def test_defaults_grow_with_the_picture_and_say_that_nothing_was_learned() -> None:
    small, large = (
        Pace.default("tracking-plain-h264-small").expect(Extent(600)),
        Pace.default("tracking-plain-h264-large").expect(Extent(600)),
    )
    assert 0 < small.sec < large.sec
    assert (small.jobs, small.spread) == (0, DEFAULT_SPREAD)


def test_fixed_and_growing_parts_are_told_apart() -> None:
    pace = learned(lambda length: 3.0 + 0.2 * length, [5, 60, 20, 300])
    for length in (5, 100, 3000):
        assert pace.expect(Extent(length)).sec == pytest.approx(3.0 + 0.2 * length, rel=0.15)


def test_one_job_outweighs_the_defaults_for_recordings_like_it() -> None:
    assert learned(lambda _: 40.0, [60]).expect(Extent(60)).sec == pytest.approx(40.0, rel=0.25)


@pytest.mark.parametrize(
    ("loading_sec", "expected_sec"),
    [
        pytest.param([5.0], 10.0, id="the first job of a worker"),
        pytest.param([5.0, 0.0, 0.0, 5.0, 0.0], 10.0, id="few jobs find a new worker"),
        pytest.param([5.0, 5.0, 5.0], 15.0, id="each job finds one"),
    ],
)
def test_loading_is_expected_where_most_jobs_wait_for_it(loading_sec: list[float], expected_sec: float) -> None:
    pace = Pace.default(KIND)
    for each in loading_sec:
        pace = pace.learn(Extent(60), 10.0, None, each)
    assert pace.expect(Extent(60)).sec == pytest.approx(expected_sec, rel=0.1)


def test_where_each_job_loads_the_range_stays_narrow() -> None:
    pace = Pace.default(KIND)
    for _ in range(12):
        expected = pace.expect(Extent(60))
        pace = pace.learn(Extent(60), 10.0, expected.sec if expected.jobs else None, 30.0)
    assert pace.expect(Extent(60)).spread <= FIRST_SPREAD


def test_a_machine_that_became_faster_is_noticed() -> None:
    pace = learned(lambda length: 0.4 * length, [60.0, 300.0] * 10)
    for _ in range(12):
        for length in (60.0, 300.0):
            pace = after(pace, length, 0.2 * length)
    assert pace.expect(Extent(120)).sec == pytest.approx(24.0, rel=0.2)


def test_one_job_that_waited_long_spoils_little() -> None:
    pace = learned(lambda length: 2 + 0.1 * length, [60, 120, 30, 240, 90, 60, 120])
    spoiled = after(pace, 100, 5000.0)
    assert spoiled.expect(Extent(100)).sec < 2 * pace.expect(Extent(100)).sec
    assert spoiled.expect(Extent(100)).spread > pace.expect(Extent(100)).spread


def test_the_range_becomes_narrow_with_jobs_that_are_alike_and_stays_wide_with_others() -> None:
    dice = random.Random(1)
    alike = learned(lambda length: 1 + 0.1 * length, [60.0 + number for number in range(20)])
    unlike = learned(lambda length: (1 + 0.1 * length) * dice.uniform(0.5, 2), [60.0 + number for number in range(20)])
    assert alike.expect(Extent(60)).spread < 0.15
    assert unlike.expect(Extent(60)).spread > 2 * MIN_SPREAD
    assert unlike.expect(Extent(60)).jobs == 20


def test_the_first_job_that_loaded_models_is_outvoted() -> None:
    cold = after(Pace.default(KIND), 8, 9.0)
    for length in (40.0, 8.0, 20.0):
        cold = after(cold, length, 1 + 0.1 * length)
    assert cold.expect(Extent(8)).sec == pytest.approx(1.8, rel=0.25)


def test_where_no_line_is_right_jobs_of_about_the_same_length_are_asked() -> None:
    """From two minutes on two workers share the recording."""

    def took(length: float) -> float:
        return 1 + 0.12 * length / (2 if length >= 120 else 1)

    pace = learned(took, [10, 20, 40, 80, 110, 130, 160, 240, 400, 600] * 2)
    for length in (30.0, 100.0, 180.0, 500.0):
        assert pace.expect(Extent(length)).sec == pytest.approx(took(length), rel=0.2)


@pytest.mark.parametrize("workers", [1, 2])
def test_whether_workers_share_the_parts_of_a_recording_is_learned(workers: int) -> None:
    def took(length: float, parts: int) -> float:
        return 1 + 0.12 * length / min(workers, parts)

    pace = Pace.default(KIND)
    for length, parts in ((60, 1), (310, 2), (200, 1), (450, 2), (20, 1), (290, 1)):
        pace = after(pace, length, took(length, parts), parts)
    for length, parts in ((280, 1), (320, 2)):
        assert pace.expect(Extent(length, parts)).sec == pytest.approx(took(length, parts), rel=0.15)


def test_a_row_keeps_its_latest_lessons_and_is_read_as_it_was_written() -> None:
    pace = learned(lambda length: 0.1 * length, [60.0 + number for number in range(MAX_LESSONS + 9)])
    assert len(pace.lessons) == MAX_LESSONS
    assert pace.jobs == MAX_LESSONS + 9
    again = from_columns(Pace, to_columns(pace))
    assert again.expect(Extent(77)).sec == pytest.approx(pace.expect(Extent(77)).sec, rel=0.01)
    assert again.lessons[0].expected_sec == pytest.approx(pace.lessons[0].expected_sec, abs=0.001)
    for line in ("1 0 1", "-1 1", "1 nan", "1", "1 2 -3", "1 2 3 0"):
        with pytest.raises(ValueError, match=r"above|below|not enough|no parts"):
            Lesson.from_line(line)


@pytest.mark.parametrize(
    ("line", "lesson"),
    [
        ("60.000 7.000 ", Lesson(Extent(60), 7.0, None)),
        ("60.000 7.000 8.000", Lesson(Extent(60), 7.0, 8.0)),
        ("60.000 7.000 - 2", Lesson(Extent(60, 2), 7.0, None)),
        ("60.000 7.000 - 2 1.500", Lesson(Extent(60, 2), 7.0, None, 1.5)),
    ],
)
def test_lessons_of_earlier_releases_are_read(line: str, lesson: Lesson) -> None:
    assert Lesson.from_line(line) == lesson
    assert Lesson.from_line(lesson.to_line()) == lesson


def test_a_row_of_an_earlier_release_tells_what_it_had_learned() -> None:
    """It has sums and no lessons; they count as what new lessons set out from."""
    row = {
        "kind": KIND,
        "jobs": 7,
        "weight": 0.001,
        "length": 0.06,
        "lengthSquared": 4.0,
        "duration": 0.015,
        "lengthDuration": 0.98,
        "variance": 0.04,
    }
    stored = from_columns(Pace, upgraded("paces", row))
    expected = stored.expect(Extent(100))
    assert expected.sec == pytest.approx(3.0 + 0.2 * 100, rel=0.01)
    assert (expected.spread, expected.jobs) == (0.2, 7)
    assert after(stored, 100, 23.0).expect(Extent(100)).sec == pytest.approx(23.0, rel=0.05)


def test_a_row_with_sums_and_lessons_tells_both() -> None:
    """The release after the first one wrote such rows: here the defaults' sums, and three jobs on another line."""
    row = {
        "kind": KIND,
        "jobs": 3,
        "weight": 8.000384733024137e-05,
        "length": 0.0016138503888689043,
        "lengthSquared": 0.08186139992805494,
        "duration": 0.00019426445486215975,
        "lengthDuration": 0.007409637503775192,
        "variance": 0.25,
        "lessons": "60.000 15.000 \n300.000 63.000 63.567\n20.000 7.000 6.941",
        "schemaVersion": 1,
    }
    stored = from_columns(Pace, upgraded("paces", row))
    assert stored.lessons == (
        Lesson(Extent(60), 15.0, None),
        Lesson(Extent(300), 63.0, 63.567),
        Lesson(Extent(20), 7.0, 6.941),
    )
    default = Pace.default(KIND)
    assert (stored.fixed_sec, stored.rate) == (pytest.approx(default.fixed_sec), pytest.approx(default.rate))
    expected = stored.expect(Extent(100))
    assert expected.sec == pytest.approx(3.0 + 0.2 * 100, rel=0.05)
    assert (expected.spread, expected.jobs) == (pytest.approx(0.3), 3)


def test_kinds_are_few_and_tell_codec_size_and_what_is_made() -> None:
    kinds = kinds_of(picture("hevc", 1920, 1080), "moonshine", "encode")
    assert kinds[Stage.TRACKING] == "tracking-encode-hevc-fullhd"
    assert kinds[Stage.TRANSCRIPTION] == "transcription-moonshine-encode-hevc-fullhd"
    odd = kinds_of(picture("cinepak", 4000, 3000), "auto", None)
    assert odd[Stage.TRACKING] == "tracking-plain-other-large"
