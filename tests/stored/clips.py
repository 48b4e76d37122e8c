"""The recordings of the stored jobs: small ones, so that the copy stays small and the steps are quick."""

import io
import tempfile
from fractions import Fraction
from pathlib import Path

import av

LECTURE_SEC, WIDTH, HEIGHT, FPS = 12.0, 320, 180, 10
SILENCE_SEC, RATE = 2, 16_000


def clips(lecture: Path) -> dict[str, bytes]:
    """Return the example's beginning, two seconds of silence, and a file that is no recording."""
    return {"lecture.mp4": _beginning_of(lecture), "silence.wav": _silence(), "text.mp4": b"This is no recording. " * 9}


def _silence() -> bytes:
    with io.BytesIO() as file:
        with av.open(file, "w", format="wav") as container:
            stream = container.add_stream("pcm_s16le", rate=RATE, layout="mono")
            frame = av.AudioFrame("s16", "mono", SILENCE_SEC * RATE)
            frame.planes[0].update(bytes(2 * SILENCE_SEC * RATE))
            frame.sample_rate, frame.pts = RATE, 0
            for packet in (*stream.encode(frame), *stream.encode(None)):
                container.mux(packet)
        return file.getvalue()


def _beginning_of(recording: Path) -> bytes:
    """Return the recording's first seconds with a small picture and the sound as it is."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "clip.mp4"
        with av.open(str(recording)) as reader, av.open(str(target), "w", options={"movflags": "+faststart"}) as writer:
            picture, sound = reader.streams.video[0], reader.streams.audio[0]
            video = writer.add_stream("libx264", rate=FPS, options={"crf": "30", "preset": "slow", "threads": "1"})
            video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            audio = writer.add_stream_from_template(sound)
            pictures = 0
            for packet in reader.demux(picture, sound):
                if packet.dts is None or packet.time_base is None:
                    continue
                if packet.stream.index == sound.index:
                    if packet.dts * packet.time_base < LECTURE_SEC:
                        packet.stream = audio
                        writer.mux(packet)
                    continue
                for frame in packet.decode():
                    if frame.time is not None and pictures / FPS - 1e-6 <= frame.time < LECTURE_SEC:
                        small = frame.reformat(WIDTH, HEIGHT, "yuv420p")
                        small.pts, small.time_base = pictures, Fraction(1, FPS)
                        pictures += 1
                        for each in video.encode(small):
                            writer.mux(each)
            for each in video.encode(None):
                writer.mux(each)
        return target.read_bytes()
