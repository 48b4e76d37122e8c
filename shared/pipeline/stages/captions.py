"""Write a transcript in every form that follows from it alone: captions, text and words.

Apart from those that write them: the merge, the slides' terms at the end of a job, and corrections by people.
"""

from shared.domain.job import Job
from shared.domain.transcript_version import ReviewState
from shared.pipeline import artefacts
from shared.pipeline.context import Services
from shared.pipeline.stages.job_blobs import write_file
from shared.transcription.caption_rules import rules_for
from shared.transcription.captions import to_srt, to_text, to_webvtt
from shared.transcription.payload import Transcript
from shared.transcription.word_track import to_word_track


def write_captions(services: Services, job: Job, transcript: Transcript, state: ReviewState) -> None:
    """Write the transcript in every form that follows from it alone."""
    rules = rules_for(job.options.captions)
    for artefact, text in (
        (artefacts.TRANSCRIPT_VTT, to_webvtt(transcript, rules, state)),
        (artefacts.TRANSCRIPT_SRT, to_srt(transcript, rules)),
        (artefacts.TRANSCRIPT_TEXT, to_text(transcript)),
        (artefacts.TRANSCRIPT_WORDS, to_word_track(transcript)),
    ):
        write_file(services, job, artefact, text.encode())
