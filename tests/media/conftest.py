"""Makes small clips for the media tests: every awkward kind of recording, written by the test itself."""

import tempfile
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

Paint = Callable[[float], NDArray[np.uint8]]
ClipMaker = Callable[..., bytes]


def beeps(seconds: float, rate: int, at: Sequence[float] = (), length: float = 0.2) -> NDArray[np.float32]:
    """Silence with a 440 Hz tone of `length` seconds at each of the times `at`."""
    times = np.arange(round(seconds * rate)) / rate
    on = np.zeros(times.shape, bool)
    for start in at:
        on |= (times >= start) & (times < start + length)
    return (np.sin(2 * np.pi * 440 * times) * 0.5 * on).astype(np.float32)


def grey(size: tuple[int, int]) -> Paint:
    """Return a picture that encodes the time in its brightness: 10 more a second."""
    return lambda t: np.full((size[1], size[0], 3), min(255, round(20 + 10 * t)), np.uint8)


def _write(
    format: str = "mp4",
    *,
    seconds: float = 3.0,
    video: str | None = None,
    size: tuple[int, int] = (64, 48),
    fps: int = 10,
    frame_times: Sequence[float] | None = None,
    paint: Paint | None = None,
    rotation: int = 0,
    pixel_aspect: Fraction | None = None,
    video_options: dict[str, str] | None = None,
    audio: str | None = None,
    rate: int = 16000,
    layout: str = "mono",
    sound: Sequence[tuple[float, NDArray[np.float32]]] | None = None,
    options: dict[str, str] | None = None,
    cover: bool = False,
) -> bytes:
    """A clip as bytes. `sound` is a list of (start in seconds, mono samples); `frame_times` makes an uneven rate."""
    # A real file: the index can only be moved to the front where the muxer may open its output a second time.
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "clip"
        with av.open(str(out), "w", format=format, options=options or {}) as container:
            packets: list[Any] = []
            if video is not None:
                packets += _video_packets(
                    container, video, size, fps, seconds, frame_times, paint, rotation, pixel_aspect, video_options
                )
            if audio is not None:
                packets += _audio_packets(container, audio, rate, layout, sound or [(0.0, beeps(seconds, rate, [1.0]))])
            if cover:
                packets += _video_packets(container, "mjpeg", size, 1, 1.0, [0.0], paint, 0, None, None)
                container.streams.video[-1].disposition = av.stream.Disposition.attached_pic
            container.start_encoding()
            for packet in sorted(packets, key=lambda p: float((p.dts or 0) * p.time_base)):
                container.mux(packet)
        return out.read_bytes()


def _video_packets(
    container: Any,
    codec: str,
    size: tuple[int, int],
    fps: int,
    seconds: float,
    frame_times: Sequence[float] | None,
    paint: Paint | None,
    rotation: int,
    pixel_aspect: Fraction | None,
    options: dict[str, str] | None,
) -> list[Any]:
    stream = container.add_stream(codec, rate=fps, options=options or {})
    stream.width, stream.height = size
    stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    tick = Fraction(1, fps) if frame_times is None else Fraction(1, 1000)
    stream.time_base = stream.codec_context.time_base = tick
    if pixel_aspect is not None:
        stream.codec_context.sample_aspect_ratio = pixel_aspect
    if rotation:
        stream.set_display_rotation(-rotation)  # FFmpeg counts counter-clockwise
    times = [i / fps for i in range(round(seconds * fps))] if frame_times is None else frame_times
    draw = paint or grey(size)
    packets = []
    for time_sec in times:
        frame = av.VideoFrame.from_ndarray(draw(time_sec), format="bgr24")
        frame.pts, frame.time_base = round(time_sec / tick), tick
        packets += stream.encode(frame)
    return [*packets, *stream.encode(None)]


def _audio_packets(
    container: Any, codec: str, rate: int, layout: str, sound: Sequence[tuple[float, NDArray[np.float32]]]
) -> list[Any]:
    stream = container.add_stream(codec, rate=rate)
    stream.layout = layout
    channels = av.AudioLayout(layout).nb_channels
    packets = []
    for start_sec, samples in sound:
        step = stream.codec_context.frame_size or 1024
        for at in range(0, len(samples), step):
            piece = (np.repeat(samples[None, at : at + step], channels, axis=0).T.reshape(1, -1) * 32767).astype(
                "int16"
            )
            frame = av.AudioFrame.from_ndarray(piece, format="s16", layout=layout)
            frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
            frame.pts = round(start_sec * rate) + at
            packets += stream.encode(frame)
    return [*packets, *stream.encode(None)]


@pytest.fixture(scope="session")
def make_clip() -> ClipMaker:
    """The clip maker: `make_clip("mp4", video="libx264", audio="aac", seconds=2)`."""
    return _write


@pytest.fixture(scope="session")
def make_beeps() -> Callable[..., NDArray[np.float32]]:
    """Silence with tones: `make_beeps(3.0, 16000, at=[1.0])`."""
    return beeps
