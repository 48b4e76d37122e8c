"""Options of a job: read once by their names, and written back as they came."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.options import CaptionOptions, FollowCam, JobOptions

EVERYTHING = {
    "engine": "pocketsphinx",
    "language": "en-GB",
    "initialPrompt": "Rings.",
    "hotwords": ["ideal", "Noether"],
    "overlay": True,
    "followCam": {"aspect": "16:9", "height": 360},
    "detector": "plate",
    "retentionDays": 7,
    "regionOfInterest": [0.1, 0.0, 0.5, 1.0],
    "ignoreZones": [[0.0, 0.8, 1.0, 0.2]],
    "vocabularies": ["algebra", "names"],
    "captions": {"maxLineChars": 32, "maxLines": 2, "maxCharsPerSec": 15.5, "minSec": 3, "maxSec": 7},
    "audioTrack": 2,
    "videoTrack": 0,
    "slidesTrack": 1,
    "rendition": "auto",
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_every_option_is_read_by_its_name_on_the_wire() -> None:
    assert JobOptions.from_json(EVERYTHING) == JobOptions(
        engine="pocketsphinx",
        language="en-GB",
        initial_prompt="Rings.",
        hotwords=("ideal", "Noether"),
        overlay=True,
        follow_cam=FollowCam("16:9", 360),
        detector="plate",
        retention_days=7,
        region_of_interest=(0.1, 0.0, 0.5, 1.0),
        ignore_zones=((0.0, 0.8, 1.0, 0.2),),
        vocabularies=("algebra", "names"),
        captions=CaptionOptions(max_line_chars=32, max_lines=2, max_chars_per_sec=15.5, min_sec=3, max_sec=7),
        audio_track=2,
        video_track=0,
        slides_track=1,
        rendition="auto",
    )
    assert JobOptions.from_json(EVERYTHING).to_json() == EVERYTHING


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([*EVERYTHING, "x"]), json_values))
def test_what_a_row_holds_is_written_back(stored: dict[str, Any]) -> None:
    options = JobOptions.from_json(stored)
    assert options.to_json() == stored
    assert JobOptions.from_json(options.to_json()) == options


@pytest.mark.parametrize(
    "stored",
    [
        {"captions": {"maxLines": 0}},
        {"captions": {"minSec": "3"}},
        {"captions": {"colour": "red"}},
        {"engine": 7},
        {"retentionDays": True},
        {"followCam": {"aspect": "wide"}},
        {"followCam": {"zoom": 2}},
        {"regionOfInterest": [0.0, 1.0]},
        {"ignoreZones": [[0.0, 0.0, 1.0, 1.0], None]},
    ],
)
def test_what_cannot_be_read_is_kept_and_does_nothing(stored: dict[str, Any]) -> None:
    assert JobOptions.from_json(stored) == JobOptions(unknown=stored)


@pytest.mark.parametrize(
    ("follow_cam", "camera"),
    [
        (None, None),
        (False, None),
        (True, FollowCam()),
        ({"height": 360}, FollowCam(height=360)),
        ({"aspect": "9:16"}, FollowCam(aspect="9:16")),
    ],
)
def test_the_follow_cam_is_asked_for_or_shaped(follow_cam: Any, camera: FollowCam | None) -> None:
    options = JobOptions.from_json({"followCam": follow_cam, "rendition": "never"})
    assert options.camera == camera
    assert options.wants_rendition is (camera is not None)


def test_a_camera_has_a_ratio_and_a_height() -> None:
    assert (FollowCam().aspect_ratio, FollowCam().max_height_px) == (None, 720)
    assert (FollowCam("16:9", 360).aspect_ratio, FollowCam("16:9", 360).max_height_px) == (16 / 9, 360)
