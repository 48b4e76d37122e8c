"""The most memory that any process needs for a long recording, against a short one: it must not grow.

Makes a 1080p recording of one minute and one of many by repeating its packets (nothing is encoded twice), runs each
through a stack of its own, and prints the peak resident memory of every kind of process and their ratio.
Usage: `python3 dev.py bench memory`; `ROSTRUM_BENCH_MINUTES` (default 60) sets the long one's length.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import av
import psutil

from devhost.azurite import install_azurite, start_azurite
from devhost.bench_table import Figure, report

REPO = Path(__file__).resolve().parents[1]
EXAMPLE = REPO / "examples" / "lecture.mp4"
HOST = (sys.executable, "-m", "devhost", "--app", str(REPO))
CLIENT = (sys.executable, "-m", "rostrum_client", "process")
LIMIT_MIB = 1024
MIB = 1024**2


def main() -> int:
    minutes = float(os.environ.get("ROSTRUM_BENCH_MINUTES", "60"))
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        minute = directory / "minute.mp4"
        make_full_hd(EXAMPLE, minute)
        long = directory / "long.mp4"
        repeat(minute, long, round(minutes))
        peaks = {}
        for label, recording in (("short", minute), ("long", long)):
            began = time.monotonic()
            peaks[label] = run(recording, directory / label)
            print(
                f"{label}: {recording.stat().st_size / MIB:.0f} MiB took {time.monotonic() - began:.0f} s", flush=True
            )
    print(f"\n{'process':<28}{'short MiB':>10}{'long MiB':>10}{'ratio':>8}")
    for kind in sorted(peaks["long"]):
        short, grown = peaks["short"].get(kind, 0), peaks["long"][kind]
        print(f"{kind:<28}{short / MIB:>10.0f}{grown / MIB:>10.0f}{grown / max(short, 1):>8.2f}")
    worst = max(peaks["long"].values()) / MIB
    name = f"{minutes:g} min of 1080p, peak of any process"
    return 0 if report(Figure(name, worst, LIMIT_MIB, "MiB", is_limit=True)).is_met else 1


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


def run(recording: Path, directory: Path) -> dict[str, int]:
    """Peak resident bytes by kind of process while the recording goes through a stack of its own."""
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
        return watch(recording, directory, host)
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
