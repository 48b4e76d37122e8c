"""The verdict of whole jobs with the real work of every step: told early, the same with every delivery."""

import json
from itertools import count
from typing import Any

import numpy as np
import pytest

from shared.domain.message import QUEUES
from shared.domain.stage import Stage
from shared.job_status import JobStatus
from shared.media.video.look_meter import LookMeter
from shared.pipeline.execution.run_step import Delivery, run_step
from shared.pipeline.jobs.submit import JobRequest, source_blob_name, submit_stored
from shared.settings import Settings
from shared.storage.memory import MemoryStorage
from shared.storage.ports import RESULTS, SOURCES
from shared.wiring import build_services


def processed(clip: bytes, deliveries: int, **settings: float) -> tuple[dict[str, Any], bytes, list[tuple[str, str]]]:
    """Return the verdict, its bytes, and of each event the type and the status or the warning's code."""
    storage = MemoryStorage()
    services = build_services(Settings(engine="pocketsphinx", detector="plate", **settings), storage)
    storage.blobs.write(SOURCES, source_blob_name("local", "s", "a.mp4"), clip, "video/mp4")
    submit_stored(services, JobRequest(org_id="local", job_id="j"), "s", "a.mp4")
    for number in count():
        message = storage.queues.pop(*QUEUES.values())
        if message is None:
            break
        for delivery in range(1, deliveries + 1):
            run_step(services, message, Delivery(f"m{number}", delivery))
    assert storage.jobs.get("local", "j").value.status is JobStatus.DONE
    data = storage.blobs.read(RESULTS, "local/s/j/quality.json")
    events = storage.jobs.events("local", "j")
    told = [(event.type.value, event.warning.code if event.warning else event.status.value) for event in events]
    return json.loads(data), data, told


@pytest.mark.parametrize(
    ("audio", "text"),
    [
        pytest.param("aac", "The sound is silent from beginning to end.", id="silent"),
        pytest.param(None, "The recording has no sound.", id="no stream"),
    ],
)
def test_a_muted_recording_is_told_before_the_end_and_is_unusable(make_clip: Any, audio: str | None, text: str) -> None:
    silence = [(0.0, np.zeros(4 * 16000, np.float32))]
    clip = make_clip("mp4", video="libx264", audio=audio, seconds=4, sound=silence if audio else None)
    quality, data, told = processed(clip, deliveries=1)
    assert quality["verdict"] == "unusable"
    assert quality["reasons"][0] == {
        "code": "no_sound",
        "start": 0.0,
        "end": 4.0,
        "text": text,
    }
    assert told.index(("warning", "no_sound")) < told.index(("status", "DOWNLOADED"))
    again, twice, told_again = processed(clip, deliveries=2)
    assert (again, twice) == (quality, data)
    assert told_again.count(("warning", "no_sound")) == 1


def test_a_sound_that_begins_in_a_later_one_of_joined_files_is_not_told_as_missing(make_clip: Any) -> None:
    picture = make_clip("mpegts", video="libx264", seconds=2)
    storage = MemoryStorage()
    services = build_services(Settings(), storage)
    joined = picture + make_clip("mpegts", video="libx264", audio="aac", seconds=2)
    for job_id, clip in (("sound", joined), ("none", picture + picture)):
        storage.blobs.write(SOURCES, source_blob_name("local", job_id, "a.ts"), clip, "video/mp2t")
        submit_stored(services, JobRequest(org_id="local", job_id=job_id), job_id, "a.ts")
        message = storage.queues.pop(QUEUES[Stage.DOWNLOAD])
        assert message is not None
        run_step(services, message, Delivery(job_id, 1))
    assert storage.jobs.get("local", "sound").value.status is JobStatus.DOWNLOADED
    assert storage.jobs.get("local", "sound").value.warnings == ()
    (warning,) = storage.jobs.get("local", "none").value.warnings
    assert (warning.code, warning.start, warning.end) == ("no_sound", 0.0, pytest.approx(4.0, abs=0.2))


def test_a_recording_without_a_picture_has_a_verdict(make_clip: Any) -> None:
    quality, _, _ = processed(make_clip("mp4", audio="aac", seconds=3), deliveries=1)
    assert quality["track"] is None
    assert quality["verdict"] == "unusable"
    assert [each["code"] for each in quality["reasons"]] == ["no_speech"]


def test_a_beginning_without_speech_is_told_by_the_part_after_a_short_first_one(make_clip: Any) -> None:
    clip = make_clip("mp4", audio="aac", seconds=12)
    parts = {"transcription_part_sec": 10.0, "transcription_first_part_sec": 5.0}
    _, _, told = processed(clip, deliveries=2, **parts)
    assert told.count(("warning", "no_speech")) == 1
    assert told.index(("warning", "no_speech")) < told.index(("status", "TRANSCRIBED"))


def test_the_looks_of_a_picture() -> None:
    rng = np.random.default_rng(1)
    board = (rng.integers(0, 2, (18, 32)).repeat(10, 0).repeat(10, 1) * 200).astype(np.uint8)
    sharp, black = np.dstack([board] * 3), np.zeros((180, 320, 3), np.uint8)
    meter = LookMeter()
    first, same, moved = meter.look(0.0, sharp), meter.look(0.5, sharp), meter.look(1.0, np.roll(sharp, 60, axis=1))
    assert (first.change, first.rest, same.change, same.rest) == (None, None, 0, 0)
    assert (moved.change or 0) > 1000
    assert first.spread > 150
    assert first.edges > 100
    dark = LookMeter().look(0.0, black)
    assert (dark.brightness, dark.spread, dark.edges) == (0, 0, 0)
