"""Encode pictures as H.264, VP9 or AV1, in pieces that can be joined without re-encoding.

Every piece begins with a keyframe and carries the times of the whole, counted in frames. So pieces made on different
machines join to what one run would have made. Which codec is used for what, and why: docs/decisions/0012-renditions.md
and 0024-playable.md. Apart from `join.py`, which joins the pieces.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, Literal

import av
from av.container import OutputContainer

from shared.domain.recording import VideoStream
from shared.media.video.hdr import HLG, is_pq
from shared.media.video.yuv import YuvPicture

MAX_FPS = 30
"""Highest rate of a rendition."""
MIN_FPS = 10
"""Lowest rate of a rendition."""

KEYFRAME_SEC = 2
"""Longest time between two keyframes, so that a player that seeks decodes little."""

_THREADS = 2
"""Threads of the encoder."""
_BT_709 = 1
"""FFmpeg's code of BT.709, as matrix, transfer function and primaries."""
_HD_LINES = 720
"""Height from which players assume the colours of HD (BT.709)."""


@dataclass(frozen=True, slots=True)
class Codec:
    """How pictures are encoded."""

    name: str
    """The codec's name for clients."""
    encoder: Literal["libx264", "libvpx-vp9", "libsvtav1"]
    """FFmpeg's name of the encoder."""
    options: Mapping[str, str]
    """Options of the encoder."""
    bits_per_pixel: float | None = None
    """Highest average bit rate; None if the options tell the quality alone."""


VP9 = Codec(
    name="vp9",
    encoder="libvpx-vp9",
    options={
        "deadline": "realtime",
        "cpu-used": "8",
        "row-mt": "1",
        "tile-columns": "2",
        "lag-in-frames": "0",
        "crf": "33",
    },
    bits_per_pixel=0.08,  # most pictures of a lecture need a tenth
)
"""Encoded without code under the GPL; Safari plays it from version 14 on."""

H264 = Codec(
    name="h264",
    encoder="libx264",
    # No pictures out of order: then the times of pieces follow each other without edit lists.
    options={"preset": "veryfast", "profile": "high", "crf": "23", "bf": "0"},
)
"""Played by every browser."""

AV1 = Codec(
    name="av1",
    encoder="libsvtav1",
    # Never `pred-struct=1` (low delay): SVT-AV1 4.1 stops for ever there on a busy core, see decision 0024.
    # Short groups of pictures without look-ahead or temporal filter keep few of them in memory.
    options={"preset": "12", "crf": "35", "svtav1-params": "hierarchical-levels=2:lookahead=0:enable-tf=0:lp=1"},
)
"""Half the bytes of VP9; not played by older browsers and devices."""

CODECS: Mapping[str, Codec] = {codec.name: codec for codec in (H264, VP9, AV1)}
"""The codecs by the names of the setting."""


@dataclass(frozen=True, slots=True)
class Colours:
    """The meaning of a picture's values as colours, in FFmpeg's codes."""

    space: int
    """Colour space."""
    range: int
    """Range of the values: 1 limited, 2 full."""
    transfer: int | None = None
    """Transfer function, where it has to be told: HLG is shown as it is only if a player knows of it."""
    primaries: int | None = None
    """Primaries, where they have to be told."""

    @classmethod
    def of(cls, frame: av.VideoFrame) -> "Colours":
        """Return the colours of a decoded frame, or the defaults of players where it declares none.

        Of a frame in PQ, those of the ordinary picture that `hdr` makes of it.
        """
        if is_pq(frame):
            return cls(_BT_709, 1, _BT_709, _BT_709)
        in_hlg = frame.color_trc == HLG
        known = frame.colorspace if frame.colorspace not in (0, 2, 3) else None
        space = known or (1 if frame.height >= _HD_LINES else 6)
        full = frame.format.name.startswith("yuvj") or (frame.format.name == "yuv420p" and frame.color_range == 2)
        return cls(space, 2 if full else 1, HLG if in_hlg else None, frame.color_primaries if in_hlg else None)


def frame_rate(video: VideoStream) -> Fraction:
    """Return the constant rate of a rendition: the rate of `video`, or a fraction of it of at most `MAX_FPS`."""
    own = Fraction(video.fps).limit_denominator(1001)
    for rate in (Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60000, 1001), Fraction(120000, 1001)):
        if abs(float(rate) - video.fps) < 0.002:
            own = rate
    if own < MIN_FPS:
        return Fraction(MIN_FPS)
    return own / -(-own // MAX_FPS)


class VideoEncoder:
    """Writes one piece of video as MP4 into `target` (seekable)."""

    def __init__(
        self, target: BinaryIO, width: int, height: int, rate: Fraction, colours: Colours, codec: Codec = H264
    ) -> None:
        if codec is AV1:
            os.environ.setdefault("SVT_LOG", "1")  # it writes its options to stderr otherwise; 1 is errors
        self._container: OutputContainer = av.open(target, "w", format="mp4")
        self._stream = self._container.add_stream(codec.encoder, rate=rate, options=dict(codec.options))
        self._tick = 1 / rate
        self._first: int | None = None
        context = self._stream.codec_context
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.time_base = self._stream.time_base = self._tick
        if codec.bits_per_pixel is not None:
            context.bit_rate = round(width * height * rate * codec.bits_per_pixel)
        context.gop_size = round(KEYFRAME_SEC * rate)
        context.thread_count = _THREADS
        context.colorspace, context.color_range = colours.space, colours.range
        if colours.transfer is not None:
            context.color_trc = colours.transfer
        if colours.primaries is not None:
            context.color_primaries = colours.primaries
        self.frames = 0
        """Pictures written so far."""

    def write(self, index: int, picture: YuvPicture) -> None:
        """Write a picture that is shown from frame `index` on; indices rise."""
        if self._first is None:
            self._first = index
            with _same_scheduling():  # the first picture opens the encoder
                packets = self._stream.encode(picture.to_frame(0, self._tick))
        else:
            packets = self._stream.encode(picture.to_frame(index - self._first, self._tick))
        self._container.mux(packets)
        self.frames += 1

    def close(self) -> None:
        """Finish the piece; call it after an error as well."""
        try:
            if self.frames:
                self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()


_THREADS_OF_PROCESS = Path("/proc/self/task")


@contextmanager
def _same_scheduling() -> Iterator[None]:
    """Leave this process's threads, also those that the block starts, in the scheduling class that they had before it.

    As root, SVT-AV1 makes its threads and the one that opens it real-time. The process's children inherit that. They
    would go before every other process of the machine, the host and the heartbeats of other workers included.
    """
    if not _THREADS_OF_PROCESS.exists():  # Linux alone tells a process's threads
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        for thread in _THREADS_OF_PROCESS.iterdir():
            with suppress(ProcessLookupError):  # it has ended
                os.sched_setscheduler(int(thread.name), policy, parameters)
