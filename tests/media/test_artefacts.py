"""A job with everything: what it writes is what the list of artefacts says, no more and no less."""

from pathlib import Path
from typing import Any

from shared.domain.options import JobOptions
from shared.job_status import JobStatus
from shared.pipeline.artefacts import (
    ARTEFACTS,
    BOARD_PICTURE,
    BOARD_STRETCH_PICTURE,
    SLIDE_PICTURE,
    TRANSCRIPT_VERSION,
    find_artefact,
)
from shared.pipeline.jobs.submit import JobRequest, source_blob_name, submit_stored
from shared.settings import Settings
from shared.storage.memory import MemoryStorage
from shared.storage.ports import RESULTS, SOURCES, WORK
from shared.wiring import build_services
from tests.media.test_whole_job import run_to_the_end


def test_a_job_writes_what_the_list_says(tmp_path: Path, make_clip: Any) -> None:
    clip = make_clip("mp4", video="libx264", audio="aac", seconds=12)
    settings = {"engine": "pocketsphinx", "detector": "plate", "rendition_part_sec": 10}
    settings |= {"transcription_part_sec": 10, "transcription_first_part_sec": 5}
    storage = MemoryStorage()
    storage.blobs.write(SOURCES, source_blob_name("local", "s", "clip.mp4"), clip, "video/mp4")
    request = JobRequest(
        org_id="local", job_id="j", options=JobOptions(overlay=True, follow_cam=True, audio_track=1, rendition="always")
    )
    job = submit_stored(build_services(Settings(**settings), storage), request, "s", "clip.mp4")
    ended = run_to_the_end(storage, job, **settings)
    assert ended.status is JobStatus.DONE, ended.error

    written = [
        (find_artefact(container, blob.name.removeprefix("local/s/j/")), blob)
        for container in (WORK, RESULTS)
        for blob in storage.blobs.listing(container, "")
    ]
    assert [blob.name for artefact, blob in written if artefact is None] == []
    assert [blob.name for artefact, blob in written if artefact and artefact.content_type != blob.content_type] == []
    made = {artefact for artefact, _ in written}
    assert [each.template for each in ARTEFACTS if each.required and each not in made] == []
    shown_only = {SLIDE_PICTURE, BOARD_PICTURE, BOARD_STRETCH_PICTURE, TRANSCRIPT_VERSION}  # no slides, board or editor
    assert [each.template for each in ARTEFACTS if each not in made | shown_only] == []  # this job leaves no other out
