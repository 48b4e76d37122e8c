"""Define the interface of speech engines: a request in, a lazy stream of segments out.

Apart from the engines, so that the transcription imports none of them. All times are seconds on the recording's clock.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from shared.domain.warning import RecordingWarning
from shared.transcription.audio import WavAudio
from shared.transcription.vad import Span


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """An engine and the quality of its transcripts."""

    name: str
    version: str
    model: str

    written: bool
    """Whether the engine itself writes capitals and punctuation."""

    expectation: str
    """One sentence for people on how good its transcripts are, with a measured figure where there is one."""

    unsure: float = 0.4
    """A transcript with a lower mean confidence is doubtful. Confidences of different engines are not comparable."""

    doubts_language: bool = False
    """Whether it knows a single language, and a mean confidence below `unsure` means that another one was spoken."""

    doubtful: float = 0.5
    """Consecutive words with a lower mean confidence are listed as doubtful."""

    is_corrected: bool = False
    """Whether words below `doubtful` are corrected towards the job's terms: for engines that cannot be told what to
    expect, and with which it was measured to help and to do no harm."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word as heard; `confidence` is 0 to 1."""

    text: str
    start: float
    end: float
    confidence: float
    original: str | None = None
    """What the engine wrote here, if the word was corrected."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Words spoken in one breath; `confidence` is 0 to 1, `language` as the engine heard it (ISO 639-1)."""

    start: float
    end: float
    text: str
    confidence: float
    words: tuple[Word, ...]
    language: str

    @classmethod
    def of(cls, words: tuple[Word, ...], language: str) -> "Segment":
        """Return the segment of these words, of which there is at least one: their text, span and mean confidence."""
        return cls(
            start=words[0].start,
            end=words[-1].end,
            text=" ".join(word.text for word in words),
            confidence=sum(word.confidence for word in words) / len(words),
            words=words,
            language=language,
        )


@dataclass(frozen=True, slots=True)
class Hints:
    """Hints for recognition; an engine that cannot use them ignores them."""

    prompt: str = ""
    """Text as it might have been said before the recording."""

    hotwords: tuple[str, ...] = ()
    """Names and terms to expect, as many as engines take."""

    terms: tuple[str, ...] = ()
    """All terms, towards which the words of some engines are corrected."""


NO_HINTS = Hints()


@dataclass(frozen=True, slots=True)
class TranscriptionRequest:
    """Speech to transcribe."""

    audio: WavAudio

    spans: tuple[Span, ...]
    """Stretches of `audio` with speech, in order, none longer than 30 s."""

    language: str | None
    """None where the engine detects it."""

    report: Callable[[float], None]
    """Receives the fraction done; may raise to stop the work."""

    hints: Hints = NO_HINTS


class Engine(Protocol):
    """Turns speech into text; loaded once and used for many requests."""

    @property
    def info(self) -> EngineInfo: ...

    def warnings_for(self, language: str | None) -> tuple[RecordingWarning, ...]:
        """Return warnings for the reader of this engine's transcript, given the requested `language`."""
        ...

    def transcribe(self, request: TranscriptionRequest) -> Iterator[Segment]:
        """Yield segments in order, each as soon as it is recognised.

        Raises EngineUnavailable for a language that the engine does not know.
        """
        ...
