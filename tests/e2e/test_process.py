"""The main job as a user runs it: a recording in, every artefact out."""

import hashlib
import json
from pathlib import Path

import jiwer
import pytest
import webvtt

from tests.e2e.conftest import REPO, SHARED_DATA, RunningStack

pytestmark = pytest.mark.e2e

EXAMPLE = REPO / "examples" / "lecture.mp4"


def test_the_example_lecture_becomes_transcript_track_and_scenes(stack: RunningStack, tmp_path: Path) -> None:
    ran = stack.process(EXAMPLE, tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr

    sidecar = json.loads((tmp_path / "sidecar.json").read_text())
    for artefact in sidecar["artefacts"]:
        data = (tmp_path / artefact["name"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == artefact["sha256"], artefact["name"]
    assert sidecar["media"]["sha256"] == hashlib.sha256(EXAMPLE.read_bytes()).hexdigest()
    assert (tmp_path / "overview.png").read_bytes().startswith(b"\x89PNG")
    assert len(sidecar["scenes"]) >= 3
    assert all((tmp_path / "thumbnails" / scene["thumbnail"]).is_file() for scene in sidecar["scenes"])

    normalise = jiwer.Compose([jiwer.ToLowerCase(), jiwer.RemovePunctuation(), jiwer.ReduceToListOfListOfWords()])
    spoken = (REPO / "examples" / "lecture.txt").read_text().replace("\n", " ")
    heard = (tmp_path / "transcript.txt").read_text().replace("\n", " ")
    errors = jiwer.wer(spoken, heard, reference_transform=normalise, hypothesis_transform=normalise)
    assert errors < 0.25
    assert len(webvtt.read(str(tmp_path / "transcript.vtt"))) > 5

    track = json.loads((tmp_path / "instructor-tracking.json").read_text())
    assert track["derivedMetrics"]["coveragePercent"] > 70
    assert track["presence"]


def test_a_recording_without_sound_is_tracked(stack: RunningStack, tmp_path: Path) -> None:
    clip = SHARED_DATA / "tracking" / "one-by-one-person-detection.mp4"
    if not clip.exists():
        pytest.skip("the shared clip is not here")
    ran = stack.process(clip, tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "no sound" in ran.stdout
    assert not (tmp_path / "transcript.json").exists()
    assert json.loads((tmp_path / "instructor-tracking.json").read_text())["trackPoints"]


def test_a_recording_without_picture_is_transcribed(stack: RunningStack, tmp_path: Path) -> None:
    speech = SHARED_DATA / "speech" / "jfk.flac"
    if not speech.exists():
        pytest.skip("the shared speech is not here")
    ran = stack.process(speech, tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "no picture" in ran.stdout
    assert "country" in (tmp_path / "transcript.txt").read_text().lower()
    assert not (tmp_path / "instructor-tracking.json").exists()


def test_a_text_file_named_mp4_ends_with_a_clear_sentence(stack: RunningStack, tmp_path: Path) -> None:
    fake = tmp_path / "talk.mp4"
    fake.write_text("Dear students, the lecture is cancelled today.\n" * 20)
    ran = stack.process(fake, tmp_path / "out")
    assert ran.returncode == 1
    assert "not a recording" in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr
