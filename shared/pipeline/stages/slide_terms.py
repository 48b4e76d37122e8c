"""Correct the transcript towards the terms of the slides that were seen while its words were said.

Transcription and tracking run side by side, so this is the first of what follows when both are over. It is idempotent:
words that were corrected stay.
"""

from collections.abc import Iterator

from shared.domain.errors import EngineUnavailable
from shared.domain.job import Job
from shared.domain.transcript_version import ReviewState
from shared.pipeline.artefacts import TRANSCRIPT
from shared.pipeline.context import Services
from shared.pipeline.stages.captions import write_captions
from shared.pipeline.stages.job_blobs import write_json
from shared.pipeline.stages.search_index import index_transcript
from shared.slides.payload import Slides
from shared.transcription.moonshine.files import NAME
from shared.transcription.moonshine.known_words import read_known_words
from shared.transcription.payload import Transcript
from shared.transcription.vocabulary.shown_terms import Shown, correct_towards_shown

MIN_LINE_CONFIDENCE = 0.8
"""Lines that were read less surely may be misread."""


def correct_by_slides(services: Services, job: Job, transcript: Transcript, slides: Slides) -> Transcript:
    """Return the machine's transcript corrected; write it, its captions and its entry in the search index if it is.

    Only for the engine with which it was measured to do no harm.
    """
    shown = list(_visits(slides))
    if transcript.engine.name != NAME or not shown:
        return transcript
    try:
        known_words = read_known_words()
    except EngineUnavailable:
        return transcript
    if not known_words:
        return transcript
    corrected = correct_towards_shown(transcript, shown, known_words)
    if corrected is not transcript:
        write_json(services, job, TRANSCRIPT, corrected)
    if any(word.slide is not None for segment in corrected.segments for word in segment.words):
        write_captions(services, job, corrected, ReviewState.AUTO)
        index_transcript.using(services).delay(job.org_id, job.session_id, job.job_id)
    return corrected


def _visits(slides: Slides) -> Iterator[Shown]:
    for slide in slides.slides:
        lines = tuple(
            line.text
            for line in slide.lines
            if line.role in ("title", "body") and line.confidence >= MIN_LINE_CONFIDENCE
        )
        for start, end in slide.visits if lines else ():
            yield Shown(slide.id, start, end, lines)
