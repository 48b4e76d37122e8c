"""Chapters in the stored sound: written once, and whole although two writers add them side by side."""

import hashlib
import io
from dataclasses import replace
from typing import Any, cast

import av
import numpy as np
import pytest

from shared.domain.errors import WriteConflict
from shared.domain.job import Job
from shared.media.audio.listening import encode_listening
from shared.pipeline.artefacts import AUDIO
from shared.pipeline.context import Services, job_blob
from shared.pipeline.jobs.submit import JobRequest, source_blob_name, submit_stored
from shared.pipeline.stages.job_blobs import open_unchanged
from shared.pipeline.stages.listening import write_chapters
from shared.settings import Settings
from shared.storage.memory import MemoryStorage
from shared.storage.ports import RESULTS, SOURCES, BlobFacts
from shared.transcription.payload import ChapterPayload, Chapters
from shared.wiring import build_services
from tests.support.scripted_store import ScriptedStore, scripted

RATE_HZ = 16_000


def chapters(*titles: str) -> Chapters:
    marks = tuple(
        ChapterPayload(start=at / 2, end=(at + 1) / 2, title=title, reasons=()) for at, title in enumerate(titles)
    )
    return Chapters(session_id="s", job_id="j", duration_sec=2.0, chapters=marks)


class StoredSound:
    """A job with two seconds of sound to listen to, without chapters."""

    def __init__(self) -> None:
        storage = MemoryStorage()
        self.services = replace(build_services(Settings(), storage), sleep=lambda seconds: None)
        storage.blobs.write(SOURCES, source_blob_name("local", "s", "a.mp4"), b"a recording", "video/mp4")
        submit_stored(self.services, JobRequest(org_id="local", job_id="j"), "s", "a.mp4")
        self.job: Job = storage.jobs.get("local", "j").value
        self.name = job_blob(self.job, AUDIO.name)
        target = io.BytesIO()
        noise = np.random.default_rng(1).normal(0, 2000, 2 * RATE_HZ).astype("<i2")
        encode_listening([noise.tobytes()], RATE_HZ, 0.0, target)
        storage.blobs.write(RESULTS, self.name, target.getvalue(), AUDIO.content_type)
        self.packets = self.found()[1]

    def write(self, *titles: str, services: Services | None = None) -> None:
        write_chapters(services or self.services, self.job, chapters(*titles), "A talk")

    def facts(self) -> BlobFacts:
        facts = self.services.storage.blobs.facts(RESULTS, self.name)
        assert facts is not None
        return facts

    def found(self) -> tuple[list[str], list[bytes]]:
        """Return the titles of the chapters and the packets of the sound."""
        data = self.services.storage.blobs.read(RESULTS, self.name)
        assert hashlib.sha256(data).hexdigest() == self.facts().sha256
        with av.open(io.BytesIO(data)) as container:
            titles = [str(each["metadata"]["title"]) for each in container.chapters()]
            return titles, [bytes(packet) for packet in container.demux(audio=0)]


@pytest.fixture
def sound() -> StoredSound:
    return StoredSound()


def test_chapters_that_are_there_are_not_written_again(sound: StoredSound) -> None:
    sound.write("Rivers", "Größe")
    once = sound.facts()
    assert sound.found() == (["Rivers", "Größe"], sound.packets)
    sound.write("Rivers", "Größe")
    assert sound.facts() == once
    sound.write("Rivers")
    assert sound.found() == (["Rivers"], sound.packets)


@pytest.mark.parametrize("moment", ["commit_blocks", "chunks", "note_sha256"])
def test_a_writer_that_is_overtaken_writes_its_own_file_whole(sound: StoredSound, moment: str) -> None:
    storage = scripted(sound.services.storage, "blobs")
    rivals = iter([lambda: sound.write("Seas", "Lakes", "Springs")])

    def overtaken(*arguments: Any, **options: Any) -> Any:
        for rival in rivals:
            rival()
        return getattr(sound.services.storage.blobs, moment)(*arguments, **options)

    cast(ScriptedStore, storage.blobs).script(**{moment: overtaken})
    sound.write("Rivers", services=replace(sound.services, storage=storage))
    assert sound.found() == (["Rivers"], sound.packets)


def test_a_file_that_is_replaced_while_it_is_read_is_told(sound: StoredSound) -> None:
    with open_unchanged(sound.services, RESULTS, sound.facts()) as source:
        sound.write("Rivers")
        with pytest.raises(WriteConflict):
            source.read()
