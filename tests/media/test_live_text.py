"""A job whose text is read while it runs, with the real work of every step: events and partial transcript agree."""

import json
from dataclasses import replace
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest

from shared.domain.event import NewText
from shared.domain.job import Job
from shared.domain.message import QUEUES, StepKind
from shared.domain.stage import Stage
from shared.job_status import JobStatus
from shared.pipeline.artefacts import AUDIO_COPY, FIRST_SOUND
from shared.pipeline.context import Services, StepContext
from shared.pipeline.execution.run_step import Delivery, run_step
from shared.pipeline.jobs.partial_transcript import find_text, read_text
from shared.pipeline.jobs.submit import JobRequest, source_blob_name, submit_stored
from shared.settings import Settings
from shared.storage.memory import MemoryStorage
from shared.storage.ports import SOURCES, WORK
from shared.wiring import build_services


def test_what_was_announced_can_be_read_at_once(tmp_path: Path, make_clip: Any) -> None:
    storage = MemoryStorage()
    settings = Settings.model_validate({"engine": "pocketsphinx", "transcription_part_sec": 10})
    services = build_services(settings, storage)
    storage.blobs.write(SOURCES, source_blob_name("local", "s", "a.mp4"), make_clip(audio="aac", seconds=25), "a/b")
    job = submit_stored(services, JobRequest(org_id="local", job_id="j"), "s", "a.mp4")

    seen: list[tuple[int, list[list[float]]]] = []
    for number in count():
        message = storage.queues.pop(*QUEUES.values())
        if message is None:
            break
        for delivery in (1, 2):  # each message comes twice
            run_step(services, message, Delivery(f"m{number}", delivery))
        now = json.loads(read_text(services, find_text(services, "local", "s", None)))
        texts = announced(storage)
        assert now["complete"] is (storage.jobs.get("local", "j").value.status is not JobStatus.DOWNLOADED)
        seen.append((len(texts), now["missing"]))

    assert storage.jobs.get("local", job.job_id).value.status is JobStatus.DONE
    spans = sorted((text.start_sec, text.end_sec) for text in announced(storage))
    assert len(spans) == 3
    assert spans[0][0] == 0.0
    assert all(before[1] == after[0] for before, after in pairwise(spans))
    assert [how_many for how_many, _ in seen][:4] == [0, 1, 2, 3]  # the download, and each part
    assert {how_many for how_many, _ in seen[4:]} == {3}  # the merge
    assert all(missing == [] for _, missing in seen[3:])
    assert seen[0][1] == [[0.0, seen[0][1][0][1]]]


@pytest.mark.parametrize("is_lost", [False, True], ids=["there", "lost"])
def test_the_first_part_is_read_while_the_sound_is_still_copied(make_clip: Any, is_lost: bool) -> None:
    storage = MemoryStorage()
    settings = {"engine": "pocketsphinx", "transcription_part_sec": 10, "transcription_first_part_sec": 5}
    services = build_services(Settings.model_validate(settings), storage)
    storage.blobs.write(SOURCES, source_blob_name("local", "s", "a.m4a"), make_clip(audio="aac", seconds=25), "a/b")
    submit_stored(services, JobRequest(org_id="local", job_id="j"), "s", "a.m4a")
    download = services.work[Stage.DOWNLOAD, StepKind.PART]
    while_copied: list[Any] = []

    def run_waiting(services: Services) -> None:
        for number in count():
            if (message := storage.queues.pop(*QUEUES.values())) is None:
                break
            run_step(services, message, Delivery(f"{message.stage}-{message.part}-{number}", 1))

    def download_beside_another_worker(context: StepContext, /) -> None:
        def send_next(job: Job) -> None:
            context.send_next(job)
            if while_copied:  # the download runs again for the lost sound
                return
            if is_lost:
                storage.blobs.delete(WORK, f"local/s/j/{FIRST_SOUND.name}")
            run_waiting(services)
            assert storage.blobs.facts(WORK, f"local/s/j/{AUDIO_COPY.name}") is None
            while_copied.append(json.loads(read_text(services, find_text(services, "local", "s", None))))

        download(replace(context, send_next=send_next))

    run_waiting(
        replace(services, work={**services.work, (Stage.DOWNLOAD, StepKind.PART): download_beside_another_worker})
    )

    job = storage.jobs.get("local", "j").value
    assert job.status is JobStatus.DONE, job.error
    assert job.stages[Stage.TRANSCRIPTION].parts == 3
    spans = sorted((text.start_sec, text.end_sec) for text in announced(storage))
    assert spans[0] == (0.0, pytest.approx(5.0, abs=2.0))
    assert all(before[1] == after[0] for before, after in pairwise(spans))
    known = while_copied[0]
    assert (known["durationSec"], known["missing"], known["complete"]) == (None, [], False)
    assert (known["engine"] is None) is is_lost


def announced(storage: MemoryStorage) -> list[NewText]:
    return [event.text for event in storage.jobs.events("local", "j") if event.text is not None]
