"""Pictures as a viewer sees them: mirrored, of another size midway, and with high dynamic range."""

import io
import struct
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from shared.domain.recording import Recording
from shared.media.probe.probe import probe
from shared.media.timeline.measure import measure
from shared.media.video.encode import Colours, VideoEncoder
from shared.media.video.fit import Crop
from shared.media.video.frames import shown_frames
from shared.media.video.thumbnails import make_thumbnails
from shared.media.video.yuv import Cutter
from shared.storage.columns import from_columns, to_columns
from shared.tracking.detectors.build_plates import make_plates
from tests.media.conftest import _write as write

SIZE = (96, 64)


def corner(time_sec: float) -> NDArray[np.uint8]:
    """Return a dark picture with its top left corner white."""
    picture = np.full((SIZE[1], SIZE[0], 3), 40, np.uint8)
    picture[: SIZE[1] // 2, : SIZE[0] // 2] = 255
    return picture


def examine(data: bytes) -> Recording:
    return measure(io.BytesIO(data), probe(io.BytesIO(data), len(data)))


def still(data: bytes, time_sec: float, width: int = 96) -> NDArray[np.uint8]:
    ((_, jpeg),) = make_thumbnails(io.BytesIO(data), examine(data), [time_sec], width, lambda fraction: None)
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)  # type: ignore[return-value]


def cut(data: bytes, time_sec: float, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the luma of what a rendition of this size shows."""
    recording = examine(data)
    assert recording.video is not None
    shown = shown_frames(io.BytesIO(data), recording, sample_fps=10, start_sec=time_sec, end_sec=time_sec + 0.1)
    cutter = Cutter(recording.video, *size)
    (luma,) = (cutter.cut(frame, Crop()).planes[0].copy() for _, frame in shown)
    return luma


@pytest.mark.parametrize(
    ("matrix", "place"),
    [
        ((-1, 0, 0, 1), "top right"),
        ((1, 0, 0, -1), "bottom left"),
        ((0, 1, 1, 0), "top left"),
        ((0, -1, -1, 0), "bottom right"),
    ],
    ids=["mirrored", "upside down", "transposed", "transversed"],
)
def test_a_mirrored_picture_is_mirrored_and_not_turned(matrix: tuple[int, int, int, int], place: str) -> None:
    data = bytearray(write("mp4", video="libx264", size=SIZE, paint=corner, seconds=1.0))
    at = data.index(b"\x00\x01\x00\x00" + bytes(12) + b"\x00\x01\x00\x00", data.index(b"tkhd"))
    a, b, c, d = (each << 16 for each in matrix)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    video = examine(bytes(data)).video
    assert video is not None
    assert video.mirrored
    for picture in (still(bytes(data), 0.5)[..., 0], cut(bytes(data), 0.5, (video.width, video.height))):
        height, width = picture.shape
        assert (width < height) == (video.rotation in (90, 270))
        bright = picture > 150
        quarters = {
            "top left": bright[: height // 2, : width // 2],
            "top right": bright[: height // 2, width // 2 :],
            "bottom left": bright[height // 2 :, : width // 2],
            "bottom right": bright[height // 2 :, width // 2 :],
        }
        assert max(quarters, key=lambda name: float(quarters[name].mean())) == place


def resized(sizes: list[tuple[int, int]]) -> bytes:
    """Return a WebM whose picture, a white circle on grey, has each of the sizes for a second: a shared window."""
    file = io.BytesIO()
    with av.open(file, "w", format="webm") as container:
        stream = container.add_stream("libvpx", rate=10)
        stream.width, stream.height, stream.pix_fmt = *sizes[0], "yuv420p"
        stream.codec_context.time_base = Fraction(1, 10)
        container.start_encoding()
        for turn, (width, height) in enumerate(sizes):
            encoder = av.CodecContext.create("libvpx", "w")
            encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
            encoder.framerate, encoder.time_base = Fraction(10), Fraction(1, 10)
            picture = np.full((height, width, 3), 90, np.uint8)
            cv2.circle(picture, (width // 2, height // 2), min(width, height) // 3, (255, 255, 255), -1)
            frames = [av.VideoFrame.from_ndarray(picture, format="bgr24") for _ in range(10)]
            for number, frame in enumerate([*frames, None]):
                if frame is not None:
                    frame.pts, frame.time_base = number, Fraction(1, 10)
                for packet in encoder.encode(frame):
                    packet.stream, packet.time_base = stream, Fraction(1, 10)
                    packet.pts = packet.dts = (packet.pts or 0) + 10 * turn
                    container.mux(packet)
    return file.getvalue()


def test_another_size_midway_is_not_stretched() -> None:
    """A window of 128 × 64 becomes one of 64 × 96: its circle stays one, with black to the left and right."""
    data = resized([(128, 64), (64, 96)])
    first, second = still(data, 0.5, 128), still(data, 1.5, 128)
    assert first.shape == second.shape == (64, 128, 3)
    for picture in (second[..., 0], cut(data, 1.5, (128, 64))):
        assert picture[:, :30].max() < 40
        assert picture[:, -30:].max() < 40
        across, down = np.flatnonzero((picture > 200).any(axis=0)), np.flatnonzero((picture > 200).any(axis=1))
        assert len(across) == pytest.approx(len(down), abs=2)


def pq(nits: float) -> float:
    """Return the value of PQ, 0 to 1, for a luminance (SMPTE ST 2084)."""
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = (nits / 10_000) ** m1
    return float(((c1 + c2 * power) / (1 + c3 * power)) ** m2)


def slide(value: float, transfer: int) -> bytes:
    """Return a clip in BT.2020 whose left half has this value, 0 to 1, and whose right half is nearly black."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx265", rate=10, options={"x265-params": "log-level=none"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p10le"
        context = stream.codec_context
        context.color_trc, context.color_primaries, context.colorspace, context.color_range = transfer, 9, 9, 1
        planes = np.full((SIZE[1] * 3 // 2, SIZE[0]), 512, np.uint16)
        planes[: SIZE[1]] = 80
        planes[: SIZE[1], : SIZE[0] // 2] = round(64 + 876 * value)
        for number in range(5):
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p10le")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


@pytest.mark.parametrize(("nits", "least"), [(203.0, 250), (100.0, 205)], ids=["BT.2408", "100 nits"])
def test_a_white_slide_in_pq_stays_white(nits: float, least: int) -> None:
    data = slide(pq(nits), transfer=16)
    picture = still(data, 0.2)
    assert picture[:, :40].min() >= least
    assert picture[:, 56:].max() < 40
    luma = cut(data, 0.2, SIZE)  # limited range: 235 is white
    assert luma[:, :40].min() >= 16 + (least - 5) * 219 / 255
    assert luma[:, 56:].max() < 50


def encoded_colours(data: bytes) -> tuple[int, int, int]:
    """Return transfer, primaries and matrix of a rendition of the clip."""
    recording = examine(data)
    assert recording.video is not None
    cutter = Cutter(recording.video, *SIZE)
    file = io.BytesIO()
    encoder: VideoEncoder | None = None
    for index, frame in shown_frames(io.BytesIO(data), recording, sample_fps=10):
        encoder = encoder or VideoEncoder(file, *SIZE, Fraction(10), Colours.of(frame))
        encoder.write(index, cutter.cut(frame, Crop()))
    assert encoder is not None
    encoder.close()
    with av.open(io.BytesIO(file.getvalue())) as made:
        context = made.streams.video[0].codec_context
        return int(context.color_trc), int(context.color_primaries), int(context.colorspace)


def test_a_clip_in_hlg_keeps_its_tags_and_one_in_pq_becomes_an_ordinary_one() -> None:
    assert encoded_colours(slide(0.75, transfer=18)) == (18, 9, 9)
    assert encoded_colours(slide(pq(203.0), transfer=16)) == (1, 1, 1)


def test_a_change_of_size_is_said_and_gets_a_plate_of_its_own() -> None:
    data = resized([(128, 64)] * 11 + [(64, 96)] * 11)
    recording = examine(data)
    assert recording.video is not None
    (change,) = recording.video.resized
    assert (change.at_sec, change.width, change.height) == (pytest.approx(11.0, abs=0.01), 64, 96)
    (warning,) = recording.warnings
    assert warning.text == (
        "The picture's size changes at 11.0 s (64 × 96); another shape was fitted into the first one."
    )
    made = make_plates(io.BytesIO(data), recording, None, lambda fraction: None)
    spans = sorted({(plate.start_sec, plate.end_sec) for plate, _ in made})
    assert spans == [(0.0, change.at_sec), (change.at_sec, recording.duration_sec)]
    assert from_columns(Recording, to_columns(recording)) == recording


@pytest.mark.parametrize(("format", "codec"), [("mpegts", "libx264"), ("mpegts", "mpeg2video"), ("mp4", "libx264")])
def test_a_joined_file_of_another_size_is_a_change_of_size(format: str, codec: str) -> None:
    parts = [write(format, video=codec, size=size, seconds=1.0, fps=25) for size in ((96, 64), (64, 96), (64, 96))]
    recording = examine(b"".join(parts))
    assert recording.video is not None
    assert len(recording.pieces) == 3
    assert [(size.width, size.height) for size in recording.video.resized] == [(64, 96)]


def test_sizes_change_in_h264_too() -> None:
    """Two streams of bytes in one container: the second one's parameter sets come with its key picture."""
    file = io.BytesIO()
    with av.open(file, "w", format="mpegts") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        container.start_encoding()
        for turn, (width, height) in enumerate([(96, 64), (64, 96)]):
            encoder = av.CodecContext.create("libx264", "w")
            encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
            encoder.framerate, encoder.time_base, encoder.options = Fraction(10), Fraction(1, 10), {"bf": "0"}
            for number in [*range(10), None]:
                frame = None
                if number is not None:
                    frame = av.VideoFrame.from_ndarray(np.full((height, width, 3), 90, np.uint8), format="bgr24")
                    frame.pts, frame.time_base = number, Fraction(1, 10)
                for packet in encoder.encode(frame):
                    packet.stream, packet.time_base = stream, Fraction(1, 10)
                    packet.pts = packet.dts = (packet.pts or 0) + 10 * turn
                    container.mux(packet)
    recording = examine(file.getvalue())
    assert recording.video is not None
    assert [(size.at_sec, size.width, size.height) for size in recording.video.resized] == [
        (pytest.approx(1.0, abs=0.01), 64, 96)
    ]


def test_a_picture_that_ends_before_the_sound_stands_and_is_said() -> None:
    """A shared screen froze at 2 s of 5: a rendition shows its last picture to the end, sampling for the track ends."""
    data = write(
        "mp4",
        video="libx264",
        frame_times=[i / 10 for i in range(20)],
        audio="aac",
        sound=[(0.0, np.zeros(80_000, np.float32))],
        video_options={"bf": "0"},
    )
    recording = examine(data)
    assert recording.duration_sec == pytest.approx(5.0, abs=0.1)
    (warning,) = recording.warnings
    assert warning.text == "The picture ends at 2.0 s, the sound at 5.0 s; the last picture stands."
    for start_sec in (0.0, 3.0):
        held = list(shown_frames(io.BytesIO(data), recording, sample_fps=2, start_sec=start_sec, holds_last=True))
        assert [index for index, _ in held] == list(range(int(start_sec * 2), 10))
    assert [index for index, _ in shown_frames(io.BytesIO(data), recording, sample_fps=2)] == [0, 1, 2, 3]
