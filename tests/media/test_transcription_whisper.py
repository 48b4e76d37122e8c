"""faster-whisper end to end, on a Whisper model of one layer that the test writes and that says what it is told to."""

import io
import wave
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import av
import faster_whisper
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks._scripted_whisper import FIRST_SAID_AT, write_model
from shared.domain.errors import EngineUnavailable
from shared.transcription.audio import WavAudio
from shared.transcription.choose import choose_engine, find_whisper_model
from shared.transcription.engine import NO_HINTS, Hints, Segment, TranscriptionRequest
from shared.transcription.transcribe import merge_parts, transcribe_part
from shared.transcription.vad import Span
from shared.transcription.warm import select_engine
from shared.transcription.whisper_engine import WhisperEngine

ModelMaker = Callable[..., Path]


@pytest.fixture
def make_model(tmp_path: Path) -> ModelMaker:
    """`make_model(said=[...], language="<|de|>")`: the directory of a model that says that."""

    def make(name: str = "tiny-test", **script: Sequence[str] | str | int) -> Path:
        return write_model(tmp_path / name, **script)  # type: ignore[arg-type]

    return make


def _noise(seconds: float) -> WavAudio:
    return _wav(np.random.default_rng(2).normal(0, 3000, round(seconds * 16000)).astype("<i2"))


def _wav(samples: NDArray[np.int16]) -> WavAudio:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(samples.tobytes())
    return WavAudio(out)


def _transcribe(
    model: Path, *spans: Span, seconds: float, language: str | None = None, hints: Hints = NO_HINTS
) -> list[Segment]:
    engine = WhisperEngine(model, "tiny-test")
    done: list[float] = []
    request = TranscriptionRequest(_noise(seconds), spans, language, done.append, hints)
    segments = list(engine.transcribe(request))
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0.0, 1.0)
    return segments


def test_words_and_times_come_out_on_the_recordings_clock(make_model: ModelMaker) -> None:
    (segment,) = _transcribe(make_model(), Span(10.0, 13.5), seconds=20.0)
    assert segment.text == "hello world, this is a test."
    assert [word.text for word in segment.words] == [" hello", " world,", " this", " is", " a", " test."]
    assert [word.start for word in segment.words[1:]] == pytest.approx([11.0, 11.5, 12.0, 12.5, 13.0], abs=0.1)
    assert all(10.0 <= word.start <= word.end <= 13.5 for word in segment.words)
    assert all(a.end <= b.start for a, b in pairwise(segment.words))
    assert all(type(value) is float for word in segment.words for value in (word.start, word.end, word.confidence))
    assert segment.confidence > 0.5


def test_a_language_is_detected_or_taken_as_given(make_model: ModelMaker) -> None:
    german = make_model(language="<|de|>")
    span = Span(0.0, 3.5)
    assert {segment.language for segment in _transcribe(german, span, seconds=5.0)} == {"de"}
    assert {segment.language for segment in _transcribe(german, span, seconds=5.0, language="fr")} == {"fr"}
    with pytest.raises(EngineUnavailable, match="does not know the language 'xx'"):
        _transcribe(german, span, seconds=5.0, language="xx")


def test_every_window_is_heard_in_its_place(make_model: ModelMaker) -> None:
    spans = [Span(at, at + 3.5) for at in (1.0, 10.0, 70.0)]
    segments = _transcribe(make_model(), *spans, seconds=80.0)
    assert len(segments) == 3
    for span, segment in zip(spans, segments, strict=True):
        assert span.start <= segment.start < segment.end <= span.end
        assert segment.words[1].start == pytest.approx(span.start + 1.0, abs=0.1)


def test_what_is_said_over_silence_is_left_out(make_model: ModelMaker) -> None:
    """The model goes on talking through the pause between the two spans, which it hears as one window."""
    spans = [Span(2.0, 5.5), Span(7.0, 8.0)]
    segments = _transcribe(make_model(), *spans, seconds=10.0)
    words = [word for segment in segments for word in segment.words]
    assert len(words) > 6
    for word in words:
        middle = (word.start + word.end) / 2
        assert any(span.start - 0.3 <= middle <= span.end + 0.3 for span in spans), word
    assert all(segment.text == "".join(word.text for word in segment.words).strip() for segment in segments)


def test_text_that_goes_round_in_circles_is_left_out(make_model: ModelMaker) -> None:
    mad = make_model(said=["<|0.00|>", *["Ġagain"] * 40, "<|4.00|>"])
    assert _transcribe(mad, Span(0.0, 4.0), seconds=4.0) == []


def test_a_loop_within_a_segment_is_said_once(make_model: ModelMaker) -> None:
    stuck = make_model(said=["<|0.00|>", "Ġhello", "Ġworld,", *["Ġagain"] * 6, "<|4.50|>"])
    (segment,) = _transcribe(stuck, Span(0.0, 4.5), seconds=5.0)
    assert segment.text == "hello world, again"


def test_a_sentence_that_is_said_again_and_again_without_a_pause_is_left_out(make_model: ModelMaker) -> None:
    said = _transcribe(make_model(), Span(0.0, 28.0), Span(28.5, 56.0), seconds=56.0)  # every four seconds
    assert [(segment.text, round(segment.start)) for segment in said] == [
        ("hello world, this is a test.", 0),
        ("hello world, this is a test.", 4),
    ]


def test_doubtful_words_that_only_repeat_the_prompt_are_left_out(make_model: ModelMaker) -> None:
    """What the model was told, and does not believe that it heard: its probabilities belong to another position."""
    told = Hints(prompt="Hello world, this is a test.")
    length = 1 + len(" Hello world, this is a test.")
    echo = make_model(first_said_at=FIRST_SAID_AT + length)
    assert _transcribe(echo, Span(0.0, 3.5), seconds=4.0, language="en", hints=told) == []


HEARD_PROMPT = {
    "hotwords": Hints(hotwords=("Noether",)),
    "prompt": Hints(prompt="Noether"),
    "of two kinds": Hints(prompt="the", hotwords=("of",)),
}
"""Each makes the same number of tokens: the one that opens a prompt, a space, and seven letters or five and a space."""


@pytest.mark.parametrize("hints", HEARD_PROMPT.values(), ids=HEARD_PROMPT.keys())
def test_prompt_and_hotwords_reach_the_model(make_model: ModelMaker, hints: Hints) -> None:
    """What stands before moves all that follows: this model says its sentence only after a prompt of that length."""
    length = 1 + sum(len(f" {text}") for text in (hints.prompt, *hints.hotwords) if text)
    prompted = make_model(first_said_at=FIRST_SAID_AT + length)
    (segment,) = _transcribe(prompted, Span(0.0, 3.5), seconds=4.0, language="en", hints=hints)
    assert segment.text == "hello world, this is a test."


def test_a_sentence_that_a_window_breaks_off_is_carried_into_the_next(
    make_model: ModelMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_off = make_model("broken-off", said=["<|0.00|>", "Ġhello", "Ġworld,", "<|2.00|>"])
    given = []
    library = faster_whisper.WhisperModel.transcribe

    def spy(self: object, *args: object, **options: object) -> object:
        given.append(options["initial_prompt"])
        return library(self, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(faster_whisper.WhisperModel, "transcribe", spy)
    spans = [Span(0.0, 1.4), Span(1.6, 29.5), Span(50.0, 52.0)]
    ended = make_model("ended", said=["<|0.00|>", "Ġhello", "Ġtest.", "<|2.00|>"])
    for model in (broken_off, ended):
        _transcribe(model, *spans, seconds=60.0, hints=Hints(prompt="A talk."))
    assert given == ["A talk.", "A talk. hello world,", "A talk.", "A talk.", "A talk.", "A talk."]


def test_a_report_that_raises_stops_the_work(make_model: ModelMaker) -> None:
    class Stopped(Exception):
        pass

    def stop(done: float) -> None:
        if done > 0.5:
            raise Stopped

    spans = tuple(Span(at, at + 3.5) for at in (0.0, 10.0, 20.0))
    request = TranscriptionRequest(_noise(30.0), spans, "en", stop)
    segments = WhisperEngine(make_model(), "tiny-test").transcribe(request)
    assert next(segments).end < 4.0
    with pytest.raises(Stopped):
        next(segments)


def test_auto_takes_whisper_where_the_model_is_and_keeps_it_warm(make_model: ModelMaker) -> None:
    model = make_model()
    engine = select_engine("faster-whisper", whisper_model=str(model))
    assert (engine.info.name, engine.info.model) == ("faster-whisper", "tiny-test")
    assert engine.info.written
    assert engine.warnings_for(None) == ()
    assert select_engine("faster-whisper", whisper_model=str(model)) is engine
    assert select_engine("faster-whisper", whisper_model=str(make_model("other"))) is not engine


def test_a_model_without_its_tokenizer_is_not_there(make_model: ModelMaker) -> None:
    model = make_model()
    assert find_whisper_model(str(model)) == model
    (model / "tokenizer.json").unlink()  # the library would go and fetch one
    assert find_whisper_model(str(model)) is None
    with pytest.raises(EngineUnavailable, match="is not on this machine"):
        select_engine("faster-whisper", whisper_model=str(model))


def test_a_model_in_the_hub_cache_is_found_without_a_network(
    make_model: ModelMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    assert find_whisper_model("base") is None
    cached = tmp_path / "hub" / "models--Systran--faster-whisper-base"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text("abc")
    (cached / "snapshots").mkdir()
    make_model().rename(cached / "snapshots" / "abc")
    assert find_whisper_model("base") == cached / "snapshots" / "abc"
    assert find_whisper_model("no-such-size") is None


def test_a_fetched_model_is_found_by_its_name(make_model: ModelMaker, tmp_path: Path) -> None:
    make_model("faster-whisper-tiny")
    assert find_whisper_model("tiny", tmp_path) == tmp_path / "faster-whisper-tiny"
    assert (
        choose_engine("faster-whisper", whisper_model="tiny", models=tmp_path).directory
        == tmp_path / "faster-whisper-tiny"
    )
    assert find_whisper_model("../tiny", tmp_path) is None


def test_a_damaged_model_is_a_final_error(make_model: ModelMaker) -> None:
    model = make_model()
    (model / "model.bin").write_bytes(b"nothing")
    with pytest.raises(EngineUnavailable, match="cannot be loaded"):
        select_engine("faster-whisper", whisper_model=str(model))


SPEECH = Path(__file__).resolve().parents[3] / "shared" / "data" / "speech" / "lj001_0001_0008.flac"


def _spoken(path: Path) -> WavAudio:
    if not path.exists():
        pytest.skip(f"{path.name} is not on this machine")
    resampler = av.AudioResampler("s16", "mono", 16000)
    with av.open(str(path)) as container:
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    return _wav(np.concatenate([frame.to_ndarray().ravel() for frame in frames]))


@pytest.mark.parametrize("parts", [1, 3])
def test_parts_of_real_speech_make_one_transcript(make_model: ModelMaker, parts: int) -> None:
    """The voice detector finds where there is speech, and only there the model's sentence is let through."""
    audio = _spoken(SPEECH)
    engine = WhisperEngine(make_model(), "tiny-test")
    made = [
        transcribe_part(
            audio,
            engine,
            part=part,
            parts=parts,
            duration_sec=audio.duration_sec,
            language=None,
            report=lambda done: None,
        )
        for part in range(parts)
    ]
    transcript = merge_parts(made, session_id="s", job_id="j", duration_sec=audio.duration_sec)
    assert (transcript.language, transcript.engine.name, transcript.warnings) == ("en", "faster-whisper", ())
    assert [segment.id for segment in transcript.segments] == list(range(len(transcript.segments)))
    assert all(one.end <= other.start for one, other in pairwise(transcript.segments))
    assert all(part.segments for part in made)
    assert "hello world, this is a test." in {segment.text for segment in transcript.segments}
    assert transcript.speech_sec == pytest.approx(sum(part.speech_sec for part in made))
