"""The overlay and the follow-cam of small clips with a made-up track, rendered in one piece and in parts."""

import io
import json
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import count
from typing import Any, Literal

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from shared.domain.job import Job
from shared.domain.message import QUEUES, StageMessage, StepKind
from shared.domain.options import JobOptions
from shared.domain.stage import Stage, StageState
from shared.job_status import JobStatus
from shared.pipeline.context import Services, StepContext, StepWork
from shared.pipeline.execution.cancel import cancel_job
from shared.pipeline.execution.run_step import Delivery, run_step
from shared.pipeline.jobs.submit import JobRequest, source_blob_name, submit_stored
from shared.pipeline.updates import change_session
from shared.settings import Settings
from shared.storage.memory import MemoryStorage
from shared.storage.ports import RESULTS, SOURCES
from shared.tracking.payload import (
    DerivedMetrics,
    InstructorTracking,
    TrackingDetector,
    TrackingSource,
    TrackPointPayload,
)
from shared.wiring import STEP_WORK, build_services

SECONDS, FPS = 24.0, 10
SIZE = (320, 180)
BODY = (0.08, 0.3)
BOTH = {"overlay": True, "followCam": {"aspect": "9:16"}}


def place(t: float) -> float:
    """Return the instructor's x: at rest on the left, then moving, then at rest on the right."""
    return float(np.interp(t, [0, 8, 14, 24], [0.2, 0.2, 0.8, 0.8]))


def paint(t: float) -> NDArray[np.uint8]:
    """A dark room with stripes, and a white instructor."""
    room = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    room[:, :, :] = 40 + 20 * (np.arange(SIZE[0]) // 20 % 2)[None, :, None]
    left, width = round((place(t) - BODY[0] / 2) * SIZE[0]), round(BODY[0] * SIZE[0])
    room[round(0.4 * SIZE[1]) : round(0.7 * SIZE[1]), left : left + width] = 235
    return room


def made_up_track(context: StepContext) -> None:
    """In place of the tracking's merge."""
    points = tuple(
        TrackPointPayload(
            t=k / 2,
            x=place(k / 2),
            y=0.55,
            box=(place(k / 2) - BODY[0] / 2, 0.4, *BODY),
            confidence=0.9,
            state="observed",
        )
        for k in range(round(SECONDS * 2))
    )
    track = InstructorTracking(
        session_id="s",
        job_id="j",
        source=TrackingSource(width=SIZE[0], height=SIZE[1], fps=FPS, duration_sec=SECONDS, sample_fps=2.0),
        detector=TrackingDetector(name="made up", version="1"),
        frame_detections=(),
        track_points=points,
        presence=((0.0, SECONDS),),
        gaps=(),
        derived_metrics=DerivedMetrics(
            coverage_percent=100, gaps_count=0, longest_gap_sec=0, total_distance=0.6, jitter=0
        ),
        warnings=(),
    )
    data = track.model_dump_json(by_alias=True).encode()
    context.services.storage.blobs.write(RESULTS, context.work_blob("instructor-tracking.json"), data, "text/json")
    job = context.job
    change_session(
        context.services, job.org_id, job.session_id, lambda session: session.evolve(tracking_job_id=job.job_id)
    )


def nothing(context: StepContext) -> None:
    """In place of what the test does not look at."""


@dataclass
class Made:
    """What a job left."""

    files: dict[str, bytes]
    stages: Any

    @property
    def renditions(self) -> dict[str, Any]:
        listed = json.loads(self.files["sidecar.json"])["renditions"]
        return {each["name"]: each for each in listed}


def with_made_up_track(
    storage: MemoryStorage,
    part_sec: float,
    instead: dict[tuple[Stage, StepKind], StepWork],
    codec: Literal["h264", "vp9", "av1"] = "h264",
) -> Services:
    """Return services with a transcription that does nothing and a made-up track."""
    services = build_services(Settings(rendition_part_sec=part_sec, rendition_codec=codec), storage)
    idle: dict[tuple[Stage, StepKind], StepWork] = dict.fromkeys(
        (key for key in STEP_WORK if key[0] in (Stage.TRANSCRIPTION, Stage.TRACKING)), nothing
    )
    work = {**STEP_WORK, **idle, (Stage.TRACKING, StepKind.MERGE): made_up_track, **instead}
    return replace(services, work=work, results={})


def submitted(services: Services, storage: MemoryStorage, clip: bytes, options: dict[str, Any]) -> Job:
    storage.blobs.write(SOURCES, source_blob_name("local", "s", "clip.mp4"), clip, "video/mp4")
    return submit_stored(services, JobRequest(org_id="local", options=JobOptions.from_json(options)), "s", "clip.mp4")


def deliver_all(services: Services, storage: MemoryStorage) -> None:
    for number in count():
        message = storage.queues.pop(*QUEUES.values())
        if message is None:
            return
        assert isinstance(message, StageMessage)
        run_step(services, message, Delivery(f"m{number}", 1))


def rendered(
    clip: bytes,
    options: dict[str, Any],
    part_sec: float = 240,
    codec: Literal["h264", "vp9", "av1"] = "h264",
) -> Made:
    """Runs a job to its end."""
    storage = MemoryStorage()
    services = with_made_up_track(storage, part_sec, {}, codec)
    job = submitted(services, storage, clip, options)
    deliver_all(services, storage)
    ended = storage.jobs.get("local", job.job_id).value
    assert ended.status is JobStatus.DONE, ended.error
    prefix = f"local/s/{job.job_id}/"
    found = storage.blobs.listing(RESULTS, prefix)
    return Made(
        {each.name.removeprefix(prefix): storage.blobs.read(RESULTS, each.name) for each in found}, ended.stages
    )


def opened(video: bytes) -> Any:
    return av.open(io.BytesIO(video))


def pictures(video: bytes) -> list[tuple[Fraction, bool, NDArray[np.uint8]]]:
    """(time, whether coded on its own, brightness) of every picture."""
    with opened(video) as container:
        return [
            (frame.pts * frame.time_base, bool(frame.key_frame), frame.to_ndarray(format="gray"))
            for frame in container.decode(video=0)
        ]


def sound_packets(video: bytes) -> list[tuple[Fraction, bytes]]:
    with opened(video) as container:
        packets = [packet for packet in container.demux(audio=0) if packet.size]
        return [(packet.pts * packet.time_base, bytes(packet)) for packet in packets]


@pytest.fixture(scope="module")
def clip(make_clip: Any) -> bytes:
    data: bytes = make_clip("mp4", video="libx264", size=SIZE, fps=FPS, seconds=SECONDS, paint=paint, audio="aac")
    return data


@pytest.fixture(scope="module")
def whole(clip: bytes) -> Made:
    return rendered(clip, BOTH)


@pytest.fixture(scope="module")
def split(clip: bytes) -> Made:
    return rendered(clip, BOTH, part_sec=10)


def test_what_was_asked_for_is_there_and_the_sidecar_lists_it(whole: Made) -> None:
    assert whole.stages[Stage.RENDITION].state is StageState.DONE
    assert whole.renditions == {
        name: {
            "name": name,
            "contentType": "video/mp4",
            "width": width,
            "height": height,
            "codec": "h264",
            "durationSec": SECONDS,
        }
        for name, width, height in (("track-overlay.mp4", 320, 180), ("follow.mp4", 102, 180))
    }
    listed = {each["name"]: each for each in json.loads(whole.files["sidecar.json"])["artefacts"]}
    assert {"track-overlay.mp4", "follow.mp4"} < set(listed)
    assert all(len(each["sha256"]) == 64 for each in listed.values())


@pytest.mark.parametrize("name", ["track-overlay.mp4", "follow.mp4"])
def test_every_picture_of_the_recording_is_there_at_its_time(whole: Made, split: Made, name: str) -> None:
    times = [Fraction(k, FPS) for k in range(round(SECONDS * FPS))]
    for made in (whole, split):
        assert [time for time, _, _ in pictures(made.files[name])] == times


@pytest.mark.parametrize("name", ["track-overlay.mp4", "follow.mp4"])
def test_what_was_rendered_in_parts_shows_what_was_rendered_in_one_piece(whole: Made, split: Made, name: str) -> None:
    assert split.stages[Stage.RENDITION].parts == 3
    for (_, _, one), (_, _, other) in zip(pictures(whole.files[name]), pictures(split.files[name]), strict=True):
        assert np.abs(one.astype(int) - other).mean() < 3


def test_every_part_begins_with_a_picture_coded_on_its_own(split: Made) -> None:
    alone = {time for time, is_key, _ in pictures(split.files["follow.mp4"]) if is_key}
    assert {0, 8, 16} <= alone


def test_sound_is_copied_as_it_is(clip: bytes, split: Made) -> None:
    assert sound_packets(split.files["follow.mp4"]) == sound_packets(clip)


def test_the_camera_keeps_the_instructor_in_the_frame_and_rests_when_he_does(whole: Made) -> None:
    lefts = []
    for _, _, picture in pictures(whole.files["follow.mp4"]):
        body = np.flatnonzero(picture[100] > 150)
        assert len(body) > 15  # of the 25 or so pixels that he is wide
        lefts.append(body[0])
    assert np.ptp(lefts[:60]) <= 1
    assert np.ptp(lefts[-60:]) <= 1


def test_the_overlay_draws_the_box_where_the_instructor_is(clip: bytes, whole: Made) -> None:
    with opened(whole.files["track-overlay.mp4"]) as container:
        shown = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    for index in (20, 110, 200):
        red, green = shown[index][90, :, 0].astype(int), shown[index][90, :, 1].astype(int)
        coloured = np.flatnonzero(green - red > 40)
        middle = (coloured.min() + coloured.max()) / 2 / SIZE[0]
        assert middle == pytest.approx(place(index / FPS), abs=0.02)


def test_sound_that_does_not_go_into_an_mp4_is_encoded(make_clip: Any, make_beeps: Any) -> None:
    sound = [(0.0, make_beeps(3.0, 16000, at=[2.0]))]
    clip = make_clip("mov", video="libx264", size=SIZE, fps=FPS, seconds=3, paint=paint, audio="pcm_s16le", sound=sound)
    video = rendered(clip, {"followCam": True}).files["follow.mp4"]
    with opened(video) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
        frames = list(container.decode(audio=0))
    samples = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    first_sec = float((frames[0].pts or 0) * (frames[0].time_base or 0))
    assert first_sec + np.flatnonzero(np.abs(samples) > 0.1)[0] / 16000 == pytest.approx(2.0, abs=0.05)


def test_a_recording_that_begins_late_and_was_filmed_sideways(make_clip: Any) -> None:
    times = [1.0 + k / FPS for k in range(20)]
    clip = make_clip(
        "mp4", video="libx264", size=SIZE, frame_times=times, paint=paint, rotation=90, audio="aac", seconds=3
    )
    made = rendered(clip, {"followCam": {"height": 200}})
    video = made.renditions["follow.mp4"]
    assert (video["width"] < video["height"], video["durationSec"]) == (True, 3.0)
    assert [time for time, _, _ in pictures(made.files["follow.mp4"])] == [Fraction(k, FPS) for k in range(30)]


def test_nothing_is_rendered_unless_it_is_asked_for(clip: bytes) -> None:
    made = rendered(clip, {"rendition": "never"})
    assert made.stages[Stage.RENDITION].state is StageState.SKIPPED
    assert not [name for name in made.files if name.endswith(".mp4")]
    assert made.renditions == {}


@pytest.mark.parametrize("at", [0.1, 0.6, 0.9], ids=["first video", "second video", "its hash"])
def test_a_job_canceled_in_the_middle_of_the_join_leaves_no_video(clip: bytes, at: float) -> None:
    storage = MemoryStorage()
    reached: list[float] = []

    def join_until_canceled(context: StepContext) -> None:
        def report(fraction: float) -> None:
            if fraction >= at and not reached:
                reached.append(fraction)
                cancel_job(services, "local", context.job.job_id)
                context.confirm()  # as the next heartbeat would, a second later
            context.report(fraction)

        STEP_WORK[Stage.RENDITION, StepKind.MERGE](replace(context, report=report))

    services = with_made_up_track(storage, 10, {(Stage.RENDITION, StepKind.MERGE): join_until_canceled})
    job = submitted(services, storage, clip, BOTH)
    deliver_all(services, storage)
    assert reached
    ended = storage.jobs.get("local", job.job_id).value
    assert ended.status is JobStatus.CANCELED
    left = [blob.name for blob in storage.blobs.listing(RESULTS, f"local/s/{job.job_id}/")]
    assert [name for name in left if name.endswith(".mp4") or "sidecar" in name] == []
