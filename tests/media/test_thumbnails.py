"""Stills show the right moment, upright, in the shape that a viewer sees."""

import io
from collections.abc import Callable
from fractions import Fraction

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from shared.domain.errors import NoUsableStream
from shared.media.probe.probe import probe
from shared.media.video.thumbnails import make_thumbnails, thumbnail

ClipMaker = Callable[..., bytes]
SIZE = (96, 64)


def steps(time_sec: float) -> NDArray[np.uint8]:
    """A grey that is 40 lighter every second, with a white corner at the top left."""
    picture = np.full((SIZE[1], SIZE[0], 3), 40 * int(time_sec + 1e-6), np.uint8)
    picture[: SIZE[1] // 3, : SIZE[0] // 3] = 255
    return picture


def decode(jpeg: bytes) -> NDArray[np.uint8]:
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)  # type: ignore[return-value]


def stills(data: bytes, times: list[float], width: int = 96) -> list[tuple[float, NDArray[np.uint8]]]:
    source = io.BytesIO(data)
    made = make_thumbnails(source, probe(source, len(data)), times, width, lambda fraction: None)
    return [(time, decode(jpeg)) for time, jpeg in made]


@pytest.mark.parametrize("format", ["mp4", "matroska", "mpegts"])
@pytest.mark.parametrize("start", [0, 5])
def test_the_right_moment(make_clip: ClipMaker, format: str, start: int) -> None:
    """One keyframe for all, times out of order, and a clock that does not begin at zero."""
    data = make_clip(
        format,
        video="libx264",
        size=SIZE,
        frame_times=[start + i / 10 for i in range(50)],
        paint=lambda t: steps(t - start),
        video_options={"g": "100", "bf": "0"},
    )
    found = stills(data, [3.5, 0.0, 1.95, 4.9])
    assert [time for time, _ in found] == [0.0, 1.95, 3.5, 4.9]
    assert [round(float(np.median(still)) / 40) for _, still in found] == [0, 1, 3, 4]


@pytest.mark.parametrize(("rotation", "corner"), [(0, "tl"), (90, "tr"), (180, "br"), (270, "bl")])
def test_upright(make_clip: ClipMaker, rotation: int, corner: str) -> None:
    data = make_clip("mp4", video="libx264", size=SIZE, paint=steps, rotation=rotation)
    ((_, still),) = stills(data, [1.0], width=60)
    assert still.shape == ((90, 60) if rotation in (90, 270) else (40, 60))
    third = still.shape[0] // 4, still.shape[1] // 4
    corners = {
        "tl": still[: third[0], : third[1]],
        "tr": still[: third[0], -third[1] :],
        "bl": still[-third[0] :, : third[1]],
        "br": still[-third[0] :, -third[1] :],
    }
    assert max(corners, key=lambda name: float(corners[name].mean())) == corner


def test_pixels_that_are_not_square(make_clip: ClipMaker) -> None:
    data = make_clip("mp4", video="mpeg4", size=SIZE, pixel_aspect=Fraction(4, 3))
    ((_, still),) = stills(data, [0.5], width=128)
    assert still.shape == (64, 128)


def test_what_was_cut_off_is_left_out_or_shows_the_last_picture(make_clip: ClipMaker) -> None:
    noise = np.random.default_rng(1)
    data = make_clip(
        "mp4",
        video="libx264",
        size=SIZE,
        seconds=5.0,
        paint=lambda t: noise.integers(0, 256, (SIZE[1], SIZE[0], 3)).astype(np.uint8),
        video_options={"g": "10", "bf": "0"},
        options={"movflags": "faststart"},
    )
    found = stills(data[: len(data) // 2], [0.5, 1.5, 4.5])
    assert [time for time, _ in found[:2]] == [0.5, 1.5]


@pytest.mark.parametrize(
    ("width", "shape"), [(48, (32, 48)), (480, (SIZE[1], SIZE[0]))], ids=["smaller", "never larger than the picture"]
)
def test_one_still_and_its_width(make_clip: ClipMaker, width: int, shape: tuple[int, int]) -> None:
    data = make_clip("mp4", video="libx264", size=SIZE)
    source = io.BytesIO(data)
    assert decode(thumbnail(source, probe(source, len(data)), 1.0, width)).shape == shape


def test_sound_has_no_stills(make_clip: ClipMaker) -> None:
    data = make_clip("mp3", audio="libmp3lame", cover=True)
    with pytest.raises(NoUsableStream):
        stills(data, [0.0])


def test_reports_and_can_be_stopped(make_clip: ClipMaker) -> None:
    data = make_clip("mp4", video="libx264")
    source = io.BytesIO(data)
    recording = probe(source, len(data))
    fractions: list[float] = []
    list(make_thumbnails(source, recording, [0.0, 1.0, 2.0], 32, fractions.append))
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0

    def stop(fraction: float) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        list(make_thumbnails(source, recording, [1.0], 32, stop))


def test_the_last_pictures_that_a_decoder_gives_out_are_found_too(make_clip: ClipMaker) -> None:
    """Frames that come out only at the stream's end do not know their time base."""
    data = make_clip(
        "matroska",
        video="libx264",
        size=SIZE,
        frame_times=[i / 10 for i in range(60)],
        paint=lambda t: np.full((SIZE[1], SIZE[0], 3), 4 * round(t * 10), np.uint8),
        video_options={"g": "1000", "bf": "3"},
    )
    (_, before), (_, last) = stills(data, [5.75, 5.95])
    assert int(np.median(last)) - int(np.median(before)) == pytest.approx(8, abs=3)


def test_one_keyframe_for_many_frames(make_clip: ClipMaker) -> None:
    """A screen recorder wrote one keyframe in 40 s at 60 frames a second: each still shows its own second."""
    data = make_clip(
        "mp4",
        video="libx264",
        size=(32, 32),
        fps=60,
        seconds=40.0,
        paint=lambda t: np.full((32, 32, 3), 20 + 5 * int(t + 1e-6), np.uint8),
        video_options={"g": "100000", "sc_threshold": "0", "preset": "ultrafast"},
    )
    found = stills(data, [35.5, 20.5, 39.5], width=32)
    assert [round((float(np.median(still)) - 20) / 5) for _, still in found] == [20, 35, 39]


def test_a_picture_that_is_not_of_its_moment_is_left_out(make_clip: ClipMaker) -> None:
    """From 2 s to 4 s nothing can be decoded: there is no still of that time, rather than one of another."""
    data = bytearray(
        make_clip("avi", video="mpeg4", size=SIZE, seconds=6.0, paint=steps, video_options={"g": "10", "bf": "0"})
    )
    at, frame = data.index(b"movi") + 4, 0
    while data[at : at + 4] == b"00dc":
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if 20 <= frame < 40:
            data[at + 8 : at + 8 + size] = bytes(size)
        at, frame = at + 8 + size + size % 2, frame + 1
    assert frame == 60
    assert [time for time, _ in stills(bytes(data), [1.5, 3.5, 5.5])] == [1.5, 5.5]
