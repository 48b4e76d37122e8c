"""Run the transcription stage: each part's words as a blob, then one transcript in every format.

Apart from `shared.transcription`, which knows no storage.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from shared.domain.errors import BlobMissing
from shared.domain.options import JobOptions
from shared.domain.quality.sound import reasons_without_speech
from shared.domain.quality.verdict import WITHOUT_SOUND
from shared.domain.stage import Stage
from shared.domain.transcript_version import ReviewState
from shared.pipeline import artefacts
from shared.pipeline.artefacts import Artefact
from shared.pipeline.context import StepContext
from shared.pipeline.stages.announce_text import announce_text
from shared.pipeline.stages.captions import write_captions
from shared.pipeline.stages.follow_corrections import follow_corrections
from shared.pipeline.stages.job_blobs import open_file, read_json, recording_of, write_json
from shared.pipeline.stages.listening import write_listening
from shared.pipeline.stages.plan import engine_for
from shared.pipeline.stages.search_index import index_transcript
from shared.pipeline.updates import change_session
from shared.transcription import transcribe
from shared.transcription.audio import WavAudio
from shared.transcription.editing.word_ids import with_word_ids
from shared.transcription.engine import Hints
from shared.transcription.payload import TranscriptPart
from shared.transcription.quality import assess
from shared.transcription.warm import warm_engine

NAMED_IN_METADATA = ("title", "speaker", "course")
MAX_HINT_CHARS = 120
MAX_HOTWORDS = 60


def transcribe_part(context: StepContext) -> None:
    """Recognise one time slice of the audio copy."""
    settings, options = context.services.settings, context.job.options
    choice = engine_for(settings, options)
    engine = warm_engine(choice, cpu_threads=settings.whisper_threads)
    sound = _sound_of(context)
    with open_file(context, sound.artefact) as source:
        part = transcribe.transcribe_part(
            WavAudio(source),
            engine,
            part=context.message.part,
            parts=sound.parts,
            duration_sec=sound.duration_sec,
            language=options.language,
            report=context.report,
            hints=hints_for(options, context.job.terms, context.session.metadata),
            other=None if choice.other is None else partial(warm_engine, choice.other, settings.whisper_threads),
            first_part_sec=context.job.first_part_sec,
        )
    write_json(context.services, context.job, artefacts.TRANSCRIPT_PART, part, part=context.message.part)
    announce_text(context, part)
    _warn_without_speech(context, part)


def _warn_without_speech(context: StepContext, part: TranscriptPart) -> None:
    """Tell at once of a beginning without speech, by the first part that is long enough to tell.

    A part that began early is too short: the second one tells, if the first is done by then, as it usually is.
    """
    job = context.job
    telling = 0 if job.first_part_sec is None else 1
    if part.part != telling or any(each.code in WITHOUT_SOUND for each in job.warnings):
        return
    speech, start = part.speech, part.start
    if telling == 1:
        try:
            first = read_json(context.services, job, artefacts.TRANSCRIPT_PART, TranscriptPart, part=0)
        except BlobMissing:
            return
        speech, start = (*first.speech, *speech), first.start
    is_all = job.stages[Stage.TRANSCRIPTION].parts == telling + 1
    context.warn(reasons_without_speech(speech, start, part.end, is_all=is_all))


@dataclass(frozen=True, slots=True)
class _Sound:
    """The sound of which a part is a slice."""

    artefact: Artefact
    parts: int
    duration_sec: float


def _sound_of(context: StepContext) -> _Sound:
    """Return the audio copy, or for a first part that may run before it is whole the recording's first sound.

    That part always takes its sound from there, so that it is the same whenever it runs. There is a part after it,
    whose number and end it need not know.
    """
    if context.job.first_part_sec is not None and context.message.part == 0:
        return _Sound(artefacts.FIRST_SOUND, parts=2, duration_sec=math.inf)
    parts = context.job.stages[Stage.TRANSCRIPTION].parts
    return _Sound(artefacts.AUDIO_COPY, parts, recording_of(context).duration_sec)


def merge_transcript(context: StepContext) -> None:
    """Join the parts, write the transcript and its captions, and the sound to listen to."""
    _write_transcript(context)
    write_listening(context)


def _write_transcript(context: StepContext) -> None:
    """Join the parts, and write what follows from them; the words of three hours are freed when it returns."""
    recording, job = recording_of(context), context.job
    languages: list[tuple[float, str]] = []
    transcript = transcribe.merge_parts(
        _parts(context, languages),
        session_id=job.session_id,
        job_id=job.job_id,
        duration_sec=recording.duration_sec,
        recording_warnings=recording.warnings,
    )
    transcript = transcript.model_copy(update={"quality": assess(transcript, languages)})
    context.confirm()
    write_json(context.services, job, artefacts.TRANSCRIPT, with_word_ids(transcript))
    write_captions(context.services, job, transcript, ReviewState.AUTO)
    context.confirm()
    session = change_session(
        context.services, job.org_id, job.session_id, lambda session: session.with_transcript(job.job_id)
    )
    if session.corrected_job_id == job.job_id:  # its files were lost, and are made again
        follow_corrections.using(context.services).delay(job.org_id, job.session_id, job.job_id)
    index_transcript.using(context.services).delay(job.org_id, job.session_id, job.job_id)


def hints_for(options: JobOptions, terms: Sequence[str], metadata: Mapping[str, Any]) -> Hints:
    """Return the prompt and terms from the options, the names from the metadata, which may hold anything, and then as
    many terms of the job's vocabularies as engines take. The terms to correct towards are all of the options and the
    vocabularies: titles of recordings are no terms."""
    words: dict[str, None] = dict.fromkeys(word.strip() for word in options.hotwords or ())
    for key, value in metadata.items():
        if str(key).casefold() in NAMED_IN_METADATA and isinstance(value, str):
            words[" ".join(value.split())[:MAX_HINT_CHARS]] = None
    words.update(dict.fromkeys(terms))
    words.pop("", None)
    prompt = " ".join((options.initial_prompt or "").split())
    given = dict.fromkeys((*filter(None, map(str.strip, options.hotwords or ())), *terms))
    return Hints(prompt=prompt, hotwords=tuple(words)[:MAX_HOTWORDS], terms=tuple(given))


def _parts(context: StepContext, languages: list[tuple[float, str]]) -> Iterator[TranscriptPart]:
    """Yield the parts in order; note from when on which language was heard."""
    count = context.job.stages[Stage.TRANSCRIPTION].parts
    for number in range(count):
        context.report(number / count)
        part = read_json(context.services, context.job, artefacts.TRANSCRIPT_PART, TranscriptPart, part=number)
        if part.language is not None and part.segments:
            languages.append((part.segments[0].start, part.language))
        yield part
