"""A rendition of 1080p HEVC made in parts against the same in one piece: frames, quality, and CPU seconds.

Encodes the beginning of the example as HEVC in 1080p, makes the rendition of each codec in one part and in several (all
steps in this process, storage in memory), and compares both with the recording, frame by frame (PSNR of brightness).
Usage: `python3 dev.py bench rendition`; `ROSTRUM_BENCH_SECONDS` (default 22) sets the length.
"""

import io
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import zip_longest
from typing import Literal

import av
import numpy as np

from benchmarks._in_memory import run_to_end
from benchmarks.memory import EXAMPLE
from shared.domain.options import JobOptions
from shared.domain.stage import Stage
from shared.job_status import JobStatus
from shared.pipeline.context import StepContext, StepWork
from shared.pipeline.jobs.submit import JobRequest, source_blob_name, submit_stored
from shared.settings import Settings
from shared.storage.memory import MemoryStorage
from shared.storage.ports import RESULTS, SOURCES
from shared.wiring import build_services

SIZE = (1920, 1080)
PART_SEC = 10.0
MOST_DIFFERENCE_DB = 0.3
"""Most that the parts may be below the one piece."""
MOST_CPU_SHARE = 2 / 1.5
"""CPU seconds for each second of the recording that are 1.5 times real time on two cores."""
CODECS: Sequence[Literal["h264", "vp9", "av1"]] = ("h264", "vp9", "av1")


def main() -> int:
    seconds = float(os.environ.get("ROSTRUM_BENCH_SECONDS", "22"))
    recording = make_hevc(seconds)
    print("codec  pieces  frames     PSNR  CPU s for each second")
    good = True
    for codec in CODECS:
        levels = []
        for part_sec in (seconds + 1, PART_SEC):
            made, parts, cpu_sec = render(recording, codec, part_sec)
            frames, level_db = compare(recording, made)
            levels.append((frames, level_db))
            share = cpu_sec / seconds
            good = good and (codec != "h264" or share <= MOST_CPU_SHARE)
            print(f"{codec:5}  {parts:>6}  {frames:>6}  {level_db:>4.2f} dB  {share:.2f}", flush=True)
        (frames, one_piece_db), (frames_of_parts, parts_db) = levels
        good = good and frames == frames_of_parts and one_piece_db - parts_db <= MOST_DIFFERENCE_DB
    print(
        f"bars: equal frames, parts at most {MOST_DIFFERENCE_DB} dB below, H.264 in {MOST_CPU_SHARE:.2f} CPU s a second"
    )
    return 0 if good else 1


def make_hevc(seconds: float) -> bytes:
    """Return the beginning of the example as HEVC in 1080p at its own rate, without sound."""
    file = io.BytesIO()
    with av.open(str(EXAMPLE)) as reader, av.open(file, "w", format="mp4") as writer:
        picture = reader.streams.video[0]
        options = {"preset": "ultrafast", "x265-params": "log-level=none"}
        stream = writer.add_stream("libx265", rate=picture.average_rate, options=options)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for index, frame in enumerate(reader.decode(picture)):
            if frame.time is not None and frame.time >= seconds:
                break
            scaled = frame.reformat(*SIZE, "yuv420p")
            scaled.pts, scaled.time_base = index, 1 / Fraction(picture.average_rate or 25)
            writer.mux(stream.encode(scaled))
        writer.mux(stream.encode(None))
    return file.getvalue()


def render(recording: bytes, codec: Literal["h264", "vp9", "av1"], part_sec: float) -> tuple[bytes, int, float]:
    """Return `rendition.mp4`, its number of parts, and the CPU seconds of the stage."""
    storage, spent = MemoryStorage(), [0.0]
    settings = Settings(rendition_codec=codec, rendition_part_sec=part_sec)
    services = build_services(settings, storage)
    work = {key: _idle if key[0] is Stage.TRACKING else step for key, step in services.work.items()}
    work |= {key: _timed(spent, step) for key, step in services.work.items() if key[0] is Stage.RENDITION}
    services = replace(services, work=work, results={})
    storage.blobs.write(SOURCES, source_blob_name("local", "s", "hevc.mp4"), recording, "video/mp4")
    request = JobRequest(org_id="local", options=JobOptions(rendition="always"))
    ended = run_to_end(services, storage, submit_stored(services, request, "s", "hevc.mp4"))
    if ended.status is not JobStatus.DONE:
        raise RuntimeError(f"the job ended as {ended.status}: {ended.error}")
    made = storage.blobs.read(RESULTS, f"local/s/{ended.job_id}/rendition.mp4")
    return made, ended.stages[Stage.RENDITION].parts, spent[0]


def _idle(context: StepContext) -> None:
    """Track nothing: only the rendition is measured."""


def _timed(spent: list[float], work: StepWork) -> StepWork:
    def timed(context: StepContext, /) -> None:
        began = time.process_time()
        work(context)
        spent[0] += time.process_time() - began

    return timed


def compare(recording: bytes, made: bytes) -> tuple[int, float]:
    """Return the frames of `made`, and its PSNR against the recording over all of them, in dB."""
    errors = []
    with av.open(io.BytesIO(recording)) as one, av.open(io.BytesIO(made)) as other:
        for before, after in zip_longest(one.decode(video=0), other.decode(video=0)):
            if before is None or after is None:
                raise RuntimeError("the rendition has another number of frames than the recording")
            difference = before.to_ndarray(format="gray").astype(np.int16) - after.to_ndarray(format="gray")
            errors.append(float(np.square(difference, dtype=np.int32).mean()))
    return len(errors), float(10 * np.log10(255**2 / max(np.mean(errors), 1e-9)))


if __name__ == "__main__":
    sys.exit(main())
