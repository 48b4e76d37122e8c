"""An empty packet stands for a repeated picture, a dropped one, or silence: the decoding goes on after it."""

import io
from fractions import Fraction

import av
import numpy as np
import pytest

from shared.domain.recording import Recording
from shared.media.audio.decoder import AudioDecoder
from shared.media.probe.probe import probe
from shared.media.timeline.measure import measure
from shared.media.video.frames import sample_frames

EMPTY = range(10, 15)
"""The packets of 50 that are empty."""


def nut(codec: str) -> bytes:
    """Return 5 s in a container that keeps empty packets, of which five are."""
    file = io.BytesIO()
    with av.open(file, "w", format="nut") as container:
        if codec == "mpeg4":
            stream = container.add_stream(codec, rate=10, options={"bf": "0"})
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            frames = [
                av.VideoFrame.from_ndarray(np.full((48, 64, 3), 4 * i, np.uint8), format="bgr24") for i in range(50)
            ]
            times = [(i, Fraction(1, 10)) for i in range(50)]
        else:
            stream = container.add_stream(codec, rate=16000, layout="mono")
            tone = (np.sin(np.arange(1600) / 5) * 9000).astype(np.int16)[None]
            frames = [av.AudioFrame.from_ndarray(tone, format="s16", layout="mono") for _ in range(50)]
            times = [(1600 * i, Fraction(1, 16000)) for i in range(50)]
        for number, (frame, (pts, tick)) in enumerate(zip(frames, times, strict=True)):
            frame.pts, frame.time_base = pts, tick
            if isinstance(frame, av.AudioFrame):
                frame.sample_rate = 16000
            for packet in stream.encode(frame):
                if number in EMPTY:
                    empty = av.Packet(b"")
                    empty.pts, empty.dts, empty.time_base, empty.stream = (
                        packet.pts,
                        packet.dts,
                        packet.time_base,
                        stream,
                    )
                    packet = empty
                container.mux(packet)
    return file.getvalue()


def examine(data: bytes) -> Recording:
    return measure(io.BytesIO(data), probe(io.BytesIO(data), len(data)))


def test_a_repeated_picture_stands_and_later_ones_follow() -> None:
    data = nut("mpeg4")
    recording = examine(data)
    assert recording.duration_sec == pytest.approx(5.0, abs=0.1)
    shown = [round(float(np.median(f.bgr)) / 4) for f in sample_frames(io.BytesIO(data), recording, sample_fps=2.0)]
    assert shown[0] == pytest.approx(0, abs=1)
    assert shown[2] == pytest.approx(9, abs=1)
    assert shown[6:] == pytest.approx([30, 35, 40, 45], abs=1)


def test_sound_goes_on_after_silence() -> None:
    data = nut("pcm_s16le")
    decoder = AudioDecoder(io.BytesIO(data), probe(io.BytesIO(data), len(data)), lambda fraction: None)
    samples = np.frombuffer(b"".join(decoder), np.int16).astype(int)
    assert len(samples) == 80_000
    assert np.abs(samples[17_000:23_000]).max() == 0
    assert np.abs(samples[26_000:]).max() > 5000
