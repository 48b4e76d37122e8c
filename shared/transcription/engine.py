"""What a speech engine is to the rest of us: one request in, a lazy stream of segments out; names no engine.

All times are seconds on the recording's clock.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from shared.domain.warning import RecordingWarning
from shared.transcription.audio import WavAudio
from shared.transcription.vad import Span


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """An engine, and what its transcripts are worth."""

    name: str
    version: str
    model: str

    written: bool
    """Whether the engine itself writes capitals and punctuation."""

    expectation: str
    """One sentence for people on how good its transcripts are, with a measured figure where there is one."""

    unsure: float = 0.4
    """A transcript whose words have a lower mean confidence is not to be trusted. Confidences of engines differ."""

    doubts_language: bool = False
    """Whether it knows one language only, and a mean confidence below `unsure` tells that another one was spoken."""

    doubtful: float = 0.5
    """Words in a row with a lower mean confidence are worth a second look."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word as heard; `confidence` is 0 to 1."""

    text: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Segment:
    """Words spoken in one breath; `confidence` is 0 to 1, `language` as the engine heard it (ISO 639-1)."""

    start: float
    end: float
    text: str
    confidence: float
    words: tuple[Word, ...]
    language: str


@dataclass(frozen=True, slots=True)
class Hints:
    """What helps an engine to hear right: text as it might have been said before, and names and terms to expect.
    An engine that cannot use them leaves them."""

    prompt: str = ""
    hotwords: tuple[str, ...] = ()


NO_HINTS = Hints()


@dataclass(frozen=True, slots=True)
class TranscriptionRequest:
    """What to transcribe: `spans` of `audio` that hold speech, in order, none longer than 30 s. `language` is None
    where the engine may find out. `report` gets the fraction done and may raise to stop the work."""

    audio: WavAudio
    spans: tuple[Span, ...]
    language: str | None
    report: Callable[[float], None]
    hints: Hints = NO_HINTS


class Engine(Protocol):
    """Turns speech into text. Warm: made once, asked often."""

    @property
    def info(self) -> EngineInfo: ...

    def warnings_for(self, language: str | None) -> tuple[RecordingWarning, ...]:
        """What a reader of a transcript by this engine should know, when `language` was asked for."""
        ...

    def transcribe(self, request: TranscriptionRequest) -> Iterator[Segment]:
        """Segments in order, as they are heard; nothing is held back. Raises EngineUnavailable for a language that
        the engine does not know."""
        ...
