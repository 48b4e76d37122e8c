"""The local stack by itself: three seconds of sound from POST to DONE, and the CPU that the stack takes when idle.

The first job, which loads the engines, is told apart. Needs an idle machine.
Usage: `python3 dev.py bench devhost`; `ROSTRUM_BENCH_JOBS` (default 15) and `ROSTRUM_BENCH_IDLE_SEC` (default 60).
"""

import io
import os
import sys
import tempfile
import time
import wave
from contextlib import suppress
from pathlib import Path
from statistics import median

import av
import httpx
import psutil

from benchmarks._local_stack import EXAMPLE, LocalStack
from devhost.bench_table import Figure, report

JOBS = int(os.environ.get("ROSTRUM_BENCH_JOBS", "15"))
IDLE_SEC = float(os.environ.get("ROSTRUM_BENCH_IDLE_SEC", "60"))
SETTLED_AFTER_SEC = 10.0
LOOK_SEC = 0.02
BETWEEN_SEC = 1.0
"""Between two jobs: the search index of the one before is written after its end."""

RATE_HZ = 16_000
FROM_SEC, LENGTH_SEC = 4, 3
BAR_SEC = 1.5
BAR_PERCENT = 3.0


def three_seconds() -> bytes:
    """Return three seconds of the example's speech as WAV."""
    sound = bytearray()
    with av.open(str(EXAMPLE)) as container:
        resampler = av.AudioResampler("s16", "mono", RATE_HZ)
        for frame in container.decode(audio=0):
            for piece in resampler.resample(frame):
                sound += bytes(piece.planes[0])[: piece.samples * 2]
            if len(sound) >= (FROM_SEC + LENGTH_SEC) * RATE_HZ * 2:
                break
    written = io.BytesIO()
    with wave.open(written, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(RATE_HZ)
        wav.writeframes(bytes(sound[FROM_SEC * RATE_HZ * 2 : (FROM_SEC + LENGTH_SEC) * RATE_HZ * 2]))
    return written.getvalue()


def seconds_to_done(client: httpx.Client, sound: bytes) -> float:
    """Return the time from the POST of the sound to its job's end."""
    began = time.perf_counter()
    answer = client.post("/sessions/import", files={"video": ("talk.wav", sound, "audio/wav")}).raise_for_status()
    job = f"/jobs/{answer.json()['jobId']}"
    while (status := client.get(job).raise_for_status().json()["status"]) not in ("DONE", "ERROR", "CANCELED"):
        time.sleep(LOOK_SEC)
    if status != "DONE":
        raise RuntimeError(f"the job ended as {status}")
    return time.perf_counter() - began


def cpu_seconds(stack: LocalStack) -> float:
    """Return the CPU seconds of the host, its processes and Azurite by now."""
    assert stack.host is not None
    host = psutil.Process(stack.host.pid)
    spent = 0.0
    for process in (host, *host.children(recursive=True), psutil.Process(stack.azurite.process.pid)):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            spent += times.user + times.system
    return spent


def main() -> int:
    sound = three_seconds()
    with tempfile.TemporaryDirectory() as name, LocalStack(Path(name), ROSTRUM_ENGINE="auto") as stack:
        with httpx.Client(base_url=stack.url, timeout=60) as client:
            first_sec = seconds_to_done(client, sound)
            for _ in range(3):  # the other worker loads its engine, too
                seconds_to_done(client, sound)
            taken = []
            for _ in range(JOBS):
                time.sleep(BETWEEN_SEC)
                taken.append(seconds_to_done(client, sound))
        time.sleep(SETTLED_AFTER_SEC)
        before = cpu_seconds(stack)
        time.sleep(IDLE_SEC)
        idle = 100 * (cpu_seconds(stack) - before) / IDLE_SEC
    report(Figure("3 s of sound, POST to DONE: the first job of a stack", first_sec, unit="s"))
    latency = report(Figure("3 s of sound, POST to DONE: median", median(taken), BAR_SEC, "s", is_limit=True))
    rest = report(Figure("idle stack, CPU of one core", idle, BAR_PERCENT, "%", is_limit=True))
    return 0 if latency.is_met and rest.is_met else 1


if __name__ == "__main__":
    sys.exit(main())
