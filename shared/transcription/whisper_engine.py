"""faster-whisper in int8 on a model that is already on this machine; never reaches for the network.

Speech is handed over in windows of at most half a minute, which is what the model hears at once, so memory does not
grow with the recording. What it says over silence, or over and over, is left out.
"""

from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path

import faster_whisper

from shared.transcription.choose import unknown_to_whisper
from shared.transcription.engine import EngineInfo, Segment, TranscriptionRequest, Word
from shared.transcription.vad import Span

WINDOW_SEC = 29.0
LONG_PAUSE_SEC = 2.0  # not worth listening to
NEAR_SPEECH_SEC = 0.3  # word times are off by this much
MAX_COMPRESSION_RATIO = 2.4  # text that repeats itself compresses better than speech does
BEAM_SIZE = 5


class WhisperEngine:
    """`model` is a directory with a CTranslate2 Whisper model, `name` what people call it."""

    def __init__(self, model: Path, name: str, *, cpu_threads: int = 1) -> None:
        self._model = faster_whisper.WhisperModel(
            str(model), device="cpu", compute_type="int8", cpu_threads=cpu_threads, local_files_only=True
        )
        self._info = EngineInfo("faster-whisper", version("faster-whisper"), name, written=True)

    @property
    def info(self) -> EngineInfo:
        return self._info

    def warnings_for(self, language: str | None) -> tuple[str, ...]:
        """None: a detected language is in the transcript."""
        return ()

    def transcribe(self, request: TranscriptionRequest) -> Iterator[Segment]:
        """The model's segments. A language not asked for is detected once, in the first window."""
        language = request.language
        if language is not None and language not in self._model.supported_languages:
            raise unknown_to_whisper(self._info.model, language)
        total = sum(span.length for span in request.spans)
        done = 0.0
        for spans in _windows(request.spans):
            request.report(done / total)
            start, end = spans[0].start, spans[-1].end
            speech = sum(span.length for span in spans)
            heard, found = self._model.transcribe(
                request.audio.read(start, end),
                language=language,
                beam_size=BEAM_SIZE,
                word_timestamps=True,
                condition_on_previous_text=False,
                hallucination_silence_threshold=LONG_PAUSE_SEC,
                vad_filter=False,
            )
            language = found.language
            for segment in heard:
                request.report((done + speech * min(1.0, float(segment.end) / (end - start))) / total)
                if segment.compression_ratio > MAX_COMPRESSION_RATIO:
                    continue
                words = tuple(_spoken(segment.words or (), start, spans))
                if words:
                    yield _segment(words, language)
            done += speech
        request.report(1.0)


def _windows(spans: Iterable[Span]) -> Iterator[list[Span]]:
    """Neighbouring spans that fit into one window, with the pauses between them."""
    window: list[Span] = []
    for span in spans:
        if window and (span.end - window[0].start > WINDOW_SEC or span.start - window[-1].end > LONG_PAUSE_SEC):
            yield window
            window = []
        window.append(span)
    if window:
        yield window


def _spoken(words: Iterable[faster_whisper.transcribe.Word], offset: float, spans: list[Span]) -> Iterator[Word]:
    """The words that fall where speech was heard, on the recording's clock; texts keep their leading space."""
    for word in words:
        start, end = offset + float(word.start), offset + float(word.end)
        middle = (start + end) / 2
        if any(span.start - NEAR_SPEECH_SEC <= middle <= span.end + NEAR_SPEECH_SEC for span in spans):
            yield Word(word.word, start, end, min(1.0, max(0.0, float(word.probability))))


def _segment(words: tuple[Word, ...], language: str) -> Segment:
    return Segment(
        start=words[0].start,
        end=words[-1].end,
        text="".join(word.text for word in words).strip(),
        confidence=sum(word.confidence for word in words) / len(words),
        words=words,
        language=language,
    )
