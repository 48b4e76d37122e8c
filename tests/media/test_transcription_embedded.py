"""The embedded engine on eleven seconds of real speech in the forms that recordings come in, and on minutes of none."""

import io
import re
import tracemalloc
import wave
from collections.abc import Callable
from pathlib import Path

import av
import jiwer
import numpy as np
import pytest
from numpy.typing import NDArray

from shared.media.audio.decoder import AudioDecoder, wav_header
from shared.media.probe.probe import probe
from shared.transcription.audio import SAMPLE_RATE, WavAudio
from shared.transcription.engine import Engine, Segment, TranscriptionRequest
from shared.transcription.payload import Transcript
from shared.transcription.pocketsphinx_engine import PocketsphinxEngine
from shared.transcription.transcribe import DOUBTFUL, NO_SPEECH, merge_parts, transcribe_part
from shared.transcription.vad import Span
from shared.transcription.warm import select_engine

SPEECH = Path(__file__).parents[3] / "shared" / "data" / "speech" / "jfk.flac"
UTTERANCE = Span(0.2, 2.4)
BEGINNING_SEC = 5.5
"""As much of the speech as the awkward forms of it need."""
Samples = NDArray[np.int16]


@pytest.fixture(scope="module")
def speech() -> Samples:
    if not SPEECH.exists():
        pytest.skip(f"{SPEECH.name} is not here")
    return resampled(SPEECH, SAMPLE_RATE)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return select_engine("pocketsphinx")


@pytest.fixture(scope="module")
def heard(speech: Samples, engine: Engine) -> Transcript:
    """What is heard of the speech as it is."""
    return transcribe(copy_of(stored(speech)), engine)


def resampled(source: Path, rate: int) -> Samples:
    with av.open(str(source)) as container:
        resampler = av.AudioResampler("s16", "mono", rate)
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
        return np.concatenate([frame.to_ndarray()[0] for frame in [*frames, *resampler.resample(None)]])


def stored(samples: Samples, rate: int = SAMPLE_RATE) -> bytes:
    """A WAV file; `samples` are (n,) or (n, channels)."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return out.getvalue()


def copy_of(recording: bytes) -> WavAudio:
    """The audio copy that the pipeline would make."""
    decoder = AudioDecoder(io.BytesIO(recording), probe(io.BytesIO(recording), len(recording)), lambda fraction: None)
    samples = b"".join(decoder)
    return WavAudio(io.BytesIO(wav_header(len(samples) // 2) + samples))


def transcribe(audio: WavAudio, engine: Engine, parts: int = 1) -> Transcript:
    made = (
        transcribe_part(
            audio,
            engine,
            part=part,
            parts=parts,
            duration_sec=audio.duration_sec,
            language="en",
            report=lambda fraction: None,
        )
        for part in range(parts)
    )
    return merge_parts(made, session_id="s", job_id="j", duration_sec=audio.duration_sec)


def plain(transcript: Transcript) -> str:
    return re.sub(r"[^a-z' ]", "", " ".join(segment.text for segment in transcript.segments).lower())


def words_at(transcript: Transcript) -> dict[str, float]:
    """When each word is said that is said once."""
    words = [(word.word.lower(), word.start) for segment in transcript.segments for word in segment.words]
    texts = [text for text, _ in words]
    return {text: start for text, start in words if texts.count(text) == 1}


def assert_later(expected: Transcript, found: Transcript, by_sec: float, *, words: int) -> None:
    before, after = words_at(expected), words_at(found)
    both = before.keys() & after.keys()
    assert len(both) >= words
    assert np.median([after[word] - before[word] for word in both]) == pytest.approx(by_sec, abs=0.05)


def test_most_words_are_right(heard: Transcript) -> None:
    reference = SPEECH.with_suffix(".txt").read_text(encoding="utf-8").lower()
    assert jiwer.wer(re.sub(r"[^a-z' ]", "", reference), plain(heard)) < 0.4
    assert {"country", "americans"} <= words_at(heard).keys() | set(plain(heard).split())


def test_sound_that_begins_ten_seconds_late_is_heard_where_it_is(
    make_clip: Callable[..., bytes], speech: Samples, heard: Transcript, engine: Engine
) -> None:
    sound = [(10.0, (beginning_of(speech) / 32768).astype(np.float32))]
    clip = make_clip("mp4", seconds=16.0, video="libx264", audio="aac", rate=SAMPLE_RATE, sound=sound)
    late = transcribe(copy_of(clip), engine)
    assert late.segments[0].start > 10.0
    assert_later(heard, late, 10.0, words=4)


def beginning_of(speech: Samples) -> Samples:
    return speech[: round(BEGINNING_SEC * SAMPLE_RATE)]


def listen(engine: Engine, samples: Samples, report: Callable[[float], None]) -> list[Segment]:
    audio = WavAudio(io.BytesIO(stored(samples)))
    return list(engine.transcribe(TranscriptionRequest(audio, (UTTERANCE,), "en", report)))


def test_the_decoder_is_fed_in_pieces_that_do_not_show(speech: Samples, engine: Engine) -> None:
    fractions: list[float] = []
    in_pieces = listen(engine, speech, fractions.append)
    assert len(in_pieces[0].words) >= 3
    assert len(fractions) > UTTERANCE.length * 8  # other threads run between any two, and work can be stopped
    assert fractions == sorted(fractions)
    at_once = PocketsphinxEngine(piece_frames=100_000)
    assert listen(at_once, speech, lambda fraction: None) == in_pieces


def test_work_is_stopped_inside_an_utterance_and_the_engine_is_as_good_as_before(
    speech: Samples, engine: Engine
) -> None:
    before = listen(engine, speech, lambda fraction: None)
    told: list[float] = []

    def stop(fraction: float) -> None:
        told.append(fraction)
        if fraction > 0.3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        listen(engine, speech, stop)
    assert told[-1] < 0.5
    assert listen(engine, speech, lambda fraction: None) == before


class Repeated(io.RawIOBase):
    """A WAV file of a sound said over and over, for hours: made as it is read."""

    def __init__(self, sound: bytes, seconds: float) -> None:
        self._sound, self._at = sound, 0
        self._header = wav_header(round(seconds * SAMPLE_RATE))
        self._size = len(self._header) + 2 * round(seconds * SAMPLE_RATE)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (self._size if whence == 2 else 0)
        return self._at

    def read(self, count: int = -1) -> bytes:
        start, end = self._at, min(self._size, self._at + count)
        self._at = max(start, end)
        head = self._header[start:end]
        first = max(0, start - len(self._header))
        wanted = max(0, end - start - len(head))
        turn = first % len(self._sound)
        return head + (self._sound * (wanted // len(self._sound) + 2))[turn : turn + wanted]


def chords(seconds: int) -> Samples:
    """Bowed chords with a vibrato over a beat, in the range of a voice."""
    random = np.random.default_rng(4)
    time = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    swell = np.minimum(1.0, np.minimum(5 * time, 5 * (2.0 - time)))
    bars = []
    for root in random.choice([110.0, 123.5, 130.8, 146.8, 164.8], seconds // 2):
        pitches = [root, root * 1.26, root * 1.5]
        wobble = 1.2 * np.sin(2 * np.pi * 5.5 * time)
        bow = sum(np.sin(k * (2 * np.pi * p * time + wobble)) / k for p in pitches for k in range(1, 8))
        beat = random.normal(0, 0.5, time.size) * np.exp(-12 * (time % 0.5))
        bars.append(bow / 8 * swell + beat * 0.3)
    sound = np.concatenate(bars)
    return (sound / np.abs(sound).max() * 20000).astype(np.int16)


@pytest.mark.parametrize("sound", [np.zeros(SAMPLE_RATE, np.int16), chords(20)], ids=["silence", "music"])
def test_of_minutes_without_speech_nothing_is_written(sound: Samples, engine: Engine) -> None:
    audio = WavAudio(Repeated(sound.tobytes(), 900.0))  # type: ignore[arg-type]
    assert audio.duration_sec == 900.0
    transcript = transcribe(audio, engine, parts=3)
    assert transcript.segments == ()
    assert NO_SPEECH in transcript.warning_details
    assert transcript.speech_sec == 0.0


def drums(seconds: float) -> Samples:
    """A bass drum and a snare in turns, four a second."""
    random = np.random.default_rng(9)
    time = np.arange(SAMPLE_RATE // 4) / SAMPLE_RATE
    bass = np.sin(2 * np.pi * (50 + 60 * np.exp(-20 * time)) * time) * np.exp(-18 * time)
    beats = [bass if beat % 2 else random.normal(0, 0.5, time.size) * np.exp(-25 * time) for beat in range(40)]
    return as_loud(np.resize(np.concatenate(beats), round(seconds * SAMPLE_RATE)))


def bells(seconds: float) -> Samples:
    """Struck notes by frequency modulation."""
    random = np.random.default_rng(10)
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE

    def note() -> NDArray[np.float64]:
        hertz = random.choice([220, 262, 330, 392])
        beat = random.uniform(1, 6) * np.sin(2 * np.pi * hertz * random.choice([1, 1.5, 3.01]) * time)
        return np.asarray(np.sin(2 * np.pi * hertz * time + beat) * np.exp(-2 * time))

    return as_loud(np.concatenate([note() for _ in range(round(seconds))]))


def gusts(seconds: float) -> Samples:
    """Bursts of noise with pauses between them."""
    random = np.random.default_rng(11)
    lengths = random.uniform(0.1, 0.8, round(seconds * 2)) * SAMPLE_RATE
    pieces = [random.normal(0, 0.3 * (number % 2), round(length)) for number, length in enumerate(lengths)]
    return as_loud(np.concatenate(pieces)[: round(seconds * SAMPLE_RATE)])


def vowels(seconds: float) -> Samples:
    """A buzz of 120 Hz through the formants of five vowels, four a second: it says nothing, and sounds like a voice."""
    random = np.random.default_rng(9)
    hertz = np.fft.rfftfreq(SAMPLE_RATE // 4, 1 / SAMPLE_RATE)
    formants = [(730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (640, 1190, 2390)]
    harmonics = (np.round(hertz / 120) * 120 == hertz) & (hertz > 0)
    syllables = []
    for which in random.integers(5, size=round(seconds * 4)):
        spectrum = sum(1 / (1 + ((hertz - formant) / 60) ** 2) for formant in formants[which]) * harmonics
        syllable = np.fft.irfft(spectrum * np.exp(2j * np.pi * random.random(hertz.size)))
        syllables.append(syllable * np.sin(np.pi * np.arange(syllable.size) / syllable.size) ** 0.5)
    return as_loud(np.concatenate(syllables))


def as_loud(sound: NDArray[np.float64]) -> Samples:
    return (sound / np.abs(sound).max() * 15000).astype(np.int16)


@pytest.mark.parametrize(
    "play",
    [drums, bells, gusts, lambda s: drums(s) // 2 + bells(s) // 2],
    ids=["drums", "bells", "gusts", "drums and bells"],
)
def test_of_music_and_noise_nothing_is_written(play: Callable[[float], Samples], engine: Engine) -> None:
    transcript = transcribe(copy_of(stored(play(15.0))), engine)
    assert transcript.segments == ()
    assert NO_SPEECH in transcript.warning_details


def test_what_only_sounds_like_a_voice_is_doubted(engine: Engine) -> None:
    transcript = transcribe(copy_of(stored(vowels(8.0))), engine)
    assert transcript.segments == () or DOUBTFUL in transcript.warning_details


def test_a_voice_on_one_of_six_channels_is_understood(speech: Samples, heard: Transcript, engine: Engine) -> None:
    """Check the centre; `test_channels.py` hears every channel of every layout, without an engine."""
    beginning = beginning_of(speech)
    surround = np.zeros((len(beginning), 6), np.int16)
    surround[:, 2] = beginning
    transcript = transcribe(copy_of(stored(surround)), engine)
    before = [word.word for segment in heard.segments for word in segment.words if word.end < BEGINNING_SEC]
    assert jiwer.wer(" ".join(before).lower(), plain(transcript)) < 0.25
    assert_later(heard, transcript, 0.0, words=4)


def test_a_part_of_hours_takes_as_much_memory_as_one_of_minutes(speech: Samples, engine: Engine) -> None:
    """The decoder, which keeps nothing between utterances, is left out: this is about everything around it."""

    def peak(hours: float) -> int:
        audio = WavAudio(Repeated(speech[:SAMPLE_RATE].tobytes(), hours * 3600))  # type: ignore[arg-type]
        parts = round(hours * 12)
        tracemalloc.start()
        try:
            transcribe_part(
                audio,
                Deaf(engine),
                part=parts - 1,
                parts=parts,
                duration_sec=audio.duration_sec,
                language="en",
                report=lambda fraction: None,
            )
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(3.0) < 1.1 * peak(1 / 6) < 30_000_000


class Deaf:
    """Reads what it is given, hears nothing."""

    def __init__(self, engine: Engine) -> None:
        self.info, self.warnings_for = engine.info, engine.warnings_for

    def transcribe(self, request: TranscriptionRequest) -> list[Segment]:
        for span in request.spans:
            request.audio.read(span.start, span.end)
        return []
