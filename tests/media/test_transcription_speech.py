"""The transcription stage on real speech, where it is at hand, and on sounds that hold none."""

import io
import re
import wave
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import av
import jiwer
import numpy as np
import pytest
from faster_whisper.vad import VadOptions, get_speech_timestamps
from numpy.typing import NDArray

from shared.domain.errors import EngineUnavailable
from shared.transcription.audio import SAMPLE_RATE, WavAudio
from shared.transcription.engine import EngineInfo, Hints, Segment, TranscriptionRequest, Word
from shared.transcription.payload import Transcript, TranscriptPart
from shared.transcription.transcribe import NO_SPEECH, NO_WORDS, merge_parts, transcribe_part
from shared.transcription.vad import speech_probabilities, speech_spans
from shared.transcription.warm import select_engine

SPEECH = Path(__file__).parents[3] / "shared" / "data" / "speech"


def wav_of(samples: NDArray[np.float32]) -> WavAudio:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return WavAudio(out)


def load(name: str) -> NDArray[np.float32]:
    path = SPEECH / f"{name}.flac"
    if not path.exists():
        pytest.skip(f"{path.name} is not here")
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("s16", "mono", SAMPLE_RATE)
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
        samples = np.concatenate([frame.to_ndarray()[0] for frame in [*frames, *resampler.resample(None)]])
    return samples.astype(np.float32) / 32768


@pytest.fixture(scope="module")
def talk() -> NDArray[np.float32]:
    """Two speakers, one after the other, about 35 s."""
    pause = np.zeros(SAMPLE_RATE, np.float32)
    return np.concatenate([load("jfk"), pause, load("ps_librivox")])


class Listener:
    """An engine that hears a sentence of one word in each span that it is given."""

    info = EngineInfo("listener", "1", "none", written=True, expectation="Hears what it is told.")

    def warnings_for(self, language: str | None) -> tuple[str, ...]:
        return ()

    def transcribe(self, request: TranscriptionRequest) -> Iterator[Segment]:
        for span in request.spans:
            assert len(request.audio.read(span.start, span.end)) > 0
            yield Segment(span.start, span.end, "Hm.", 1.0, (Word("Hm.", span.start, span.end, 1.0),), "en")


class DoubtfulListener(Listener):
    """The same, which hears another word than was said, doubts it, and has its doubtful words corrected."""

    info = replace(Listener.info, is_corrected=True)

    def transcribe(self, request: TranscriptionRequest) -> Iterator[Segment]:
        for heard in super().transcribe(request):
            word = Word("Nermeelo.", heard.start, heard.end, 0.2)
            yield Segment.of((word,), "en")


class UncorrectedListener(DoubtfulListener):
    """The same, whose words are not corrected."""

    info = Listener.info


def parts_of(audio: WavAudio, engine: object, parts: int, report: Callable[[float], None]) -> list[TranscriptPart]:
    return [
        transcribe_part(
            audio,
            engine,  # type: ignore[arg-type]
            part=part,
            parts=parts,
            duration_sec=audio.duration_sec,
            language=None,
            report=report,
        )
        for part in range(parts)
    ]


def whole(audio: WavAudio, engine: object, count: int = 1) -> Transcript:
    parts = parts_of(audio, engine, count, lambda fraction: None)
    return merge_parts(parts, session_id="s", job_id="j", duration_sec=audio.duration_sec)


def words_of(transcript: Transcript) -> list[tuple[str, float, float]]:
    return [(word.word, word.start, word.end) for segment in transcript.segments for word in segment.words]


def test_speech_is_found_as_by_the_whole_file_call(talk: NDArray[np.float32]) -> None:
    audio = wav_of(talk)
    options = VadOptions(min_silence_duration_ms=200, speech_pad_ms=0, min_speech_duration_ms=200)
    expected = [
        (span["start"] / SAMPLE_RATE, span["end"] / SAMPLE_RATE)
        for span in get_speech_timestamps(audio.read(0, 100), options)
    ]
    found = [(span.start, span.end) for span in speech_spans(speech_probabilities(audio, 0.0, audio.duration_sec))]
    assert len(found) > 5
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("engine", "terms", "word", "original"),
    [
        (DoubtfulListener(), ("Zermelo",), "Zermelo.", "Nermeelo."),
        (DoubtfulListener(), (), "Nermeelo.", None),
        (UncorrectedListener(), ("Zermelo",), "Nermeelo.", None),
    ],
    ids=["corrected", "without terms", "an engine whose words stay"],
)
def test_doubtful_words_are_corrected_where_the_engine_says_so(
    talk: NDArray[np.float32], engine: Listener, terms: tuple[str, ...], word: str, original: str | None
) -> None:
    audio = wav_of(talk)
    part = transcribe_part(
        audio,
        engine,
        part=0,
        parts=1,
        duration_sec=20.0,
        language=None,
        report=lambda fraction: None,
        hints=Hints(terms=terms),
    )
    assert {(found.word, found.original) for segment in part.segments for found in segment.words} == {(word, original)}
    assert ("original" in part.model_dump_json()) is (original is not None)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_parts_hear_what_one_piece_hears(talk: NDArray[np.float32], count: int) -> None:
    audio = wav_of(talk)
    once, cut = whole(audio, Listener()), whole(audio, Listener(), count)
    assert len(once.segments) > 5
    heard_once, heard_cut = ([(s.start, s.end) for s in transcript.segments] for transcript in (once, cut))
    np.testing.assert_allclose(heard_cut, heard_once, atol=0.04)  # a window: the detector starts anew in each part
    assert cut.speech_sec == pytest.approx(once.speech_sec, abs=0.1)


def test_the_embedded_engine_understands_most_of_it_whole_or_in_parts(talk: NDArray[np.float32]) -> None:
    audio = wav_of(talk)
    engine = select_engine("pocketsphinx")
    progress: list[float] = []
    parts = parts_of(audio, engine, 3, progress.append)
    starts = [at for at, fraction in enumerate(progress) if fraction == 0.0 and (at == 0 or progress[at - 1] == 1.0)]
    assert len(starts) == len(parts) == 3
    for begin, end in pairwise([*starts, len(progress)]):
        assert progress[begin:end] == sorted(progress[begin:end])
    cut = merge_parts(parts, session_id="s", job_id="j", duration_sec=audio.duration_sec)
    reference = " ".join((SPEECH / f"{name}.txt").read_text(encoding="utf-8") for name in ("jfk", "ps_librivox"))
    assert word_errors(reference, cut) < 0.35
    assert cut.language == "en"
    assert "assumed to be English" in cut.warnings[1]
    assert not [word for word, _, _ in words_of(cut) if re.search(r"[<>()\[\]+]", word)]
    assert 0.3 < np.mean([segment.confidence for segment in cut.segments]) < 1.0


def word_errors(reference: str, transcript: Transcript) -> float:
    def plain(text: str) -> str:
        return " ".join(re.sub(r"[^a-z' ]", " ", text.lower()).split())

    return float(jiwer.wer(plain(reference), plain(" ".join(segment.text for segment in transcript.segments))))


def music(seconds: float) -> NDArray[np.float32]:
    """A melody of plucked notes over a beat."""
    random = np.random.default_rng(7)
    time = np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE
    beat = np.exp(-time * 30) * random.normal(0, 0.2, time.size)
    notes = [
        sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 6)) * np.exp(-3 * time) * 0.2 + beat
        for pitch in random.choice([220, 247, 262, 294, 330, 349, 392, 440], round(seconds * 2))
    ]
    return np.concatenate(notes).astype(np.float32)


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(20 * SAMPLE_RATE, np.float32),
        np.random.default_rng(3).normal(0, 0.1, 20 * SAMPLE_RATE).astype(np.float32),
        music(20.0),
        np.zeros(100, np.float32),
        np.zeros(0, np.float32),
    ],
    ids=["silence", "noise", "music", "a moment", "nothing"],
)
def test_without_speech_the_transcript_is_empty_and_says_so(samples: NDArray[np.float32]) -> None:
    transcript = whole(wav_of(samples), select_engine("pocketsphinx"), count=2)
    assert transcript.segments == ()
    assert {NO_SPEECH, NO_WORDS} & set(transcript.warning_details)


def test_the_embedded_engine_refuses_what_it_does_not_know(talk: NDArray[np.float32]) -> None:
    request = TranscriptionRequest(wav_of(talk), (), "de", lambda fraction: None)
    with pytest.raises(EngineUnavailable, match="English only, not 'de'"):
        next(iter(select_engine("pocketsphinx").transcribe(request)))
