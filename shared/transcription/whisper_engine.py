"""Transcribe speech with faster-whisper in int8, on a model that is already on this machine.

Apart from the other engines because only it imports CTranslate2. Makes no network request. Speech is passed in windows
of at most 29 s, because the model takes 30 s at once, so memory does not grow with the recording. Text over silence,
repetition loops and text of low confidence are dropped.
"""

from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import faster_whisper

from shared.domain.warning import RecordingWarning
from shared.transcription.choose import unknown_to_whisper
from shared.transcription.engine import EngineInfo, Hints, Segment, TranscriptionRequest, Word
from shared.transcription.repetition import bare, find_loops
from shared.transcription.vad import Span

WINDOW_SEC = 29.0
LONG_PAUSE_SEC = 2.0
"""A longer pause ends a window and is not transcribed."""
NEAR_SPEECH_SEC = 0.3
"""Error of the model's word times: words this close to speech are kept."""
ENOUGH_TO_TELL_SEC = 8.0
"""Speech needed to detect the language."""
MAX_COMPRESSION_RATIO = 2.4
"""Text that compresses better than this is a repetition."""
MAX_NO_SPEECH = 0.6
"""Above this probability the model doubts that there was speech."""
MIN_CONFIDENCE = 0.5
"""Least mean confidence of text that repeats the hints, or where the model doubts that there was speech."""
MIN_ECHO_WORDS = 3
"""Fewer words are not taken for a repetition of the hints."""
SAME_SENTENCES = 2
"""A text of several words may be said this often in a row, without a long pause."""
SAME_WORDS = 5
"""A single word may be said this often in a row, without a long pause."""
CARRIED_CHARS = 200
"""Most characters of an unfinished sentence that are given to the next window."""
BEAM_SIZE = 5
SENTENCE_ENDS = tuple(".?!。？！…")
EXPECTATION = "How many words are wrong depends on the size of the Whisper model; it was not measured by this project."


class WhisperEngine:
    """Speech engine on the CTranslate2 Whisper model in the directory `model`; `name` is shown to clients."""

    def __init__(self, model: Path, name: str, *, cpu_threads: int = 1) -> None:
        self._model = faster_whisper.WhisperModel(
            str(model), device="cpu", compute_type="int8", cpu_threads=cpu_threads, local_files_only=True
        )
        self._info = EngineInfo(
            "faster-whisper", version("faster-whisper"), name, written=True, expectation=EXPECTATION
        )

    @property
    def info(self) -> EngineInfo:
        return self._info

    def warnings_for(self, language: str | None) -> tuple[RecordingWarning, ...]:
        """Return no warnings: the transcript has the detected language."""
        return ()

    def transcribe(self, request: TranscriptionRequest) -> Iterator[Segment]:
        """Yield the model's segments; without a requested language, detect it once, where there is enough speech."""
        language = request.language
        if language is not None and language not in self._model.supported_languages:
            raise unknown_to_whisper(self._info.model, language)
        windows = list(_windows(request.spans))
        total = sum(map(_speech_sec, windows))
        guard = _Guard(request.hints)
        done, text, text_end = 0.0, "", 0.0
        for spans in windows:
            request.report(done / total)
            if language is None:
                language = self._detect(request, windows)
            start, end = spans[0].start, spans[-1].end
            speech = _speech_sec(spans)
            carried = text if start - text_end <= LONG_PAUSE_SEC else ""
            heard, _ = self._model.transcribe(
                request.audio.read(start, end),
                language=language,
                beam_size=BEAM_SIZE,
                word_timestamps=True,
                initial_prompt=_prompt(request.hints, carried),
                hotwords=", ".join(request.hints.hotwords) or None,
                condition_on_previous_text=False,
                hallucination_silence_threshold=LONG_PAUSE_SEC,
                vad_filter=False,
            )
            text, share = "", 0.0
            for segment in heard:
                share = max(share, min(1.0, float(segment.end) / (end - start)))
                request.report((done + speech * share) / total)
                words = guard.believable(segment, tuple(_spoken(segment.words or (), start, spans)))
                if words:
                    made = _segment(words, language)
                    text, text_end = made.text, made.end
                    yield made
            done += speech
        request.report(1.0)

    def _detect(self, request: TranscriptionRequest, windows: Sequence[Sequence[Span]]) -> str:
        """Return the language of the first window with `ENOUGH_TO_TELL_SEC` of speech, or else of the one with most."""
        enough = (spans for spans in windows if _speech_sec(spans) >= ENOUGH_TO_TELL_SEC)
        spans = next(enough, None) or max(windows, key=_speech_sec)
        if not self._model.model.is_multilingual:
            return "en"
        language, _, _ = self._model.detect_language(request.audio.read(spans[0].start, spans[-1].end))
        return str(language)


class _Guard:
    """Drops text that the model makes up; remembers the last text to count repetitions."""

    def __init__(self, hints: Hints) -> None:
        self._told = " ".join(filter(None, map(bare, f"{hints.prompt} {' '.join(hints.hotwords)}".split())))
        self._last = ""
        self._end = 0.0
        self._times = 0

    def believable(self, segment: faster_whisper.transcribe.Segment, words: tuple[Word, ...]) -> tuple[Word, ...]:
        """Return the words to keep of a segment: all, some or none."""
        if not words or segment.compression_ratio > MAX_COMPRESSION_RATIO:
            return ()
        confidence = sum(word.confidence for word in words) / len(words)
        text = " ".join(filter(None, (bare(word.text) for word in words)))
        echo = text.count(" ") + 1 >= MIN_ECHO_WORDS and text in self._told
        if confidence < MIN_CONFIDENCE and (echo or segment.no_speech_prob > MAX_NO_SPEECH):
            return ()
        follows = text == self._last and words[0].start - self._end <= LONG_PAUSE_SEC
        self._times = self._times + 1 if follows else 1
        self._last, self._end = text, words[-1].end
        return () if self._times > (SAME_SENTENCES if " " in text else SAME_WORDS) else _once(words)


def _once(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """Return the words with each repetition loop reduced to one repetition."""
    kept: list[Word] = []
    at = 0
    for loop in find_loops([word.text for word in words]):
        kept += words[at : loop.first + loop.period]
        at = loop.end
    return (*kept, *words[at:])


def _prompt(hints: Hints, carried: str) -> str | None:
    """Return the prompt of a window: the hint, and the unfinished sentence of the previous window; None if empty."""
    unfinished = "" if carried.endswith(SENTENCE_ENDS) else carried[-CARRIED_CHARS:]
    return " ".join(filter(None, (hints.prompt, unfinished))) or None


def _windows(spans: Iterable[Span]) -> Iterator[list[Span]]:
    """Yield neighbouring spans that fit into one window, with the pauses between them."""
    window: list[Span] = []
    for span in spans:
        if window and (span.end - window[0].start > WINDOW_SEC or span.start - window[-1].end > LONG_PAUSE_SEC):
            yield window
            window = []
        window.append(span)
    if window:
        yield window


def _speech_sec(spans: Sequence[Span]) -> float:
    return sum(span.length for span in spans)


def _spoken(words: Iterable[faster_whisper.transcribe.Word], offset: float, spans: list[Span]) -> Iterator[Word]:
    """Yield the words that lie in detected speech, on the recording's clock; texts keep their leading space."""
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
