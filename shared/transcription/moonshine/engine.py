"""Transcribe English with the embedded Moonshine tiny-en from the wheel of `moonshine-voice`.

Apart from the model because it turns tokens into words with times. Runs on the onnxruntime that finds speech already.
It writes capitals, punctuation and digits. Utterances are up to 20 s long. An utterance that a guard takes for made up
is decoded again span by span before it is dropped.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from shared.domain.errors import EngineUnavailable
from shared.domain.warning import RecordingWarning
from shared.transcription.engine import EngineInfo, Segment, TranscriptionRequest, Word
from shared.transcription.moonshine import guards
from shared.transcription.moonshine.files import NAME, VERSION, read_model
from shared.transcription.moonshine.model import FEWEST_SAMPLES, Decoded, MoonshineModel
from shared.transcription.moonshine.spelling import as_now
from shared.transcription.moonshine.tokens import Vocabulary
from shared.transcription.moonshine.utterances import utterances
from shared.transcription.moonshine.word_times import time_words
from shared.transcription.vad import Span

MODEL_NAME = "tiny-en"
EXPECTATION = (
    "On read English 2 to 5 of 100 words were wrong where this engine was measured, over a telephone 8; names and "
    "spelled letters are the least sure."
)
UNSURE = 0.6
"""On clips of several speakers, 25% of the words below this confidence were wrong, and 2% of those above."""

Report = Callable[[float], None]
"""Receives the fraction done of an utterance; may raise to stop the work."""


class MoonshineEngine:
    """Speech engine on the three model files in `folder`; keeps no state of utterances, so threads may share it."""

    def __init__(self, folder: Path) -> None:
        files = read_model(folder)
        self._vocabulary = Vocabulary(files.tokenizer)
        self._model = MoonshineModel(files)
        self._info = EngineInfo(
            NAME,
            VERSION,
            MODEL_NAME,
            written=True,
            expectation=EXPECTATION,
            unsure=UNSURE,
            doubtful=UNSURE,
            doubts_language=True,
            is_corrected=True,
        )

    @property
    def info(self) -> EngineInfo:
        return self._info

    def warnings_for(self, language: str | None) -> tuple[RecordingWarning, ...]:
        """Return no warnings: the mean confidence of the words shows whether they were English."""
        return ()

    def transcribe(self, request: TranscriptionRequest) -> Iterator[Segment]:
        """Yield a segment for each utterance in which words were found."""
        if request.language not in (None, "en"):
            raise EngineUnavailable(f"moonshine knows English only, not '{request.language}'.")
        total = sum(span.length for span in request.spans)
        done = 0.0
        for spans in utterances(request.spans):
            share = sum(span.length for span in spans) / total
            before = done

            def report(fraction: float, before: float = before, share: float = share) -> None:
                request.report(min(1.0, before + fraction * share))

            yield from self._hear(request, spans, report)
            done += share
        request.report(1.0)

    def _hear(self, request: TranscriptionRequest, spans: Sequence[Span], report: Report) -> Iterator[Segment]:
        words = self._words(request, Span(spans[0].start, spans[-1].end), report)
        if words:
            yield Segment.of(words, "en")
        elif len(spans) > 1:
            for span in spans:
                yield from self._hear(request, [span], report)

    def _words(self, request: TranscriptionRequest, span: Span, report: Report) -> tuple[Word, ...]:
        """Return the words of one utterance; none if a guard takes them for made up."""
        samples = request.audio.read(span.start, span.end)
        if len(samples) < FEWEST_SAMPLES:
            return ()
        limit = guards.most_tokens(span.length)

        def goes_on(tokens: Sequence[int]) -> bool:
            report(len(tokens) / limit)
            return len(tokens) < limit and not guards.is_looping(tokens)

        report(0.0)
        decoded = self._model.decode(samples, goes_on)
        written = self._vocabulary.words(decoded.tokens)
        text = " ".join(word.text for word in written)
        confidences = [_confidence(decoded, word.first, word.end) for word in written]
        mean = sum(confidences) / max(1, len(confidences))
        if guards.is_made_up(text, decoded.tokens, span.length, mean, ended=decoded.ended):
            return ()
        times = time_words(samples, decoded.attention, written)
        return tuple(
            Word(
                text=as_now(word.text),
                start=span.start + time.start,
                end=span.start + time.end,
                confidence=confidence,
            )
            for word, time, confidence in zip(written, times, confidences, strict=True)
        )


def _confidence(decoded: Decoded, first: int, end: int) -> float:
    """Return the product of the probabilities of a word's tokens."""
    return min(1.0, float(np.prod(decoded.probabilities[first:end], dtype=np.float64)))
