"""Transcribe a part of a recording, and merge the parts into the transcript.

Apart from storage: these are the pure computations of the two steps of the transcription stage. A part depends only on
the audio copy and its own number. Parts are therefore idempotent, and may run on any worker in any order.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from statistics import fmean

from shared.domain.warning import About, RecordingWarning, texts
from shared.transcription.audio import WavAudio
from shared.transcription.choose import plain_language
from shared.transcription.engine import NO_HINTS, Engine, Hints, Segment, TranscriptionRequest
from shared.transcription.part_spans import LEAD_SEC, part_span
from shared.transcription.payload import (
    UNDETERMINED,
    Transcript,
    TranscriptEngine,
    TranscriptPart,
    TranscriptSegment,
    TranscriptWord,
)
from shared.transcription.phrasing import phrase
from shared.transcription.sentences import as_sentences
from shared.transcription.telephone import gains_for, is_telephone
from shared.transcription.vad import Span, on_grid, pad_spans, speech_probabilities, speech_spans
from shared.transcription.vocabulary.correction import Vocabulary

MAX_UTTERANCE_SEC = 15.0
"""Longer speech is split where the detector is least sure: pocketsphinx blocks other threads while it decodes."""
DETECTION_SHARE = 0.05
"""Share of a part's time that the detection of speech takes; the engine takes the rest."""
TELEPHONE = RecordingWarning(
    "telephone_sound",
    About.SOUND,
    "The sound is that of a telephone, without the highs of a voice: expect more wrong words.",
)
FEWEST_WORDS_TO_TELL = 8
"""With fewer words, the mean confidence does not show whether they are in the engine's language."""
DOUBTFUL = RecordingWarning(
    "words_doubtful",
    About.TRANSCRIPT,
    "The engine was unsure of most of these words: this may be noise, singing, another language, or a voice far away.",
)
NOT_ENGLISH = (
    "From {start} to {end} this does not seem to be English, the only language that the embedded engine knows: no text "
    "was written there. A multilingual faster-whisper model finds the language out (`python3 dev.py models`); with the "
    "language given as en, the doubtful words are written all the same."
)
NO_SPEECH = RecordingWarning("no_speech", About.TRANSCRIPT, "No speech was found in this recording.")
NO_WORDS = RecordingWarning(
    "no_words", About.TRANSCRIPT, "Speech was heard in this recording, but no words were understood."
)


def transcribe_part(
    audio: WavAudio,
    engine: Engine,
    *,
    part: int,
    parts: int,
    duration_sec: float,
    language: str | None,
    report: Callable[[float], None],
    hints: Hints = NO_HINTS,
    other: Callable[[], Engine] | None = None,
    first_part_sec: float | None = None,
) -> TranscriptPart:
    """Return the transcript of part `part` of the `parts` parts of a recording.

    Args:
        audio: The whole recording's sound; only the part is read.
        engine: Transcribes the part.
        part: The part's number, from 0.
        parts: The number of parts.
        duration_sec: The recording's length.
        language: As the caller gave it; None leaves it to the engine.
        report: Receives the fraction done, from 0 to 1; may raise to stop the work.
        hints: Hints for recognition, such as names and terms.
        other: Returns the engine that transcribes the part again if `engine`, which knows a single language, takes it
            for another language. Without it such a part stays without text, and a warning says so.
        first_part_sec: The first part's nominal length; None if it is as long as the others.
    """
    report(0.0)
    within = part_span(audio, part, parts, duration_sec, first_part_sec=first_part_sec)
    language = plain_language(language)
    telephone = is_telephone(audio, within)
    raw = list(_speech(audio, within, gains_for(telephone), lambda done: report(done * DETECTION_SHARE)))

    def hear(by: Engine) -> list[Segment]:
        request = TranscriptionRequest(
            audio=audio,
            spans=tuple(pad_spans(raw, within)),
            language=language,
            report=lambda done: report(DETECTION_SHARE + done * (1.0 - DETECTION_SHARE)),
            hints=hints,
        )
        return list(by.transcribe(request)) if request.spans else []

    heard = hear(engine)
    warnings = [TELEPHONE] if telephone and heard else []
    if language is None and _in_another_language(heard, engine):
        if other is None:
            heard, warnings = [], [*warnings, _not_english(within)]
        else:
            engine = other()
            heard = hear(engine)
    info = engine.info
    heard = _corrected(heard, engine, hints)
    languages = Counter(segment.language for segment in heard)
    report(1.0)
    return TranscriptPart(
        part=part,
        start=round(within.start, 3),
        end=round(within.end, 3),
        language=languages.most_common(1)[0][0] if languages else None,
        engine=TranscriptEngine(name=info.name, version=info.version, model=info.model),
        written=info.written,
        segments=tuple(_tidy(heard, within)),
        speech_sec=round(sum(span.length for span in raw), 3),
        speech=tuple((round(span.start, 3), round(span.end, 3)) for span in raw),
        warnings=(*engine.warnings_for(language), *warnings),
        expectation=info.expectation,
        unsure=info.unsure,
        doubtful=info.doubtful,
    )


def merge_parts(
    parts: Iterable[TranscriptPart],
    *,
    session_id: str,
    job_id: str,
    duration_sec: float,
    recording_warnings: Iterable[RecordingWarning] = (),
) -> Transcript:
    """Return the transcript of the whole recording.

    Args:
        parts: The parts in order, each exactly once; other orders, and no parts at all, raise ValueError.
        session_id: Copied into the transcript.
        job_id: Copied into the transcript.
        duration_sec: The recording's length.
        recording_warnings: Warnings of the recording; all but those about its picture go into the transcript.
    """
    merged = _Merged(recording_warnings)
    for number, part in enumerate(parts):
        if part.part != number:
            raise ValueError(f"expected part {number}, got part {part.part}")
        merged.add(part)
    if not merged.engines:
        raise ValueError("a transcript needs at least one part")
    segments, warnings = merged.segments, merged.all_warnings()
    duration_sec = max(round(duration_sec, 3), segments[-1].end if segments else 0.0)
    return Transcript(
        session_id=session_id,
        job_id=job_id,
        language=merged.languages.most_common(1)[0][0] if merged.languages else UNDETERMINED,
        duration_sec=duration_sec,
        engine=next(iter(merged.engines)),
        doubtful_below=merged.doubtful_below,
        segments=as_sentences(segments) if merged.written else phrase(segments),
        speech_sec=round(min(merged.speech_sec, duration_sec), 3),
        warnings=texts(warnings),
        expectation=" ".join(filter(None, merged.expectations)),
        warning_details=warnings,
    )


class _Merged:
    """What the parts of a transcript come to together; one part after another is added."""

    def __init__(self, recording_warnings: Iterable[RecordingWarning]) -> None:
        self.segments: list[TranscriptSegment] = []
        self.languages: Counter[str] = Counter()
        """Number of segments by language."""
        self.engines: dict[TranscriptEngine, None] = {}
        self.expectations: dict[str, None] = {}
        self.speech_sec = 0.0
        self.written = True
        """Whether all engines write capitals and punctuation."""
        self.doubtful_below = 0.0
        self._certainty = 0.0
        """Sum over all words of how far their confidence is above that of an unsure engine."""
        self._warnings = {each: None for each in recording_warnings if each.about is not About.PICTURE}

    def add(self, part: TranscriptPart) -> None:
        """Add the next part."""
        for segment in part.segments:
            self.segments.append(segment.model_copy(update={"id": len(self.segments)}))
        self._warnings.update(dict.fromkeys(part.warnings))
        self.engines[part.engine] = None
        self.expectations[part.expectation] = None
        self.written = self.written and part.written
        self.doubtful_below = max(self.doubtful_below, part.doubtful)
        self._certainty += sum(word.confidence - part.unsure for segment in part.segments for word in segment.words)
        self.speech_sec += part.speech_sec
        if part.language:
            self.languages[part.language] += len(part.segments)

    def all_warnings(self) -> tuple[RecordingWarning, ...]:
        """Return the warnings of the recording, of the parts, and of all parts together."""
        return tuple(dict.fromkeys((*self._warnings, *self._warnings_together())))

    def _warnings_together(self) -> Iterator[RecordingWarning]:
        if not self.segments:
            yield NO_WORDS if self.speech_sec else NO_SPEECH
        elif self._certainty < 0.0:
            yield DOUBTFUL
        if len(self.languages) > 1:
            text = f"Several languages were heard: {', '.join(sorted(self.languages))}."
            yield RecordingWarning("several_languages", About.TRANSCRIPT, text)
        if len(self.engines) > 1:
            names = ", ".join(f"{engine.name} ({engine.model})" for engine in self.engines)
            text = f"Parts of this transcript were made by different engines: {names}."
            yield RecordingWarning("several_engines", About.TRANSCRIPT, text)


def _corrected(heard: list[Segment], engine: Engine, hints: Hints) -> list[Segment]:
    """Return the segments with doubtful words corrected towards the terms, if the engine's words are to be corrected.

    The sounds are those of English.
    """
    if not engine.info.is_corrected or not hints.terms or any(segment.language != "en" for segment in heard):
        return heard
    return Vocabulary(hints.terms).correct(heard, engine.info.doubtful)


def _in_another_language(heard: Sequence[Segment], engine: Engine) -> bool:
    """Return whether the confidence of an engine that knows a single language shows that another one was spoken."""
    confidences = [word.confidence for segment in heard for word in segment.words]
    return (
        engine.info.doubts_language
        and len(confidences) >= FEWEST_WORDS_TO_TELL
        and fmean(confidences) < engine.info.unsure
    )


def _not_english(within: Span) -> RecordingWarning:
    """Return the warning that the part has no text, because its engine knows English only."""
    text = NOT_ENGLISH.format(start=_clock(within.start), end=_clock(within.end))
    return RecordingWarning("not_english", About.TRANSCRIPT, text)


def _clock(seconds: float) -> str:
    """Return a time as hours, minutes and seconds, as in 1:05:09."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def _speech(audio: WavAudio, within: Span, gains: Sequence[float], report: Callable[[float], None]) -> Iterator[Span]:
    """Yield the speech in `within`; the detector starts `LEAD_SEC` earlier, so that its state has settled."""
    lead = on_grid(within.start - LEAD_SEC)
    probabilities = speech_probabilities(audio, lead, within.end, report, gains)
    for span in speech_spans(probabilities, max_speech_sec=MAX_UTTERANCE_SEC):
        cut = Span(max(within.start, lead + span.start), min(within.end, lead + span.end))
        if cut.length > 0:
            yield cut


def _tidy(segments: Iterable[Segment], within: Span) -> Iterator[TranscriptSegment]:
    """Yield the segments with times in whole milliseconds, in order and inside the part; empty words are dropped."""
    at, last = round(within.start, 3), round(within.end, 3)
    for number, segment in enumerate(segments):
        words: list[TranscriptWord] = []
        for word in segment.words:
            start = min(last, max(at, round(word.start, 3)))
            at = min(last, max(start, round(word.end, 3)))
            confidence = round(word.confidence, 3)
            if text := word.text.strip():
                words.append(
                    TranscriptWord(word=text, start=start, end=at, confidence=confidence, original=word.original)
                )
        if words:
            yield TranscriptSegment(
                id=number,
                start=words[0].start,
                end=words[-1].end,
                text=segment.text,
                confidence=round(segment.confidence, 3),
                words=tuple(words),
                language=segment.language,
            )
