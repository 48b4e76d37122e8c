"""The transcript as clients read it (`transcript.json`, v1) and the file that one part leaves for the merge.

Words lie inside their segment, segments are in order and do not overlap, times never pass the end: a transcript that
breaks this cannot be made. Imports no media library.
"""

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from shared.domain.payload import Payload, StoredWarnings, WarningDetails

Seconds = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Confidence = Annotated[float, Field(ge=0.0, le=1.0)]

UNDETERMINED = "und"
"""Code of an undetermined language in BCP 47."""

DOUBTFUL_BELOW = 0.5
"""Confidence below which a word is doubtful, in files of earlier versions and where an engine has no threshold."""


class TranscriptWord(Payload):
    """A word as heard, times in seconds on the recording's clock."""

    id: Annotated[
        str | None,
        Field(
            description="Stays the same over all versions; missing in files of earlier releases.",
            exclude_if=lambda found: found is None,
        ),
    ] = None
    word: str
    start: Seconds
    end: Seconds
    confidence: Confidence
    original: Annotated[
        str | None,
        Field(
            description="What the engine wrote here, if the word was corrected towards a term of the vocabulary "
            "or of a slide.",
            exclude_if=lambda found: found is None,
        ),
    ] = None
    slide: Annotated[
        int | None,
        Field(
            description="Id of the slide that showed the word while it was said, if it was corrected towards that.",
            exclude_if=lambda found: found is None,
        ),
    ] = None

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.end < self.start:
            raise ValueError(f"word '{self.word}' ends at {self.end}, before it starts at {self.start}")
        return self


class TranscriptSegment(Payload):
    """Words spoken in one go."""

    id: int
    start: Seconds
    end: Seconds
    text: str
    confidence: Confidence
    words: tuple[TranscriptWord, ...]
    language: str | None = None
    """ISO 639-1, or `und` where the engine doubts what it is; None in transcripts of earlier versions."""
    speaker: Annotated[
        str | None, Field(description="Who speaks, where it is known.", exclude_if=lambda found: found is None)
    ] = None

    @model_validator(mode="after")
    def _words_inside(self) -> Self:
        at = self.start
        for word in self.words:
            if word.start < at:
                raise ValueError(f"word '{word.word}' at {word.start} starts before {at}")
            at = word.end
        if at > self.end:
            raise ValueError(f"segment {self.id} ends at {self.end}, before its last word at {at}")
        return self


class TranscriptEngine(Payload):
    """Who made the transcript."""

    name: str
    version: str
    model: str


def _in_order(segments: tuple[TranscriptSegment, ...]) -> tuple[TranscriptSegment, ...]:
    for before, after in pairwise(segments):
        if after.start < before.end:
            raise ValueError(f"segment {after.id} starts at {after.start}, before {before.end}")
    return segments


Segments = Annotated[tuple[TranscriptSegment, ...], AfterValidator(_in_order)]


class DoubtfulSpan(Payload):
    """A stretch whose words the engine was not sure of, with their mean confidence."""

    start: Seconds
    end: Seconds
    confidence: Confidence


class RepeatedText(Payload):
    """A phrase that was written `times` in a row: engines do that over noise, and people seldom."""

    start: Seconds
    end: Seconds
    text: str
    times: int


class LanguageSwitch(Payload):
    """From `at` on, the engine heard another language."""

    at: Seconds
    before: str
    after: str


class TranscriptQuality(Payload):
    """How far a transcript may be trusted. `transcribedSec` is how long the words take, `transcribedShare` that over
    the speech that was heard; lists hold at most 100 entries."""

    words: int
    words_per_minute: float
    transcribed_sec: Seconds
    transcribed_share: Confidence
    mean_confidence: Confidence
    doubtful_share: Confidence
    doubtful: tuple[DoubtfulSpan, ...]
    repeated: tuple[RepeatedText, ...]
    language_switches: tuple[LanguageSwitch, ...]


class Transcript(Payload):
    """`transcript.json`. `language` is `und` where nothing was said; `speechSec` is how long someone spoke."""

    version: Literal["v1"] = "v1"
    session_id: str
    job_id: str
    language: str
    duration_sec: Seconds
    engine: TranscriptEngine
    segments: Segments
    speech_sec: Seconds
    warnings: tuple[str, ...]
    warning_details: WarningDetails = ()
    expectation: str = ""
    """One sentence on how good transcripts of this engine are."""
    quality: TranscriptQuality | None = None
    doubtful_below: Confidence = DOUBTFUL_BELOW
    """Words with a lower confidence are doubtful, by the engine's own threshold."""

    @model_validator(mode="after")
    def _within_recording(self) -> Self:
        if self.segments and self.segments[-1].end > self.duration_sec:
            raise ValueError(f"the last segment passes the recording's end at {self.duration_sec} s")
        return self


class TranscriptPart(Payload):
    """What one part heard in [start, end). `language` is None where it heard nothing; `written` says that the engine
    itself wrote capitals and punctuation."""

    version: Literal["v1"] = "v1"
    part: int
    start: Seconds
    end: Seconds
    language: str | None
    engine: TranscriptEngine
    written: bool
    segments: Segments
    speech_sec: Seconds
    speech: tuple[tuple[Seconds, Seconds], ...] = ()
    """Where speech was heard, in order of time; empty in parts of earlier versions."""
    warnings: StoredWarnings
    expectation: str = ""
    unsure: Confidence = 0.4
    """The engine's own thresholds: see `EngineInfo`. The defaults are those of parts from earlier versions."""
    doubtful: Confidence = DOUBTFUL_BELOW


class ChapterPayload(Payload):
    """A stretch of the recording that seems to be about one thing; `reasons` say what spoke for beginning it there:
    `start`, `slide`, `pause`, `picture` or `words`."""

    start: Seconds
    end: Seconds
    title: str
    reasons: tuple[str, ...]


class Chapters(Payload):
    """`chapters.json`: proposals, in order and without gaps from the recording's start to its end."""

    version: Literal["v1"] = "v1"
    session_id: str
    job_id: str
    duration_sec: Seconds
    chapters: tuple[ChapterPayload, ...]


class SegmentPlace(Payload):
    """Where the instructor was while a segment was said: `visible` is the share of its time with the instructor in the
    picture, `x` the median of the way through it (0 left, 1 right), null where never seen."""

    id: int
    start: Seconds
    end: Seconds
    visible: Confidence
    x: Confidence | None


class InstructorBySegment(Payload):
    """`instructor-by-segment.json`: the transcript's segments, by their ids, joined with the instructor's track."""

    version: Literal["v1"] = "v1"
    session_id: str
    job_id: str
    segments: tuple[SegmentPlace, ...]
