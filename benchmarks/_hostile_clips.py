"""Small recordings in every common kind of file, made here: what hostile ones are made from."""

import io
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cache
from typing import Any

import av
import numpy as np

SECONDS = 2.0
KINDS: Mapping[str, tuple[str, str | None, str | None]] = {
    "mp4": ("mp4", "libx264", "aac"),
    "webm": ("webm", "libvpx", "libopus"),
    "mp3": ("mp3", None, "libmp3lame"),
    "flac": ("flac", None, "flac"),
    "wav": ("wav", None, "pcm_s16le"),
    "mkv": ("matroska", "mpeg4", "ac3"),
    "ts": ("mpegts", "mpeg2video", "mp2"),
    "avi": ("avi", "mjpeg", "pcm_s16le"),
    "ogg": ("ogg", None, "libopus"),
    "flv": ("flv", "flv", "libmp3lame"),
    "aac": ("adts", None, "aac"),
    "mov": ("mov", "png", "pcm_s24le"),
}
"""Extension to (FFmpeg's muxer, picture's encoder, sound's encoder)."""


@cache
def clip(kind: str) -> bytes:
    """Return a valid recording of two seconds."""
    muxer, video, audio = KINDS[kind]
    return write(muxer, video=video, audio=audio)


def write(
    muxer: str,
    *,
    video: str | None = None,
    audio: str | None = None,
    seconds: float = SECONDS,
    size: tuple[int, int] = (64, 48),
    fps: int = 10,
    rate: int = 48000,
    layout: str = "stereo",
    copies: int = 1,
    video_options: Mapping[str, str] | None = None,
    pix_fmt: str | None = None,
    metadata: Mapping[str, str] | None = None,
    options: Mapping[str, str] | None = None,
) -> bytes:
    """Return a recording of a moving grey and a tone; `copies` of each stream."""
    out = io.BytesIO()
    with av.open(out, "w", format=muxer, options=dict(options or {})) as container:
        container.metadata.update(metadata or {})
        packets: list[Any] = []
        for _ in range(copies):
            if video is not None:
                packets += _picture(container, video, seconds, size, fps, video_options, pix_fmt)
            if audio is not None:
                packets += _sound(container, audio, seconds, rate, layout)
        container.start_encoding()
        for packet in sorted(packets, key=lambda each: float((each.dts or 0) * each.time_base)):
            container.mux(packet)
    return out.getvalue()


def _picture(
    container: Any,
    codec: str,
    seconds: float,
    size: tuple[int, int],
    fps: int,
    options: Mapping[str, str] | None,
    pix_fmt: str | None,
) -> Iterator[Any]:
    stream = container.add_stream(codec, rate=fps, options=dict(options or {}))
    stream.width, stream.height = size
    stream.pix_fmt = pix_fmt or {"png": "rgb24", "mjpeg": "yuvj420p"}.get(codec, "yuv420p")
    stream.codec_context.thread_count = 1
    frame = av.VideoFrame(size[0], size[1], stream.pix_fmt)
    for number in range(max(1, round(seconds * fps))):
        for plane in frame.planes:
            memory: Any = np.frombuffer(memoryview(plane), np.uint16 if "10le" in stream.pix_fmt else np.uint8)
            memory[:] = 60 + number % 100
        frame.pts, frame.time_base = number, Fraction(1, fps)
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _sound(container: Any, codec: str, seconds: float, rate: int, layout: str) -> Iterator[Any]:
    stream = container.add_stream(codec, rate=rate)
    stream.layout = layout
    channels = av.AudioLayout(layout).nb_channels
    step = stream.codec_context.frame_size or 1024
    kind = stream.codec_context.format.name
    for at in range(0, round(seconds * rate), step):
        tone = np.sin(2 * np.pi * 440 * np.arange(at, at + step) / rate) * 8000
        samples = np.repeat(tone.astype(np.int16)[:, None], channels, axis=1).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout=layout)
        frame.sample_rate = rate
        frame.pts, frame.time_base = at, Fraction(1, rate)
        for fitting in av.AudioResampler(format=kind, layout=layout, rate=rate).resample(frame):
            yield from stream.encode(fitting)
    yield from stream.encode(None)
