"""A recording too long for one plate, with a room that changes half way: the whole stage, in parts and in one piece."""

import json
from fractions import Fraction
from itertools import count
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from shared.domain.message import QUEUES
from shared.job_status import JobStatus
from shared.pipeline.execution.run_step import Delivery, run_step
from shared.pipeline.jobs.submit import JobRequest, source_blob_name, submit_stored
from shared.settings import Settings
from shared.storage.memory import MemoryStorage
from shared.storage.ports import RESULTS, SOURCES, WORK
from shared.wiring import build_services

SIZE = (160, 90)
MINUTES = 31
CLIP_FPS = SAMPLE_FPS = Fraction(1, 4)
REARRANGED_SEC = 1000.0
RNG = np.random.default_rng(4)
ROUGH = cv2.resize(RNG.normal(0, 14, (9, 16, 3)).astype(np.float32), SIZE, interpolation=cv2.INTER_CUBIC)


def instructor_at(t: float) -> float | None:
    """To and fro for five minutes, then out of the room for one."""
    return None if t % 360 >= 300 else 0.5 + 0.3 * (abs((t / 20) % 2 - 1) * 2 - 1)


def paint(t: float) -> NDArray[np.uint8]:
    """Paint a wall, a cupboard that moves to the other side once, and a person in dark clothes."""
    room = 150 + ROUGH
    left = 8 if t < REARRANGED_SEC else 124
    room[25:70, left : left + 28] = (70, 90, 110)
    x = instructor_at(t)
    if x is not None:
        middle = round(x * SIZE[0])
        room[30:60, middle - 7 : middle + 7] = (60, 40, 150)
        room[60:84, middle - 5 : middle + 5] = (50, 45, 40)
        room[22:30, middle - 4 : middle + 4] = (120, 150, 200)
    grain = np.random.default_rng(round(t * 2)).normal(0, 1.5, room.shape)
    return np.clip(room + grain, 0, 255).astype(np.uint8)


def tracked(clip: bytes, part_sec: float) -> tuple[dict[str, Any], list[str]]:
    """The track without its job's name, and the names of the plates."""
    storage = MemoryStorage()
    services = build_services(
        Settings(detector="plate", sample_fps=float(SAMPLE_FPS), tracking_part_sec=part_sec), storage
    )
    storage.blobs.write(SOURCES, source_blob_name("local", "s", "clip.mp4"), clip, "video/mp4")
    job = submit_stored(services, JobRequest(org_id="local"), "s", "clip.mp4")
    for number in count():
        message = storage.queues.pop(*QUEUES.values())
        if message is None:
            break
        run_step(services, message, Delivery(f"m{number}", 1))
    assert storage.jobs.get("local", job.job_id).value.status is JobStatus.DONE
    prefix = f"local/s/{job.job_id}/"
    track = json.loads(storage.blobs.read(RESULTS, f"{prefix}instructor-tracking.json"))
    plates = sorted(blob.name for blob in storage.blobs.listing(WORK, prefix) if "plate-" in blob.name)
    del track["jobId"]
    return track, plates


@pytest.fixture(scope="module")
def clip(make_clip: Any) -> bytes:
    data: bytes = make_clip(
        "mp4",
        video="libx264",
        size=SIZE,
        fps=CLIP_FPS,
        seconds=60 * MINUTES,
        paint=lambda t: paint(float(t)),
        video_options={"g": "10", "preset": "veryfast"},
    )
    return data


def test_each_quarter_of_an_hour_has_its_plate_and_cutting_changes_nothing(clip: bytes) -> None:
    whole, plates = tracked(clip, part_sec=3600)
    assert [name.rpartition("/")[2][:9] for name in plates] == ["plate-000", "plate-001", "plate-002"]
    cut, _ = tracked(clip, part_sec=250)
    assert cut == whole
    there = [instructor_at(frame["t"]) for frame in whole["frameDetections"]]
    points = {point["t"]: point["x"] for point in whole["trackPoints"]}
    found = [points.get(frame["t"]) for frame in whole["frameDetections"]]
    assert sum(a is not None and b is not None for a, b in zip(there, found, strict=True)) >= 0.98 * (
        len(there) - there.count(None)
    )
    away = [abs(a - b) for a, b in zip(there, found, strict=True) if a is not None and b is not None]
    assert float(np.median(away)) <= 0.015
    gone_before = [
        b for a, b, f in zip(there, found, whole["frameDetections"], strict=True) if a is None and f["t"] < 600
    ]
    assert sum(b is not None for b in gone_before) <= 0.05 * len(gone_before)
