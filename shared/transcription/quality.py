"""Compute the quality of a transcript: how much of the speech became words, and which words are doubtful.

Apart from the merge because it reads the finished transcript only.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from shared.transcription.payload import (
    DoubtfulSpan,
    LanguageSwitch,
    RepeatedText,
    Transcript,
    TranscriptQuality,
    TranscriptWord,
)
from shared.transcription.repetition import find_loops

BREATH_SEC = 0.5
"""Longest pause that counts as speech."""
DOUBT_WORDS = 5
"""Words averaged together, because a single doubtful word is common."""
MAX_ENTRIES = 100
"""Longest list in the result."""


def assess(transcript: Transcript, languages: Sequence[tuple[float, str]] = ()) -> TranscriptQuality:
    """Return the quality of a transcript; `languages` tells from when on which language was heard, in order."""
    words = [word for segment in transcript.segments for word in segment.words]
    spoken = sum(_spoken(words))
    doubtful = list(_doubtful(words, transcript.doubtful_below))
    in_doubt = sum(end - first for first, end in doubtful)
    return TranscriptQuality(
        words=len(words),
        words_per_minute=round(len(words) / spoken * 60, 1) if spoken else 0.0,
        transcribed_sec=round(spoken, 3),
        transcribed_share=round(min(1.0, spoken / transcript.speech_sec), 3) if transcript.speech_sec else 0.0,
        mean_confidence=_mean(words),
        doubtful_share=round(in_doubt / len(words), 3) if words else 0.0,
        doubtful=tuple(
            DoubtfulSpan(start=words[first].start, end=words[end - 1].end, confidence=_mean(words[first:end]))
            for first, end in doubtful[:MAX_ENTRIES]
        ),
        repeated=tuple(_repeated(words))[:MAX_ENTRIES],
        language_switches=tuple(_switches(languages))[:MAX_ENTRIES],
    )


def _mean(words: Sequence[TranscriptWord]) -> float:
    return round(sum(word.confidence for word in words) / len(words), 3) if words else 0.0


def _spoken(words: Sequence[TranscriptWord]) -> Iterator[float]:
    """Yield the lengths of the words and of the breaths between them, in seconds."""
    yield from (word.end - word.start for word in words)
    yield from (pause for one, other in pairwise(words) if (pause := other.start - one.end) <= BREATH_SEC)


def _doubtful(words: Sequence[TranscriptWord], below: float) -> Iterator[tuple[int, int]]:
    """Yield [first, end) of words inside `DOUBT_WORDS` consecutive ones with a mean confidence below `below`."""
    in_doubt = [False] * len(words)
    for first in range(len(words) - DOUBT_WORDS + 1):
        if _mean(words[first : first + DOUBT_WORDS]) < below:
            in_doubt[first : first + DOUBT_WORDS] = [True] * DOUBT_WORDS
    at = 0
    for doubted, group in groupby(in_doubt):
        end = at + len(list(group))
        if doubted:
            yield at, end
        at = end


def _repeated(words: Sequence[TranscriptWord]) -> Iterator[RepeatedText]:
    for loop in find_loops([word.word for word in words]):
        yield RepeatedText(
            start=words[loop.first].start,
            end=words[loop.end - 1].end,
            text=" ".join(word.word for word in words[loop.first : loop.first + loop.period]),
            times=loop.times,
        )


def _switches(languages: Sequence[tuple[float, str]]) -> Iterator[LanguageSwitch]:
    for (_, before), (at, after) in pairwise(languages):
        if before != after:
            yield LanguageSwitch(at=at, before=before, after=after)
