"""A whole job over a recording of slides: their times, titles and pictures, chapters, and terms that were not said."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from shared.domain.options import JobOptions
from shared.job_status import JobStatus
from shared.storage.memory import MemoryStorage
from shared.storage.ports import RESULTS
from tests.media.test_tracks import RATE, SECONDS, camera, recording_of
from tests.media.test_whole_job import NO_OPTIONS, run_to_the_end, submitted

pytest.importorskip("rapidocr", reason="the text of slides needs the package rapidocr")

DECK = (
    ("Gradient descent", "takes small steps"),
    ("Momentum", "keeps the direction"),
    ("Entropy", "measures surprise"),
)
SECONDS_EACH = 4


def paint(t: float) -> np.ndarray:
    """Return the slide at `t`, RGB."""
    title, body = DECK[min(len(DECK) - 1, int(t // SECONDS_EACH))]
    picture = np.full((360, 640, 3), 248, np.uint8)
    cv2.putText(picture, title, (40, 80), cv2.FONT_HERSHEY_SIMPLEX, 1.6, (20, 20, 20), 3, cv2.LINE_AA)
    cv2.putText(picture, body, (50, 190), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (40, 40, 40), 2, cv2.LINE_AA)
    return picture


def results(clip: bytes, tmp_path: Path, options: JobOptions = NO_OPTIONS) -> dict[str, bytes]:
    recording = tmp_path / "talk.mp4"
    recording.write_bytes(clip)
    storage, settings = MemoryStorage(), {"engine": "pocketsphinx", "detector": "plate"}
    job = submitted(storage, recording, options, **settings)
    ended = run_to_the_end(storage, job, **settings)
    assert ended.status is JobStatus.DONE, ended.error
    folder = f"{job.org_id}/{job.session_id}/{job.job_id}/"
    return {
        blob.name.removeprefix(folder): storage.blobs.read(RESULTS, blob.name)
        for blob in storage.blobs.listing(RESULTS, folder)
    }


def test_a_screencast_of_slides(tmp_path: Path, make_clip: Any) -> None:
    made = results(
        make_clip("mp4", video="libx264", size=(640, 360), fps=10, seconds=SECONDS_EACH * len(DECK) - 0.3, paint=paint),
        tmp_path,
    )
    slides = json.loads(made["slides.json"])
    assert [slide["title"] for slide in slides["slides"]] == [title for title, _ in DECK]
    assert [slide["visits"] for slide in slides["slides"]] == [[[0.0, 4.0]], [[4.0, 8.0]], [[8.0, 11.7]]]
    assert [slide["lines"][1]["text"] for slide in slides["slides"]] == [body for _, body in DECK]
    assert slides["warnings"] == []
    picture = cv2.imdecode(np.frombuffer(made["slides/slide-0002.jpg"], np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(picture.astype(int) - paint(5)[..., ::-1]).mean() < 4
    assert json.loads(made["instructor-tracking.json"])["presence"] == []
    listed = {artefact["name"] for artefact in json.loads(made["sidecar.json"])["artefacts"]}
    assert {"slides.json", "slides/slide-0003.jpg"} <= listed


def test_the_slides_are_those_of_the_picture_that_videotrack_does_not_name(tmp_path: Path) -> None:
    clip = recording_of([np.zeros(SECONDS * RATE, np.int16)], [camera, paint])
    made = results(clip, tmp_path, JobOptions(video_track=0))
    slides = json.loads(made["slides.json"])
    assert (slides["track"], slides["region"]) == (1, [0.0, 0.0, 1.0, 1.0])
    assert [slide["title"] for slide in slides["slides"]] == [title for title, _ in DECK]
    assert [slide["visits"][0][0] for slide in slides["slides"]] == [0.0, 4.0, 8.0]
    assert json.loads(made["instructor-tracking.json"])["source"]["width"] == camera(0.0).shape[1]


def test_a_picture_that_never_rests_has_no_slides(tmp_path: Path, make_clip: Any) -> None:
    random = np.random.default_rng(1)
    made = results(
        make_clip(
            "mp4",
            video="libx264",
            size=(96, 72),
            fps=4,
            seconds=3,
            paint=lambda t: random.integers(0, 255, (72, 96, 3), np.uint8),
        ),
        tmp_path,
    )
    slides = json.loads(made["slides.json"])
    assert slides["slides"] == []
    assert slides["warnings"] == ["No slides were found in the picture."]
