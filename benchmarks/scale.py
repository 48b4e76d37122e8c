"""Simulated days of 100, 1,000 and 10,000 recordings: waiting times, instances, cost, and the first limit that is hit.

Measures what a job asks of the storage by running one over the storage in memory, and feeds a discrete-event
simulation with it, with the CPU seconds that `job_cost` measures, and with the limits that Microsoft publishes
(`_scale_limits`). Before that it compares the simulation of one instance with a measured run of short recordings. A day
is three of its lecture hours: each ends with its recordings in the ten minutes after it. See docs/scale.md.
Usage: `python3 dev.py bench scale`; `ROSTRUM_BENCH_CHECK=0` leaves the comparison out.
"""

import math
import os
import random
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks._local_stack import EXAMPLE, cut
from benchmarks._scale_demand import Measured, measure, run_one_by_one
from benchmarks._scale_limits import LARGE_EGRESS_BYTES_PER_SEC, LARGE_INGRESS_BYTES_PER_SEC, Platform
from benchmarks._scale_model import Recording, Simulation, StepTime, Work
from devhost.bench_table import Figure, report
from shared.settings import Settings

SHORT = Settings(transcription_part_sec=10, transcription_first_part_sec=5, tracking_part_sec=10)
"""So that a minute of recording has as many parts as half an hour."""

LECTURE_HOURS = 11
"""From 8 to 18, each with a peak after it; the recordings of a day are spread over them."""

SIMULATED_HOURS = 3
PEAK_SEC = 600.0

STEP_TIMES = {
    "download part": StepTime(0.4, 0.0045),
    "transcription part": StepTime(0.0, 0.038),
    "transcription merge": StepTime(0.0, 0.012),
    "tracking prepare": StepTime(3.6, 0.0023),
    "tracking part": StepTime(0.0, 0.100),
    "tracking merge": StepTime(3.4, 0.004),
}
"""CPU seconds of 1080p, fixed and for each second: fitted to `job_cost` of two and of eight minutes (25 frames a
second), with the tracking of 30 frames a second. An instance of 2 GB has one core, which is taken to be as fast."""

MOST_OFF = 0.15
"""How far the simulation of one instance may be from the measured run."""

HOUR_SEC = 3600.0
BAR_MINUTES = 20.0
BAR_SHARE = 0.5

AS_DEPLOYED = Platform(instances_of_function=40)
"""As `infra/` sets it, with the quotas of a new subscription."""

RAISED = Platform(
    region_instances=700,
    ingress_bytes_per_sec=LARGE_INGRESS_BYTES_PER_SEC,
    egress_bytes_per_sec=LARGE_EGRESS_BYTES_PER_SEC,
)
"""With `maximumInstanceCount` at 1,000 and a higher quota of instances, in one of the larger regions."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One day to simulate."""

    name: str
    recordings: int
    organisations: int
    places: int
    platform: Platform
    has_bar: bool = False


SCENES = (
    Scene("100 a day", 100, 2, 16, AS_DEPLOYED),
    Scene("1,000 a day", 1_000, 5, 16, AS_DEPLOYED),
    Scene("10,000 a day, as deployed", 10_000, 20, 16, AS_DEPLOYED),
    Scene("10,000 a day, raised", 10_000, 20, 0, RAISED, has_bar=True),
    Scene("10,000 a day, raised, one organisation", 10_000, 1, 0, RAISED, has_bar=True),
)


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        warm_up = Path(name) / "warm-up.mp4"
        cut(EXAMPLE, warm_up, 10)
        measure(warm_up, SHORT)  # loads models and libraries, which a worker does once
    measured = {
        places: measure(EXAMPLE, SHORT.model_copy(update={"max_running_jobs_per_org": places})) for places in (16, 0)
    }
    is_close = os.environ.get("ROSTRUM_BENCH_CHECK") == "0" or check_one_instance(measured[16])
    for label, demand in {**measured[16].steps, "a second of a part": measured[16].heartbeat}.items():
        print(f"{label:24} {demand.requests.get('table', 0):6.1f} table requests, rows: {_rows(demand.rows)}")
    kept = True
    for scene in SCENES:
        kept &= show(scene, simulate(scene, measured[scene.places]))
    return 0 if is_close and kept else 1


def simulate(scene: Scene, measured: Measured) -> Simulation:
    """Return the simulation of a scene, at its end."""
    work = Work(STEP_TIMES, measured, places_of_org=scene.places)
    simulation = Simulation(arrivals(scene.recordings, scene.organisations), work, scene.platform)
    simulation.run()
    return simulation


def arrivals(a_day: int, organisations: int, seed: int = 1) -> list[Recording]:
    """Return the recordings of the simulated lecture hours: many of 45 to 90 minutes, some short, a few long."""
    chance = random.Random(seed)
    found = []
    for number in range(a_day * SIMULATED_HOURS // LECTURE_HOURS):
        at_sec = number % SIMULATED_HOURS * HOUR_SEC + chance.uniform(0, PEAK_SEC)
        kind = chance.choices(LENGTHS, [share for share, *_ in LENGTHS])[0]
        found.append(Recording(at_sec, chance.randrange(organisations), 60 * chance.uniform(*kind[1:])))
    return found


LENGTHS = ((0.10, 5, 30), (0.30, 40, 50), (0.20, 50, 75), (0.35, 80, 95), (0.05, 95, 180))
"""Shares of the recordings, and their minutes."""


def show(scene: Scene, simulation: Simulation) -> bool:
    """Print what came of a scene; return whether its bars hold."""
    minutes = sorted(
        (job.done_at - job.recording.at_sec) / 60
        for job in simulation.jobs
        if 0.9 * HOUR_SEC <= job.recording.length_sec <= 1.1 * HOUR_SEC
    )
    late = quantile(minutes, 0.95)
    shares = simulation.shares()
    partition = max(share for name, share in shares.items() if name in simulation.partitions())
    print(
        f"\n{scene.name}: {scene.organisations} organisations, at most {scene.places or 'any number of'} jobs of each"
    )
    print(
        f"  an hour of recording is done after {quantile(minutes, 0.5):.1f} min, 95% {late:.1f}, all {minutes[-1]:.1f}"
    )
    by_function = ", ".join(f"{name} {most}" for name, most in sorted(simulation.instances_by_function.items()))
    day = simulation.cost * LECTURE_HOURS / SIMULATED_HOURS
    print(f"  instances at most {simulation.most_instances} ({by_function}); {day:.2f} dollars a day")
    print(f"  a sweep of all running jobs takes {simulation.longest_sweep_sec:.1f} s")
    hits = sorted(simulation.hits().items(), key=lambda each: each[1])
    print("  limits hit: " + ("; ".join(f"{name} ({at_sec / 60:.1f} min)" for name, at_sec in hits) or "none"))
    for name, share in sorted(shares.items(), key=lambda each: -each[1])[:6]:
        print(f"  {name:28} {100 * share:5.1f}% of its limit in the busiest ten seconds")
    if not scene.has_bar:
        return True
    done = Figure(f"{scene.name}: 95% of hours done within", late, BAR_MINUTES, "min", is_limit=True)
    used = Figure(f"{scene.name}: fullest partition, share of its limit", partition, BAR_SHARE, is_limit=True)
    return all([report(done).is_met, report(used).is_met])


def quantile(values: list[float], share: float) -> float:
    """Return the smallest of the sorted values that is not below that share of them."""
    return values[max(0, math.ceil(share * len(values)) - 1)]


def check_one_instance(long: Measured) -> bool:
    """Compare the simulated makespan of one instance with a measured one; return whether they agree.

    The times of the steps come from other recordings, a shorter and a longer one, than those that are compared.
    """
    with tempfile.TemporaryDirectory() as name:
        clips = {seconds: Path(name) / f"{seconds}.mp4" for seconds in (15, 25, 35)}
        for seconds, clip in clips.items():
            cut(EXAMPLE, clip, seconds)
        times = fit(measure(clips[15], SHORT), long)
        lengths, makespan_sec = run_one_by_one([clips[25], clips[35]], SHORT)
    work = Work(times, long, part_sec=SHORT.tracking_part_sec, places_of_org=0, followed_share=0.0)
    alone = Platform(
        instances_of_function=1,
        decision_sec=0.1,
        region_instances=1,
        cold_start_sec=0.0,
        poll_sec=0.0,
        request_sec=0.0,
        idle_sec=math.inf,
    )
    recordings = [Recording(0.0, 0, length) for length in lengths]
    simulation = Simulation(recordings, work, alone, function_of=lambda _: "all")
    simulation.run()
    simulated_sec = max(job.done_at for job in simulation.jobs)
    ratio = simulated_sec / makespan_sec
    print(
        f"one instance, {len(lengths)} recordings: simulated {simulated_sec:.1f} s, measured {makespan_sec:.1f} CPU s"
    )
    off = Figure("scale: simulated against measured, share they differ by", abs(ratio - 1), MOST_OFF, is_limit=True)
    return report(off).is_met is True


def fit(short: Measured, long: Measured) -> dict[str, StepTime]:
    """Return the times of steps as a fixed part and one for each second, from two measured jobs."""
    found = {}
    for name in long.steps:
        pairs = []
        for each in (short, long):
            parts = math.ceil(each.length_sec / each.part_sec) if _is_part(name) else 1
            pairs.append((sum(each.cpu_sec[name]), parts, each.length_sec))
        (a_sec, a_parts, a_length), (b_sec, b_parts, b_length) = pairs
        determinant = a_parts * b_length - b_parts * a_length
        fixed = (a_sec * b_length - b_sec * a_length) / determinant if determinant else 0.0
        fixed = min(max(fixed, 0.0), b_sec / b_parts)
        found[name] = StepTime(fixed, (b_sec - fixed * b_parts) / b_length)
    return found


def _is_part(name: str) -> bool:
    return name.endswith(" part") and not name.startswith("download")


def _rows(rows: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {number:.1f}" for name, number in sorted(rows.items(), key=lambda each: -each[1]))


if __name__ == "__main__":
    sys.exit(main())
