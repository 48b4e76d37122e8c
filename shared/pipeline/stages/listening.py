"""Write the sound to listen to (`audio.m4a`) and the peaks of its waveform (`peaks.json`), and add the chapters later.

Apart from the transcription, whose merge calls it, because it needs no words.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import BinaryIO

from shared.domain.job import Job
from shared.media.audio.clock import SAMPLE_RATE
from shared.media.audio.decoder import AudioDecoder, SoundForm, wav_header
from shared.media.audio.listening import (
    Chapter,
    add_chapters,
    encode_listening,
    has_chapters,
    sound_index_bytes,
)
from shared.media.audio.loudness import level_gain_db
from shared.media.audio.peaks import PeakFinder
from shared.media.audio.rates import player_rate_hz
from shared.pipeline import artefacts
from shared.pipeline.context import Services, StepContext, job_blob
from shared.pipeline.stages.block_file import write_in_blocks
from shared.pipeline.stages.job_blobs import open_file, open_recording, open_unchanged, recording_of, write_json
from shared.pipeline.updates import retry_conflicts
from shared.transcription.payload import Chapters

_READ_BYTES = 1024 * 1024
MEASURED = 0.2
"""Progress when the loudness is known and the encoding begins."""


def write_listening(context: StepContext) -> None:
    """Write the peaks, and the sound in one channel at the loudness of podcasts."""
    recording = recording_of(context)
    assert recording.audio is not None  # or there would be no transcription
    finder = PeakFinder()
    gain_db = level_gain_db(_copies(context, finder.hear), SAMPLE_RATE)
    write_json(context.services, context.job, artefacts.PEAKS, finder.found())
    rate_hz = player_rate_hz(recording.audio.sample_rate)

    def encode(target: BinaryIO, report: Callable[[float], None]) -> None:
        with open_recording(context) as source:
            sound = AudioDecoder(source, recording, report, form=SoundForm(rate_hz))
            encode_listening(sound, rate_hz, gain_db, target)

    def report(fraction: float) -> None:
        context.report(MEASURED + (1 - MEASURED) * fraction)

    write_in_blocks(context.services, context.job, artefacts.AUDIO, encode, report)


def write_chapters(services: Services, job: Job, chapters: Chapters, title: str) -> None:
    """Write the sound again with chapters inside, unless it has them.

    Do nothing where there is no sound, as in jobs of earlier releases. Two writers may run side by side: the slower one
    begins again with what the faster one wrote.
    """
    marks = [Chapter(each.start, each.end, each.title) for each in chapters.chapters]
    retry_conflicts(partial(_replace_chapters, services, job, marks, title), services.sleep)


def _replace_chapters(services: Services, job: Job, marks: Sequence[Chapter], title: str) -> None:
    """Write the chapters; raise WriteConflict when another writer has replaced the sound meanwhile."""
    container = artefacts.AUDIO.container
    facts = services.storage.blobs.facts(container, job_blob(job, artefacts.AUDIO.name))
    if facts is None:
        return
    with open_unchanged(services, container, facts) as source:
        if facts.sha256 is not None and has_chapters(source, marks, title):
            return
        room_bytes = sound_index_bytes(source, marks)

        def add(target: BinaryIO, report: Callable[[float], None]) -> None:
            add_chapters(source, target, marks, title, room_bytes, report)

        write_in_blocks(
            services, job, artefacts.AUDIO, add, lambda fraction: None, room_bytes=room_bytes, replaces=facts
        )


def _copies(context: StepContext, hear: Callable[[bytes], None]) -> Iterator[Iterator[bytes]]:
    """Yield the audio copy twice; `hear` hears it once."""
    with open_file(context, artefacts.AUDIO_COPY) as copy:
        yield _read_through(context, copy, hear, 0.0)
        yield _read_through(context, copy, lambda block: None, MEASURED / 2)


def _read_through(context: StepContext, copy: BinaryIO, hear: Callable[[bytes], None], done: float) -> Iterator[bytes]:
    copy.seek(len(wav_header(0)))
    while block := copy.read(_READ_BYTES):
        context.report(done)
        hear(block)
        yield block
