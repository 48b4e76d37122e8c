"""Speech that went through a telephone: found where it is, and understood as well as can be."""

import io
from pathlib import Path

import av
import jiwer
import numpy as np
import pytest
from numpy.typing import NDArray

from shared.media.audio.decoder import AudioDecoder, wav_header
from shared.media.probe.probe import probe
from shared.transcription import telephone, transcribe
from shared.transcription.audio import WavAudio
from shared.transcription.engine import Engine
from shared.transcription.part_spans import part_span
from shared.transcription.payload import TranscriptPart
from shared.transcription.vad import THRESHOLD, WINDOW_SEC, speech_probabilities, speech_spans
from shared.transcription.warm import select_engine

SPEECH = Path(__file__).parents[3] / "shared" / "data" / "speech"
LINE_HZ = 8000
ERRORS_UNFILLED = 10 / 27
"""Share of words that the engine hears wrong where `BandFiller.fill` returns what it is given."""
Samples = NDArray[np.int16]


def read(name: str, seconds: float) -> Samples:
    """The clip's beginning at the rate of a telephone line."""
    path = SPEECH / f"{name}.flac"
    if not path.exists():
        pytest.skip(f"{path.name} is not here")
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("s16", "mono", LINE_HZ)
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
        return np.concatenate([frame.to_ndarray()[0] for frame in frames])[: round(seconds * LINE_HZ)]


def high_passed(samples: Samples) -> Samples:
    """Without what is below 300 Hz and above 3400."""
    spectrum = np.fft.rfft(samples)
    hertz = np.fft.rfftfreq(len(samples), 1 / LINE_HZ)
    spectrum[(hertz < 300) | (hertz > 3400)] = 0
    return np.round(np.fft.irfft(spectrum, len(samples))).clip(-32768, 32767).astype(np.int16)


def copy_of(samples: Samples) -> WavAudio:
    """The audio copy that the pipeline makes of a G.711 recording."""
    file = io.BytesIO()
    with av.open(file, "w", format="wav") as container:
        stream = container.add_stream("pcm_mulaw", rate=LINE_HZ)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = LINE_HZ
        container.mux([*stream.encode(frame), *stream.encode(None)])
    recording = probe(file, len(file.getvalue()))
    decoded = b"".join(AudioDecoder(file, recording, lambda fraction: None))
    return WavAudio(io.BytesIO(wav_header(len(decoded) // 2) + decoded))


def heard(audio: WavAudio, engine: Engine) -> TranscriptPart:
    return transcribe.transcribe_part(
        audio,
        engine,
        part=0,
        parts=1,
        duration_sec=audio.duration_sec,
        language="en",
        report=lambda fraction: None,
    )


@pytest.fixture(scope="module")
def engine() -> Engine:
    return select_engine("pocketsphinx")


def test_what_the_line_cut_off_is_filled_in(engine: Engine) -> None:
    part = heard(copy_of(read("lj001_0001_0008", 9.7)), engine)
    assert transcribe.TELEPHONE in part.warnings
    words = (SPEECH / "lj001_0001_0008.txt").read_text(encoding="utf-8").lower().replace(",", "").split()
    text = " ".join(segment.text for segment in part.segments)
    assert jiwer.wer(" ".join(words[:27]), text) < 0.75 * ERRORS_UNFILLED


def test_a_voice_without_lows_and_highs_is_found_because_the_detector_hears_it_attenuated(engine: Engine) -> None:
    class Deaf:
        info, warnings_for = engine.info, engine.warnings_for

        def transcribe(self, request: object) -> list[object]:
            return []

    whole = read("libri_163_122947", 20.0)
    expected = heard(copy_of(whole), Deaf()).speech_sec  # type: ignore[arg-type]
    cut = copy_of(high_passed(whole))
    assert expected > 12.0
    assert heard(cut, Deaf()).speech_sec > 0.75 * expected  # type: ignore[arg-type]
    as_it_is = speech_spans(speech_probabilities(cut, 0.0, cut.duration_sec, gains=(1.0,)))
    assert sum(span.length for span in as_it_is) < 0.5 * expected


def test_no_cut_goes_through_such_a_voice() -> None:
    clips = [read(name, 30.0) for name in ("libri_163_122947", "libri_1088_134315", "libri_332_128985")]
    audio = copy_of(high_passed(np.concatenate(clips)))
    parts = round(audio.duration_sec / 15)
    speech = list(speech_probabilities(audio, 0.0, audio.duration_sec, gains=telephone.TELEPHONE_GAINS))
    cuts = [part_span(audio, part, parts, audio.duration_sec).start for part in range(1, parts)]
    assert [cut for cut in cuts if speech[int(cut / WINDOW_SEC)] >= THRESHOLD] == []
