"""Copy a recording's sound to a WAV blob, and let the first part of the transcription begin before the copy is whole.

Apart from the rest of the download stage, which fetches and plans. Why only the first part begins early:
docs/decisions/0020-first-text.md.
"""

from collections.abc import Callable, Iterator
from typing import BinaryIO

from shared.domain import job as jobs
from shared.domain.job import Job
from shared.domain.quality.sound import early_reasons
from shared.domain.recording import Recording
from shared.domain.stage import Stage
from shared.media.audio.clock import SAMPLE_RATE
from shared.media.audio.decoder import BYTES_PER_SAMPLE, AudioDecoder, wav_header
from shared.media.audio.level_meter import LevelMeter
from shared.pipeline.artefacts import AUDIO_COPY, FIRST_SOUND, SOUND_LEVELS
from shared.pipeline.context import StepContext
from shared.pipeline.stages.job_blobs import in_blocks, write_file, write_json
from shared.pipeline.stages.plan import early_part_sec
from shared.pipeline.updates import change_job
from shared.storage.ports import WORK
from shared.transcription.part_spans import first_sound_sec

BLOCK_BYTES = 8 * 1024**2


def copy_audio(
    context: StepContext, file: BinaryIO, recording: Recording, report: Callable[[float], None]
) -> Recording:
    """Write the sound as a WAV blob; return the measured facts. `report` is told the fraction of the file that was
    read."""
    blobs, name = context.services.storage.blobs, context.work_blob(AUDIO_COPY.name)
    meter = LevelMeter()
    decoder = AudioDecoder(file, recording, report, context.services.settings.max_duration_sec, meter=meter)
    blocks = in_blocks(_begin_early(context, recording, iter(decoder)), BLOCK_BYTES)
    first, count = next(blocks, b""), 0
    for count, block in enumerate(blocks, start=1):  # block 0 is the header, which needs the length: staged last
        if count == 1:
            blobs.stage_block(WORK, name, 1, first)
        blobs.stage_block(WORK, name, count + 1, block)
    header = wav_header(decoder.samples)
    context.confirm()
    if count == 0:
        blobs.write(WORK, name, header + first, AUDIO_COPY.content_type)
    else:
        blobs.stage_block(WORK, name, 0, header)
        blobs.commit_blocks(WORK, name, count + 2, AUDIO_COPY.content_type)
    levels, measured = meter.measured(), decoder.measured()
    write_json(context.services, context.job, SOUND_LEVELS, levels)
    context.warn(early_reasons(levels, measured.duration_sec))
    return measured


def _begin_early(context: StepContext, recording: Recording, sound: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the sound as it is. As soon as enough of it has passed, let the first part of the transcription begin.

    The part's sound is a blob of its own, because the copy cannot be read before it is whole. Every delivery of the
    step writes the same blob, for the recording's SHA-256 is on the session's row already.
    """
    part_sec = context.job.first_part_sec
    if part_sec is None and not context.job.stages[Stage.DOWNLOAD].state.is_over:
        part_sec = early_part_sec(recording, context.services.settings)
    wanted = 0 if part_sec is None else round(first_sound_sec(part_sec) * SAMPLE_RATE) * BYTES_PER_SAMPLE
    first = bytearray()
    for block in sound:
        yield block
        if part_sec is not None and len(first) < wanted:
            first += block
            if len(first) >= wanted:
                _send_first_part(context, part_sec, bytes(first[:wanted]))


def _send_first_part(context: StepContext, part_sec: float, sound: bytes) -> None:
    """Write the first part's sound, note on the job's row that the part may begin, and send its message."""
    services = context.services
    context.confirm()
    header = wav_header(len(sound) // BYTES_PER_SAMPLE)
    write_file(services, context.job, FIRST_SOUND, header + sound)

    def begin(job: Job) -> Job | None:
        is_known = job.first_part_sec is not None or job.stages[Stage.DOWNLOAD].state.is_over
        if is_known or not job.is_runnable or job.attempt != context.job.attempt:
            return None
        return jobs.begin_early(job, part_sec, services.clock())

    context.send_next(change_job(services, context.job.org_id, context.job.job_id, begin))
