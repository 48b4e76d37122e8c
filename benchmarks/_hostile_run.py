"""Does to a file what a job's steps do to a recording, each file in a process of its own that is watched and limited.

`run` starts one process that has everything imported and forks for each file; what becomes of the fork is the outcome:
a result, a refusal from the tree of errors, or one of the things that must never be.
"""

import argparse
import importlib
import io
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
MIB = 1024**2
MEMORY_MIB = 1024
CPU_SEC = 60
WALL_SEC = 240
"""A busy machine takes its time; what counts is the processor's."""

_NEEDED = (
    "shared.media.audio.decoder",
    "shared.media.probe.quick_probe",
    "shared.media.payload",
    "shared.media.video.scenes",
    "shared.media.video.thumbnails",
    "shared.media.timeline.measure",
    "shared.pipeline.stages.plan",
    "shared.settings",
    "shared.storage.columns",
    "shared.tracking.detectors.plate",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file: `kind` is result, refused, bug, crash or hang; `detail` says more."""

    name: str
    kind: str
    detail: str
    peak_mib: int
    cpu_sec: float

    @property
    def is_bad(self) -> bool:
        """Return whether it is one of the outcomes that must never occur."""
        return self.kind not in ("result", "refused") or self.peak_mib > MEMORY_MIB


def run(files: Iterable[tuple[str, Path]], environment: Mapping[str, str] | None = None) -> Iterator[Outcome]:
    """Yield the outcome of every file, given as (name, path), as it comes."""
    command = [sys.executable, "-m", "benchmarks._hostile_run"]
    quiet = {"OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore", **(environment or {})}
    with subprocess.Popen(
        command, cwd=REPO, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **quiet}
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            for name, path in files:
                server.stdin.write(json.dumps([name, str(path)]) + "\n")
                server.stdin.flush()
                line = server.stdout.readline()
                if not line:
                    raise RuntimeError(f"the process that watches the files ended at {name}")
                yield Outcome(**json.loads(line))
        finally:
            server.stdin.close()


def examine(name: str, data: bytes) -> str:
    """Do all that is done to a recording before and after it is cut; return a sentence on it.

    The sound is copied and dropped; of the picture, what the first and the last minute's parts look at."""
    from shared.domain.options import JobOptions
    from shared.media.audio.decoder import AudioDecoder, wav_header
    from shared.media.payload import MediaPayload
    from shared.media.probe.probe import probe
    from shared.media.probe.quick_probe import ProbeBudget, quick_probe_ranges
    from shared.media.timeline.measure import measure
    from shared.media.video.frames import sample_frames
    from shared.media.video.keyframes import keyframes
    from shared.media.video.scenes import SceneScorer
    from shared.media.video.thumbnails import make_thumbnails
    from shared.pipeline.stages.plan import plan_stages, refuse_too_long
    from shared.settings import Settings
    from shared.storage.columns import from_columns, to_columns
    from shared.tracking.detectors.plate import PlateDetector
    from shared.tracking.plate.plate import PLATE_WIDTH_PX, build_plate

    class Named(io.BytesIO):
        """FFmpeg is told a file's name, and judges by it."""

    source = Named(data)
    source.name = name
    settings = Settings()
    quick_probe_ranges(lambda at, length: data[at : at + length], len(data), ProbeBudget(32 * MIB, CPU_SEC))
    recording = probe(source, len(data))
    sound_end: float | None = None
    if recording.audio is not None:
        decoder = AudioDecoder(source, recording, _report)
        for _ in decoder:
            pass
        wav_header(decoder.samples)
        sound_end = decoder.end_sec
        recording = decoder.measured()
    else:
        recording = measure(source, recording)
    refuse_too_long(recording.duration_sec, settings)
    plan = plan_stages(recording, settings, JobOptions())
    frames = 0
    if recording.video is not None:
        plate = build_plate(keyframes(source, recording, width=PLATE_WIDTH_PX, report=_report))
        detector, scorer, duration = PlateDetector(plate), SceneScorer(), recording.duration_sec
        for start in {0.0, max(0.0, duration - 60)}:
            for frame in sample_frames(
                source, recording, sample_fps=2.0, start_sec=start, end_sec=min(duration, start + 60), report=_report
            ):
                scorer.score(frame.bgr)
                detector.detect(frame)
                frames += 1
        for _ in make_thumbnails(source, recording, [0.0, duration / 2, duration], 480, _report):
            pass
    json.loads(MediaPayload.of(recording, "").model_dump_json(), parse_constant=_no_number)
    assert from_columns(type(recording), to_columns(recording)) == recording
    return (
        f"{recording.container}, {recording.duration_sec:.1f} s, {len(plan.parts)} stages, sound to {sound_end}, "
        f"{frames} frames, {len(recording.warnings)} warnings"
    )


def _report(fraction: float) -> None:
    if not 0.0 <= fraction <= 1.0:
        raise ValueError(f"progress {fraction} is none")


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no JSON")


def _judge(name: str, path: str) -> tuple[str, str]:
    from shared.domain.errors import RostrumError

    try:
        return "result", examine(name, Path(path).read_bytes())
    except RostrumError as error:
        return "refused", f"{error.code}: {error.detail}"
    except BaseException as error:  # noqa: BLE001 (any error is what is looked for)
        import traceback

        where = traceback.extract_tb(error.__traceback__)
        ours = [each for each in where if "/shared/" in each.filename]
        place = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "?"
        return "bug", f"{type(error).__name__} at {place}: {str(error)[:200]}"


def _watched(name: str, path: str) -> Outcome:
    """Fork, and return the outcome of the fork."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + 3 * 1024 * MIB,) * 2)  # only lest the machine suffers
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SEC, CPU_SEC))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.write(writer, json.dumps(_judge(name, path)).encode())
        os._exit(0)
    os.close(writer)
    began, said = time.monotonic(), b""
    while time.monotonic() - began < WALL_SEC:
        if select.select([reader], [], [], 1.0)[0]:
            piece = os.read(reader, 65536)
            said += piece
            if not piece:
                break
    else:
        os.kill(child, signal.SIGKILL)
    os.close(reader)
    _, status, usage = os.wait4(child, 0)
    cpu_sec = usage.ru_utime + usage.ru_stime
    peak = usage.ru_maxrss // 1024
    if os.WIFEXITED(status) and said:
        kind, detail = json.loads(said)
    elif cpu_sec >= CPU_SEC or time.monotonic() - began >= WALL_SEC:
        kind, detail = "hang", f"stopped after {cpu_sec:.0f} s of processor time"
    else:
        kind, detail = "crash", f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"status {status}"
    return Outcome(name, kind, detail, peak, round(cpu_sec, 2))


def _serve(arguments: Sequence[str] | None = None) -> int:
    argparse.ArgumentParser(description=__doc__).parse_args(arguments)
    # Everything that a file needs, so that a fork begins at once.
    import av.logging
    import cv2

    for module in _NEEDED:
        importlib.import_module(module)
    cv2.setNumThreads(1)
    av.logging.set_level(av.logging.PANIC)
    for line in sys.stdin:
        name, path = json.loads(line)
        outcome = _watched(name, path)
        print(json.dumps({each: getattr(outcome, each) for each in Outcome.__slots__}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(_serve())
