"""Put together what the finished parts of a transcription say, while others are still missing.

Apart from the merge: it needs no other part, decides nothing about the whole, and joins no sentence over a border.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from shared.transcription.payload import (
    DOUBTFUL_BELOW,
    UNDETERMINED,
    Confidence,
    Seconds,
    Segments,
    TranscriptEngine,
    TranscriptPart,
    TranscriptSegment,
)
from shared.transcription.phrasing import phrase
from shared.transcription.sentences import as_sentences

SMALLEST_GAP_SEC = 0.002
"""Neighbouring parts meet within rounding; a shorter gap is none."""


class PartialTranscript(BaseModel):
    """The transcript as far as it is known; each of its segments lies in a part that is done."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    version: str = "v1"
    session_id: str
    job_id: str
    language: str
    """ISO 639-1 of most segments, `und` without one."""
    duration_sec: Seconds | None
    """The recording's length; null until it was examined."""
    engine: TranscriptEngine | None
    """The engine of the first part that is done; null before the first."""
    doubtful_below: Confidence = DOUBTFUL_BELOW
    """Words with a lower confidence are doubtful, by the threshold of the engines so far."""
    segments: Segments
    """In order, numbered anew in every answer."""
    complete: bool = False
    missing: tuple[tuple[Seconds, Seconds], ...]
    """The spans [start, end) of the recording whose text is missing; empty until its length is known."""


def partial_transcript(
    parts: Iterable[TranscriptPart], *, count: int | None, session_id: str, job_id: str, duration_sec: float | None
) -> PartialTranscript:
    """Return what the parts say that are done.

    Args:
        parts: the parts that are done, in order.
        count: the number of all parts; None before it is known.
        session_id: copied into the answer.
        job_id: copied into the answer.
        duration_sec: the recording's length; None before it was examined.
    """
    segments: list[TranscriptSegment] = []
    spans: list[tuple[float, float]] = []
    languages: Counter[str] = Counter()
    engine: TranscriptEngine | None = None
    thresholds: list[float] = []
    for part in parts:
        engine = engine or part.engine
        thresholds.append(part.doubtful)
        for segment in as_sentences(part.segments) if part.written else phrase(part.segments):
            segments.append(segment.model_copy(update={"id": len(segments)}))
        if part.language:
            languages[part.language] += len(part.segments)
        is_last = count is not None and part.part == count - 1
        spans.append((part.start, max(part.end, duration_sec or 0.0) if is_last else part.end))
    return PartialTranscript(
        session_id=session_id,
        job_id=job_id,
        language=languages.most_common(1)[0][0] if languages else UNDETERMINED,
        duration_sec=None if duration_sec is None else round(duration_sec, 3),
        engine=engine,
        doubtful_below=max(thresholds, default=DOUBTFUL_BELOW),
        segments=tuple(segments),
        missing=() if duration_sec is None else tuple(_gaps(spans, round(duration_sec, 3))),
    )


def _gaps(spans: Sequence[tuple[float, float]], duration_sec: float) -> Iterable[tuple[float, float]]:
    """Yield what lies between the spans, from 0 to the recording's end."""
    at = 0.0
    for start, end in [*spans, (duration_sec, duration_sec)]:
        if start - at > SMALLEST_GAP_SEC:
            yield (at, start)
        at = max(at, end)
