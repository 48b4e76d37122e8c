"""The most memory that any process needs for a long recording, against a short one, and its longest invocation.

Makes a 1080p recording of ten minutes and a longer one by repeating the example's packets (nothing is encoded twice),
runs each through a stack of its own, and prints the peak resident memory of every kind of process, their ratio, and
the step that took longest. The promise is about three hours: `ROSTRUM_BENCH_MINUTES=180`, half an hour of CPU time.
Usage: `python3 dev.py bench memory`; `ROSTRUM_BENCH_MINUTES` (default 60) and `ROSTRUM_BENCH_SHORT_MINUTES`
(default 10) set the lengths.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import av
import psutil

from devhost.azurite import install_azurite, start_azurite
from devhost.bench_table import Figure, report
from shared.domain.step_run import StepRun
from shared.storage.connect import connect

REPO = Path(__file__).resolve().parents[1]
EXAMPLE = REPO / "examples" / "lecture.mp4"
EXAMPLE_SEC = 56.0
HOST = (sys.executable, "-m", "devhost", "--app", str(REPO))
CLIENT = (sys.executable, "-m", "rostrum_client", "process")
LIMIT_MIB = 1024
MOST_GROWTH = 1.1
"""Most memory for the long recording, over that for the short one, in the process that takes most."""
LONGEST_SEC = 300.0
"""Longest invocation, in CPU seconds: on two idle cores it is shorter than that."""
MIB = 1024**2


def main() -> int:
    minutes = {
        "short": float(os.environ.get("ROSTRUM_BENCH_SHORT_MINUTES", "10")),
        "long": float(os.environ.get("ROSTRUM_BENCH_MINUTES", "60")),
    }
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        example = directory / "example.mp4"
        make_full_hd(EXAMPLE, example)
        peaks, longest = {}, 0.0
        for label, length in minutes.items():
            recording = directory / f"{label}.mp4"
            repeat(example, recording, max(1, round(length * 60 / EXAMPLE_SEC)))
            began = time.monotonic()
            peaks[label], steps = run(recording, directory / label)
            took = time.monotonic() - began
            print(f"{label}: {length:.0f} minutes, {recording.stat().st_size / MIB:.0f} MiB, took {took:.0f} s")
            longest = print_longest(steps)
            recording.unlink()
    print(f"\n{'process':<28}{'short MiB':>10}{'long MiB':>10}{'ratio':>8}")
    for kind in sorted(peaks["long"]):
        short, grown = peaks["short"].get(kind, 0), peaks["long"][kind]
        print(f"{kind:<28}{short / MIB:>10.0f}{grown / MIB:>10.0f}{grown / max(short, 1):>8.2f}")
    worst = max(peaks["long"].values()) / MIB
    growth = worst * MIB / max(peaks["short"].values())
    name = f"{minutes['long']:g} min of 1080p"
    figures = [
        Figure(f"{name}, peak of any process", worst, LIMIT_MIB, "MiB", is_limit=True),
        Figure(f"{name}, peak over that of {minutes['short']:g} min", growth, MOST_GROWTH, is_limit=True),
        Figure(f"{name}, CPU time of the longest step", longest, LONGEST_SEC, "s", is_limit=True),
    ]
    reported = [report(figure) for figure in figures]  # all of them, also after one that is not met
    return 0 if all(figure.is_met for figure in reported) else 1


def print_longest(steps: Sequence[StepRun]) -> float:
    """Print the step that took most CPU time and the one that took longest; return the CPU seconds of the first."""
    busiest = max(steps, key=lambda step: step.cost.cpu_sec)
    slowest = max(steps, key=_clock_sec)
    print(f"  most CPU time: {_name(busiest)}, {busiest.cost.cpu_sec:.0f} s (bar {LONGEST_SEC:.0f})")
    print(f"  longest by the clock: {_name(slowest)}, {_clock_sec(slowest):.0f} s", flush=True)
    return busiest.cost.cpu_sec


def _clock_sec(step: StepRun) -> float:
    if step.started_at is None or step.finished_at is None:
        return 0.0
    return (step.finished_at - step.started_at).total_seconds()


def _name(step: StepRun) -> str:
    return f"{step.stage} {step.step} {step.number}"


def make_full_hd(source: Path, target: Path) -> None:
    """Write the example scaled to 1920×1080 at its own frame rate."""
    with av.open(str(source)) as reader, av.open(str(target), "w") as writer:
        picture, sound = reader.streams.video[0], reader.streams.audio[0]
        out_picture = writer.add_stream("libx264", rate=picture.average_rate, options={"preset": "veryfast"})
        out_picture.width, out_picture.height, out_picture.pix_fmt = 1920, 1080, "yuv420p"
        out_sound = writer.add_stream_from_template(sound)
        for packet in reader.demux(picture, sound):
            if packet.dts is None:
                continue
            if packet.stream is sound:
                packet.stream = out_sound
                writer.mux(packet)
                continue
            for frame in packet.decode():
                writer.mux(out_picture.encode(frame.reformat(1920, 1080, "yuv420p")))
        writer.mux(out_picture.encode(None))


def repeat(source: Path, target: Path, times: int) -> None:
    """Write the recording so many times in a row."""
    with av.open(str(target), "w") as writer:
        outs: dict[int, av.stream.Stream] = {}
        shift_sec = 0.0
        for _ in range(times):
            with av.open(str(source)) as reader:
                for stream in reader.streams:
                    if stream.index not in outs:
                        outs[stream.index] = writer.add_stream_from_template(stream)
                for packet in reader.demux():
                    if packet.dts is None or packet.time_base is None:
                        continue
                    ticks = round(shift_sec / packet.time_base)
                    packet.pts, packet.dts = (packet.pts or 0) + ticks, packet.dts + ticks
                    packet.stream = outs[packet.stream.index]
                    writer.mux(packet)
                shift_sec += (reader.duration or 0) / 1_000_000 + 0.05


def run(recording: Path, directory: Path) -> tuple[dict[str, int], Sequence[StepRun]]:
    """Return peak resident bytes by kind of process while the recording goes through a stack of its own, and the
    steps of its job."""
    azurite = start_azurite(install_azurite(print), directory / "azurite")
    state = directory / "host" / "devhost.json"
    host = subprocess.Popen(
        [*HOST, "--data", str(directory / "host"), "--port", "0", "--quiet"],
        cwd=REPO,
        env={**os.environ, "AzureWebJobsStorage": azurite.connection_string},
    )
    try:
        while not state.exists():
            if host.poll() is not None:
                raise RuntimeError("the host did not start")
            time.sleep(0.1)
        peaks = watch(recording, directory, host)
        sidecar = directory / "out" / "sidecar.json"
        storage = connect(azurite.connection_string)
        found = storage.step_runs.of_job(json.loads(sidecar.read_text(encoding="utf-8"))["jobId"])
        return peaks, [row.value for row in found]
    finally:
        host.terminate()
        host.wait()
        azurite.stop()


def watch(recording: Path, directory: Path, host: "subprocess.Popen[bytes]") -> dict[str, int]:
    """Run the client, reading every process's own record of its peak."""
    port = json.loads((directory / "host" / "devhost.json").read_text())["port"]
    client = subprocess.Popen(
        [*CLIENT, str(recording), "--out", str(directory / "out"), "--base-url", f"http://127.0.0.1:{port}/api"],
        cwd=REPO,
    )
    peaks: dict[str, int] = defaultdict(int)
    family = psutil.Process(host.pid)
    while client.poll() is None:
        for process in [family, *family.children(recursive=True), psutil.Process(client.pid)]:
            try:
                kind = next((word for word in process.cmdline() if word.startswith(("devhost", "rostrum"))), "other")
                peaks[kind] = max(peaks[kind], peak_bytes(process.pid))
            except (psutil.NoSuchProcess, psutil.ZombieProcess, FileNotFoundError):
                continue
        time.sleep(0.5)
    if client.returncode != 0:
        raise RuntimeError(f"the client ended with status {client.returncode}")
    return peaks


def peak_bytes(pid: int) -> int:
    """Return the kernel's record of the process's largest resident size (Linux)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    sys.exit(main())
