"""What is said of a recording that holds less than it declares."""

import pytest

from shared.domain.recording import AudioStream, Recording, VideoStream
from shared.domain.warning import About, RecordingWarning
from shared.media.timeline.truncation import truncation_warning, truncation_warnings


def recording(sound_sec: float, picture_sec: float) -> Recording:
    return Recording(
        container="mov",
        size_bytes=1,
        start_sec=0.0,
        duration_sec=max(sound_sec, picture_sec),
        video=VideoStream(0, "h264", 64, 48, 0, 25.0, 0.0, picture_sec),
        audio=AudioStream(1, "aac", 16000, 1, 0.0, sound_sec),
    )


def test_the_sentence() -> None:
    assert truncation_warning(60.0, 30.1) == RecordingWarning(
        "recording_cut_off",
        About.RECORDING,
        "The recording is cut off: it declares 60.0 s but only 30.1 s could be decoded.",
    )


@pytest.mark.parametrize(
    ("declared", "decoded", "warned"),
    [
        pytest.param(60.0, 60.0, False, id="whole"),
        pytest.param(60.0, 58.9, False, id="nearly whole"),
        pytest.param(60.0, 58.7, True, id="below 98%"),
        pytest.param(60.0, -0.1, True, id="nothing"),
        pytest.param(3.2, 3.0, False, id="an encoder's delay in a short clip"),
        pytest.param(0.0, 0.0, False, id="declares nothing"),
    ],
)
def test_below_98_percent(declared: float, decoded: float, warned: bool) -> None:
    assert (truncation_warning(declared, decoded) is not None) is warned


@pytest.mark.parametrize(
    ("sound_end", "picture_end", "beginning"),
    [
        pytest.param(60.0, 60.0, None, id="whole"),
        pytest.param(30.0, 31.0, "The recording is cut off: it declares 60.0 s but only 31.0 s", id="both"),
        pytest.param(30.0, 60.0, "The sound is cut off: it declares 60.0 s but only 30.0 s", id="sound alone"),
        pytest.param(60.0, 30.0, "The picture is cut off: it declares 60.0 s but only 30.0 s", id="picture alone"),
        pytest.param(None, None, None, id="nothing known"),
    ],
)
def test_one_warning_says_what_is_cut(
    sound_end: float | None, picture_end: float | None, beginning: str | None
) -> None:
    warnings = truncation_warnings(recording(60.0, 60.0), sound_end, picture_end)
    assert [w.text[: len(beginning or "")] for w in warnings] == ([] if beginning is None else [beginning])


def test_a_picture_that_is_meant_to_be_shorter_is_whole() -> None:
    assert truncation_warnings(recording(60.0, 20.0), 60.0, 20.0) == []
