"""Measure how long after the POST of a long recording its first text can be read. Wants two idle cores.

    python -m benchmarks.first_text [--data DIR] [--seconds 10800] [--engine NAME]

The recording is the clips of speech in a row, as AAC in two channels, over and over for `--seconds`; a server on this
machine hands it out. The stack is Azurite and the local host with two workers, as `dev.py up` starts them. The clock
runs from the POST to the first `event: transcript` that has words; then the text is read as a client would, and the job
is canceled. Beside the clock stand the CPU seconds of everything that the stack ran, which a busy machine changes less.
Exit status 1 above the bar, or where the text cannot be read.
"""

import argparse
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import psutil

from benchmarks._local_stack import LocalStack
from benchmarks._speech import PAUSE_SEC, Clip, add_arguments, read_clips
from devhost.bench_table import Figure, report
from shared.transcription.audio import SAMPLE_RATE

BAR_SEC = 60.0
"""The longest time from the POST to the first words of three hours, on two idle cores."""

PATIENCE_SEC = 900.0
AAC_RATE = 44_100
BLOCK_SAMPLES = 16_000


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_arguments(arguments)
    arguments.add_argument("--seconds", type=float, default=10_800.0, help="the recording's length")
    given = arguments.parse_args()
    clips = read_clips(given.data, given.skip)
    with tempfile.TemporaryDirectory() as folder, LocalStack(Path(folder), ROSTRUM_ENGINE=given.engine) as stack:
        url = stack.serve("long.mp4", lambda path: write_long(path, clips, given.seconds))
        return measure(stack, url)


def measure(stack: LocalStack, url: str) -> int:
    """Submit the recording, wait for its first words, and print how long they took."""
    load, cpu_before = os.getloadavg()[0], cpu_sec(stack)
    began = time.monotonic()
    with httpx.Client(base_url=stack.url, timeout=60) as client:
        job = client.post("/jobs", json={"sourceUrl": url}).raise_for_status().json()
        text = first_text(client, job["jobId"])
        waited_sec, cpu_after = time.monotonic() - began, cpu_sec(stack)
        answer = client.get(f"/sessions/{job['sessionId']}/results/transcript", params={"partial": "true"})
        known, now = answer.raise_for_status().json(), client.get(f"/jobs/{job['jobId']}").json()
        client.delete(f"/jobs/{job['jobId']}")
    spoken = sum(len(segment["words"]) for segment in known["segments"])
    report(
        Figure("first text after the POST", waited_sec, BAR_SEC, "s", is_limit=True, note=f"load before: {load:.1f}")
    )
    for name in ("download", "transcription"):
        print(f"  {name:<16} {length_sec(now['stages'][name]):8.1f} s so far")
    for name, used_sec in cpu_after.items():
        print(f"CPU, {name:<16}{used_sec - cpu_before[name]:6.1f} s")
    print(f"readable           {spoken:8d} words, from {text['start']:.1f} to {text['end']:.1f} s")
    good = waited_sec <= BAR_SEC and spoken >= text["words"] and not known["complete"]
    print("good" if good else "NOT GOOD")
    return 0 if good else 1


def first_text(client: httpx.Client, job_id: str) -> dict[str, Any]:
    """Follow the job until a part with words is done; return the data of its event."""
    deadline, last = time.monotonic() + PATIENCE_SEC, "0"
    while time.monotonic() < deadline:
        with client.stream("GET", f"/jobs/{job_id}/events", headers={"Last-Event-ID": last}) as answer:
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                if name == "id":
                    last = value
                if name != "data":
                    continue
                event: dict[str, Any] = json.loads(value)
                if event.get("words"):
                    return event
                if event["error"]:
                    sys.exit(f"the job failed: {event['error']}")
    sys.exit(f"no text within {PATIENCE_SEC:.0f} s")


def length_sec(stage: dict[str, Any]) -> float:
    """Return how long a stage took, or has taken until now."""
    if stage["startedAt"] is None:
        return 0.0
    start = datetime.fromisoformat(stage["startedAt"])
    end = datetime.fromisoformat(stage["finishedAt"]) if stage["finishedAt"] else datetime.now(start.tzinfo)
    return (end - start).total_seconds()


def cpu_sec(stack: LocalStack) -> dict[str, float]:
    """Return the CPU time that the storage, and the host with its workers, have used."""
    assert stack.host is not None
    roots = {"storage": stack.azurite.process.pid, "host and workers": stack.host.pid}
    return {name: sum(map(_cpu_of, _with_children(pid))) for name, pid in roots.items()}


def _with_children(pid: int) -> list[psutil.Process]:
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def _cpu_of(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def write_long(path: Path, clips: Sequence[Clip], seconds: float) -> None:
    """Write the clips as AAC in an MP4 file, over and over: they are encoded once, and their packets repeated."""
    once = io.BytesIO()
    encode(once, clips)
    once.seek(0)
    with av.open(once) as source, av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as target:
        sound = source.streams.audio[0]
        out = target.add_stream_from_template(sound)
        packets = [(bytes(packet), packet.duration or 0) for packet in source.demux(sound) if packet.size]
        at = 0
        while at < seconds * AAC_RATE:
            for data, length in packets:
                packet = av.Packet(data)
                packet.pts = packet.dts = at
                packet.duration, packet.time_base, packet.stream = length, sound.time_base, out
                at += length
                target.mux(packet)


def encode(target: io.BytesIO, clips: Sequence[Clip]) -> None:
    """Write the clips in a row, with pauses between them, as AAC in two channels."""
    pause = bytes(2 * round(PAUSE_SEC * SAMPLE_RATE))
    samples = np.frombuffer(b"".join(clip.samples + pause for clip in clips), "<i2")
    with av.open(target, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=AAC_RATE, layout="stereo", options={"b": "128000"})
        resampler = av.AudioResampler("fltp", "stereo", AAC_RATE)
        for start in range(0, len(samples), BLOCK_SAMPLES):
            frame = av.AudioFrame.from_ndarray(samples[np.newaxis, start : start + BLOCK_SAMPLES], "s16", "mono")
            frame.sample_rate = SAMPLE_RATE
            for stereo in resampler.resample(frame):
                container.mux(stream.encode(stereo))
        for rest in resampler.resample(None):
            container.mux(stream.encode(rest))
        container.mux(stream.encode(None))


if __name__ == "__main__":
    sys.exit(main())
