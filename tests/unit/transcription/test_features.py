import numpy as np
import pytest
from numpy.typing import NDArray

from shared.transcription.features import CEPSTRA, FRAMES_PER_SEC, filter_levels, without_mean
from shared.transcription.features import cepstra as cepstra_of
from shared.transcription.pocketsphinx_engine import load_decoder

RATE = 16000


def cepstra(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    return cepstra_of(filter_levels(samples))


def sweep(seconds: float, first_hz: float, last_hz: float) -> NDArray[np.int16]:
    """A tone that glides from one pitch to another, over a little noise."""
    time = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * (first_hz * time + (last_hz - first_hz) * time**2 / (2 * seconds))
    noise = np.random.default_rng(5).normal(0, 50, time.size)
    return (8000 * np.sin(phase) + noise).astype(np.int16)


def test_the_cepstra_are_those_of_the_front_end_that_the_model_knows() -> None:
    decoder = load_decoder(means="batch")
    samples = sweep(6.0, 100, 7500)
    decoder.start_utt()
    decoder.process_raw(samples.tobytes(), no_search=True, full_utt=True)
    its_mean = [float(value) for value in decoder.get_cmn(False).split(",")]
    # Its last frame is filled up with silence; of six hundred, that one may shift the mean a little.
    np.testing.assert_allclose(cepstra(samples).mean(axis=0), its_mean, atol=0.1)


def test_a_frame_stands_for_ten_milliseconds() -> None:
    frames = cepstra(np.concatenate([np.zeros(RATE, np.int16), sweep(1.0, 500, 900), np.zeros(RATE, np.int16)]))
    assert frames.shape == (pytest.approx(3 * FRAMES_PER_SEC, abs=3), CEPSTRA)
    loud = np.flatnonzero(frames[:, 0] > frames[:, 0].max() - 20)
    assert (loud[0], loud[-1]) == (pytest.approx(FRAMES_PER_SEC, abs=3), pytest.approx(2 * FRAMES_PER_SEC, abs=3))


def test_long_sound_is_worked_through_in_blocks_that_do_not_show() -> None:
    samples = sweep(12.0, 200, 3000)
    later = cepstra(samples[300 * RATE // FRAMES_PER_SEC :])
    np.testing.assert_allclose(cepstra(samples)[301:], later[1:], rtol=1e-4, atol=1e-3)  # the first one: pre-emphasis


def test_loudness_and_colour_go_with_the_mean() -> None:
    samples = sweep(3.0, 300, 2000)
    plain, quiet = without_mean(cepstra(samples)), without_mean(cepstra(samples // 4))
    np.testing.assert_allclose(plain, quiet, atol=1.5)
    np.testing.assert_allclose(plain.mean(axis=0), 0.0, atol=1e-3)


@pytest.mark.parametrize("length", [0, 1, 409])
def test_what_is_shorter_than_a_window_has_no_frames(length: int) -> None:
    assert without_mean(cepstra(np.zeros(length, np.int16))).shape == (0, CEPSTRA)


def test_missing_sound_does_not_shift_the_mean() -> None:
    samples = sweep(2.0, 300, 2000)
    frames = cepstra(samples)
    gap = np.concatenate([samples, np.zeros(2 * RATE, np.int16)])
    np.testing.assert_allclose(without_mean(cepstra(gap))[: len(frames)], without_mean(frames), atol=0.5)
