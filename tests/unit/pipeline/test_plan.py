"""How a recording is cut: fewest equal parts, and every sample owned once."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.options import NO_RENDITION, PLAYABLE_ALREADY, JobOptions
from shared.domain.recording import AudioStream, Recording, VideoStream
from shared.domain.stage import Stage
from shared.pipeline.stages.plan import (
    NO_PICTURE,
    early_part_sec,
    even_part_count,
    part_count,
    plan_stages,
    sample_range,
)
from shared.settings import Settings

VIDEO = VideoStream(
    index=0, codec="h264", width=1280, height=720, rotation=0, fps=25.0, start_sec=0.0, duration_sec=60.0
)
AUDIO = AudioStream(index=1, codec="aac", sample_rate=44100, channels=2, start_sec=0.0, duration_sec=60.0)


def recording(duration_sec: float, video: VideoStream | None = VIDEO, audio: AudioStream | None = AUDIO) -> Recording:
    return Recording("mov,mp4,m4a,3gp,3g2,mj2", 1, 0.0, duration_sec, video, audio)


@pytest.mark.parametrize(
    ("duration_sec", "parts"),
    [(0.04, 1), (60, 1), (300, 1), (300.5, 2), (900, 3), (10_800, 36)],
)
def test_the_fewest_parts_that_are_short_enough(duration_sec: float, parts: int) -> None:
    assert part_count(duration_sec, 300) == parts


@pytest.mark.parametrize(
    ("duration_sec", "parts"), [(0.04, 1), (119, 1), (120, 2), (300, 2), (616, 4), (1200, 4), (1201, 6), (3600, 12)]
)
def test_two_workers_end_their_parts_together(duration_sec: float, parts: int) -> None:
    assert even_part_count(duration_sec, 300) == parts


def test_the_stages_are_planned_by_their_own_part_length() -> None:
    settings = Settings(transcription_part_sec=300, tracking_part_sec=600, rendition_part_sec=200)
    plan = plan_stages(recording(1200), settings, JobOptions(overlay=True))
    assert plan.parts == {Stage.TRANSCRIPTION: 4, Stage.TRACKING: 2, Stage.RENDITION: 6}
    assert plan.skipped == {}


HEVC = replace(VIDEO, codec="hevc")


@pytest.mark.parametrize(
    ("options", "video", "reason"),
    [
        (JobOptions(), VIDEO, PLAYABLE_ALREADY),
        (JobOptions(rendition="auto"), VIDEO, PLAYABLE_ALREADY),
        (JobOptions(rendition="always"), VIDEO, None),
        (JobOptions(), HEVC, None),
        (JobOptions(rendition="never"), HEVC, NO_RENDITION),
        (JobOptions(rendition="never", overlay=True), HEVC, None),
        (JobOptions(), None, NO_PICTURE),
    ],
)
def test_what_no_browser_plays_is_rendered_unless_it_is_refused(
    options: JobOptions, video: VideoStream | None, reason: str | None
) -> None:
    plan = plan_stages(recording(1200, video), Settings(), options)
    assert plan.skipped.get(Stage.RENDITION) == reason
    assert (Stage.RENDITION in plan.parts) is (reason is None)


@pytest.mark.parametrize(
    ("duration_sec", "first_part_sec", "parts"),
    [(300, None, 1), (301, 60.0, 2), (360, 60.0, 2), (361, 60.0, 3), (10_860, 60.0, 37)],
)
def test_a_long_recording_has_a_short_first_part(duration_sec: float, first_part_sec: float, parts: int) -> None:
    assert early_part_sec(recording(duration_sec), Settings()) == first_part_sec
    plan = plan_stages(recording(duration_sec), Settings(), JobOptions(), first_part_sec)
    assert plan.parts[Stage.TRANSCRIPTION] == parts


def test_a_recording_shorter_than_its_header_said_keeps_the_first_part_that_has_begun() -> None:
    plan = plan_stages(recording(66), Settings(), JobOptions(), first_part_sec=60.0)
    assert plan.parts[Stage.TRANSCRIPTION] == 2


def test_no_part_begins_early_without_sound_or_beyond_the_length_of_parts() -> None:
    assert early_part_sec(recording(900, audio=None), Settings()) is None
    assert early_part_sec(recording(900), Settings(transcription_part_sec=10)) == 10


@pytest.mark.parametrize(
    ("found", "skipped"),
    [
        pytest.param(recording(60, audio=None), {Stage.TRANSCRIPTION}, id="silent film"),
        pytest.param(recording(60, video=None), {Stage.TRACKING, Stage.RENDITION}, id="sound only"),
    ],
)
def test_a_stage_that_does_not_apply_is_skipped(found: Recording, skipped: set[Stage]) -> None:
    plan = plan_stages(found, Settings(), JobOptions(follow_cam=True))
    assert set(plan.skipped) == skipped
    assert not skipped & set(plan.parts)


@settings(deadline=None)
@given(st.floats(0.01, 20_000), st.integers(1, 40), st.sampled_from([0.5, 1.0, 2.0, 2.5, 10.0]))
def test_every_sample_is_owned_once(duration_sec: float, parts: int, sample_fps: float) -> None:
    found = recording(duration_sec)
    owned = [k for number in range(parts) for k in sample_range(found, parts, number, sample_fps)]
    assert owned == list(sample_range(found, 1, 0, sample_fps))
    assert owned[0] == 0
    assert owned[-1] / sample_fps < duration_sec + 1e-6
