"""The engine moonshine with its real weights on real speech; skipped where the wheel or the clips are missing."""

import io
import wave
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import av
import jiwer
import numpy as np
import pytest
from numpy.typing import NDArray

from shared.domain.errors import EngineUnavailable
from shared.transcription.audio import SAMPLE_RATE, WavAudio
from shared.transcription.engine import Engine, EngineInfo, Hints, Segment, TranscriptionRequest, Word
from shared.transcription.moonshine.files import ENCODER, find_model, read_model
from shared.transcription.transcribe import merge_parts, transcribe_part
from shared.transcription.vad import Span
from shared.transcription.warm import select_engine

Sound = NDArray[np.float32]
CLIPS = Path(__file__).resolve().parents[3] / "shared" / "data" / "speech"
SAID = "And so my fellow Americans ask not what your country can do for you ask what you can do for your country"


@pytest.fixture(scope="module")
def engine() -> Engine:
    if find_model() is None:
        pytest.skip("moonshine-voice is not installed")
    return select_engine("moonshine")


@pytest.fixture(scope="module")
def speech() -> Sound:
    path = CLIPS / "jfk.flac"
    if not path.is_file():
        pytest.skip("the clips are not beside this checkout")
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("s16", "mono", SAMPLE_RATE)
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    samples = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    return samples.astype(np.float32) / np.float32(32768.0)


def copy_of(sound: Sound) -> WavAudio:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((np.clip(sound, -1.0, 1.0) * 32767).astype("<i2").tobytes())
    return WavAudio(out)


def hear(engine: Engine, sound: Sound) -> list[Segment]:
    audio = copy_of(sound)
    return list(
        engine.transcribe(TranscriptionRequest(audio, (Span(0.0, audio.duration_sec),), None, lambda done: None))
    )


def test_the_loaded_model_understands_real_speech(engine: Engine, speech: Sound) -> None:
    (segment,) = hear(engine, speech)
    plain = "".join(char for char in segment.text if char.isalpha() or char == " ")
    assert jiwer.wer(SAID.lower(), plain.lower()) <= 0.05
    assert segment.text.startswith("And so my fellow Americans")
    assert segment.text.endswith(".")
    assert segment.confidence > 0.8


def test_words_are_said_where_they_are_heard(engine: Engine, speech: Sound) -> None:
    """A wrong axis of the attention gives plausible, wrong times: only sound in a known place shows it."""
    first = speech[: 2 * SAMPLE_RATE]  # "And so my fellow Americans", which ends at 1.9 s
    for pause_sec in (0.6, 0.8):
        silence = np.zeros(round(pause_sec * SAMPLE_RATE), np.float32)
        words = hear(engine, np.concatenate([silence, first, silence, first]))[0].words
        begins = [one.start for one, other in pairwise(words) if other.text.startswith("so")]
        onset = 0.32  # of the speech in the clip; hiss before it
        assert begins == pytest.approx([pause_sec + onset, 2 * pause_sec + 2.0 + onset], abs=0.18)
        assert all(word.end - word.start > 0.0 for word in words)
        assert all(one.end <= other.start + 1e-6 for one, other in pairwise(words))


@pytest.mark.parametrize("seconds", [1.0, 2.5, 6.0])
@pytest.mark.parametrize("sound", ["silence", "noise", "hum", "chord"])
def test_nothing_is_written_over_what_is_no_speech_without_a_detector(
    engine: Engine, sound: str, seconds: float
) -> None:
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    sounds = {
        "silence": np.zeros(len(time)),
        "noise": np.random.default_rng(3).normal(0.0, 0.1, len(time)),
        "hum": 0.1 * sum(np.sin(2 * np.pi * 50 * order * time) / order for order in range(1, 6)),
        "chord": 0.1 * sum(np.sin(2 * np.pi * hz * time) for hz in (220.0, 277.2, 329.6)),
    }
    assert hear(engine, sounds[sound].astype(np.float32)) == []


def test_the_text_is_the_same_with_and_without_the_attention_put_out(engine: Engine, speech: Sound) -> None:
    folder = find_model()
    assert folder is not None
    files = read_model(folder)
    from shared.transcription.moonshine.attention_outputs import expose_attention

    edited = expose_attention(files.decoder)
    changed = [at for at in range(0, len(edited), 4) if edited[at : at + 4] != files.decoder[at : at + 4]]
    assert len(edited) == len(files.decoder)
    assert len(changed) == 6


def test_files_that_are_not_the_expected_ones_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match="cannot be read"):
        read_model(tmp_path)
    (tmp_path / ENCODER).write_bytes(b"another model")
    with pytest.raises(EngineUnavailable, match=r"is not that of moonshine-voice 0\.1\.0"):
        read_model(tmp_path)


class Scripted:
    """An engine that hears the same words with the same confidence in every span."""

    def __init__(self, name: str, confidence: float, language: str, *, doubts: bool) -> None:
        self._confidence, self._language = confidence, language
        self.info = EngineInfo(
            name,
            "1",
            "scripted",
            written=True,
            expectation="Says it.",
            unsure=0.6,
            doubtful=0.6,
            doubts_language=doubts,
        )

    def warnings_for(self, language: str | None) -> tuple[str, ...]:
        return ()

    def transcribe(self, request: TranscriptionRequest) -> Iterator[Segment]:
        for span in request.spans:
            step = span.length / 9
            words = tuple(
                Word(f"word{at}", span.start + at * step, span.start + (at + 1) * step, self._confidence)
                for at in range(9)
            )
            text = " ".join(word.text for word in words)
            yield Segment(span.start, span.end, text, self._confidence, words, self._language)


def transcript_of(
    speech: Sound,
    engine: Engine,
    *,
    language: str | None = None,
    other: Engine | None = None,
) -> tuple[str, int, str, tuple[str, ...]]:
    audio = copy_of(speech)
    part = transcribe_part(
        audio,
        engine,
        part=0,
        parts=1,
        duration_sec=audio.duration_sec,
        language=language,
        report=lambda done: None,
        hints=Hints(),
        other=None if other is None else lambda: other,
    )
    made = merge_parts([part], session_id="s", job_id="j", duration_sec=audio.duration_sec)
    return made.language, len(made.segments), made.engine.name, made.warnings


def test_what_is_not_english_is_not_published_but_said(
    speech: Sound,
) -> None:
    unsure = Scripted("moonshine", 0.4, "en", doubts=True)
    language, segments, _, warnings = transcript_of(speech, unsure)
    assert (language, segments) == ("und", 0)
    assert any("does not seem to be English" in warning for warning in warnings)


def test_a_language_that_was_given_is_believed_and_the_doubt_is_told(
    speech: Sound,
) -> None:
    language, segments, _, warnings = transcript_of(
        speech, Scripted("moonshine", 0.4, "en", doubts=True), language="en"
    )
    assert language == "en"
    assert segments > 0
    assert any("unsure of most of these words" in warning for warning in warnings)


def test_another_engine_hears_what_is_not_english(speech: Sound) -> None:
    unsure = Scripted("moonshine", 0.4, "en", doubts=True)
    knows = Scripted("faster-whisper", 0.9, "es", doubts=False)
    language, segments, name, warnings = transcript_of(speech, unsure, other=knows)
    assert (language, name, warnings) == ("es", "faster-whisper", ())
    assert segments > 0
    sure = Scripted("moonshine", 0.9, "en", doubts=True)
    assert transcript_of(speech, sure, other=knows)[2] == "moonshine"
