"""Measure what the slides of an hour cost beside the tracking: CPU seconds of a screencast and of a room.

    python -m benchmarks.slide_cost [--slides N]

The stage's own watch sees 1080p samples that are drawn and not decoded, part after part, and its merge joins and reads
what the parts left in a storage in memory. Nothing else is in the figures: a sample's picture of 640 pixels belongs to
the tracking. The lecturer's boxes are true. Exit status 1 if an hour costs more than its bar.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks._slide_lectures import SAMPLE_FPS, Lecture
from devhost.bench_table import Figure, report
from shared.domain.job import plan_stages
from shared.domain.message import StageMessage, StepKind
from shared.domain.recording import Recording, VideoStream
from shared.domain.stage import Stage
from shared.media.video.frames import DEFAULT_WIDTH_PX, SampledFrame
from shared.media.video.picture import UprightConverter, video_of
from shared.pipeline.artefacts import SLIDES_AS_READ
from shared.pipeline.context import StepContext
from shared.pipeline.jobs.submit import JobRequest, submit_url
from shared.pipeline.stages.job_blobs import read_json, recording_of
from shared.pipeline.stages.slides import SlideWatch, read_slides
from shared.settings import Settings
from shared.slides.payload import Slides
from shared.slides.text import load_reader
from shared.storage.memory import MemoryStorage
from shared.tracking.detection import Detection, FrameDetections
from shared.tracking.payload import TrackingDetector
from shared.tracking.plan import TrackingPlan
from shared.wiring import build_services

MAX_CPU_SEC_AN_HOUR = 60.0
SLIDES_AN_HOUR = 40
SAMPLES_AN_HOUR = round(3600 * SAMPLE_FPS)
STATE_SAMPLES = (38, 108)
"""A deck of 40 slides has about a hundred states: so long, they fill an hour."""
PART_SAMPLES = round(300 * SAMPLE_FPS)
"""Samples of one part of the tracking."""
NOISES = 16
"""Pictures of a camera's noise, which are taken in turn."""
GRAIN = 2.0
"""Standard deviation of the noise, in steps of 0 to 255."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Report what an hour of each kind costs, and return 1 if the bar is missed."""
    parser = argparse.ArgumentParser(description="What the slides of an hour cost beside the tracking")
    parser.add_argument("--slides", type=int, default=SLIDES_AN_HOUR, help="slides of each lecture; fewer are scaled")
    slides = parser.parse_args(arguments).slides
    began = time.process_time()
    load_reader(Settings().slide_text_model)
    loading = time.process_time() - began
    report(Figure("loading the models that read slides, once a worker", loading, unit="CPU s"))
    hours = {
        "screencast": measure("screencast", in_room=False, slides=slides),
        "room": measure("room", in_room=True, slides=slides),
    }
    figures = [
        Figure(f"{name}, slides of an hour", loading + hour, MAX_CPU_SEC_AN_HOUR, "CPU s", is_limit=True)
        for name, hour in hours.items()
    ]
    reported = [report(figure) for figure in figures]  # all of them, also after one that is not met
    return 0 if all(figure.is_met for figure in reported) else 1


def measure(name: str, *, in_room: bool, slides: int) -> float:
    """Report what watching and reading such a lecture cost, and return both for an hour, in CPU seconds."""
    lecture = Lecture(in_room, seed=2, slides=slides, width=1920, height=1080, grain=0.0, state_samples=STATE_SAMPLES)
    corners = lecture.corners
    plan = TrackingPlan(
        kind="plate",
        detector=TrackingDetector(name="plate", version="0"),
        screen=(corners[0], corners[1], corners[2], corners[3]),
        screen_is_whole_picture=not in_room,
    )
    video = VideoStream(0, "h264", lecture.width, lecture.height, 0, SAMPLE_FPS, 0.0, 3600.0)
    context = _context(Recording("mp4", 1, 0.0, 3600.0, video, None))
    watching, samples = _watch(context, plan, lecture)
    began = time.process_time()
    read_slides(_planned(context, -(-samples // PART_SAMPLES)), plan, is_room=in_room)
    reading = time.process_time() - began
    found = len(read_json(context.services, context.job, SLIDES_AS_READ, Slides).slides)
    watching *= SAMPLES_AN_HOUR / samples
    reading *= SLIDES_AN_HOUR / slides
    minutes = samples / SAMPLE_FPS / 60
    report(Figure(f"{name}, watching an hour", watching, unit="CPU s", note=f"{minutes:.0f} min seen"))
    report(Figure(f"{name}, reading {SLIDES_AN_HOUR} slides", reading, unit="CPU s", note=f"{found} of {slides} found"))
    return watching + reading


def _watch(context: StepContext, plan: TrackingPlan, lecture: Lecture) -> tuple[float, int]:
    """Watch the lecture part after part; return the CPU seconds of it and the number of samples."""
    small = UprightConverter(video_of(recording_of(context)), DEFAULT_WIDTH_PX)
    noises = _noises(lecture)
    cpu_sec, count = 0.0, 0
    watch = SlideWatch(context, plan)
    for index, sample in enumerate(lecture.samples()):
        if index and index % PART_SAMPLES == 0:
            cpu_sec += _finish(watch, sample.time_sec)
            part = context.message.model_copy(update={"part": index // PART_SAMPLES})
            watch = SlideWatch(replace(context, message=part), plan)
        if noises:
            cv2.add(sample.frame, noises[index % NOISES], sample.frame, dtype=cv2.CV_8U)
        coded = av.VideoFrame.from_ndarray(sample.frame, "bgr24").reformat(format="yuv420p")
        frame = SampledFrame(index, sample.time_sec, small(coded), coded)
        people = tuple(Detection((box.x, box.y, box.width, box.height), 1.0, "true") for box in sample.people)
        began = time.process_time()
        watch.see(frame, FrameDetections(index, sample.time_sec, people))
        cpu_sec += time.process_time() - began
        count += 1
    return cpu_sec + _finish(watch, count / SAMPLE_FPS), count


def _finish(watch: SlideWatch, end_sec: float) -> float:
    """Let the watch write its last stretch, and return the CPU seconds of it."""
    began = time.process_time()
    watch.finish(end_sec)
    return time.process_time() - began


def _noises(lecture: Lecture) -> list[NDArray[np.int16]]:
    """Return pictures of a camera's noise for a lecture in a room; a recorded screen has none."""
    if not lecture.in_room:
        return []
    rng = np.random.default_rng(lecture.seed)
    grains = (rng.normal(0, GRAIN, (lecture.height, lecture.width, 1)) for _ in range(NOISES))
    return [np.repeat(np.round(grain), 3, axis=2).astype(np.int16) for grain in grains]


def _context(recording: Recording) -> StepContext:
    """Return the context of the first part of the tracking of this recording."""
    services = build_services(Settings(), MemoryStorage())
    job = submit_url(services, JobRequest(org_id="local"), "https://example.com/talk.mp4")
    session = services.storage.sessions.get(job.org_id, job.session_id).value
    return StepContext(
        services=services,
        message=StageMessage(
            job_id=job.job_id,
            org_id=job.org_id,
            session_id=job.session_id,
            stage=Stage.TRACKING,
            step=StepKind.PART,
            part=0,
        ),
        job=job,
        session=session.evolve(recording=recording, sha256="00"),
        began_at=job.created_at,
        report=lambda done: None,
        confirm=lambda: None,
        elapsed_sec=lambda: 0.0,
        send_next=lambda job: None,
        warn=lambda reasons: None,
    )


def _planned(context: StepContext, parts: int) -> StepContext:
    """Return the context with the job as it is when its tracking has so many parts."""
    return replace(context, job=plan_stages(context.job, {Stage.TRACKING: parts}, {}, context.job.created_at))


if __name__ == "__main__":
    sys.exit(main())
