"""What a telephone takes from a voice, and how much of it comes back."""

from pathlib import Path

import numpy as np
import pocketsphinx
import pytest
from numpy.typing import NDArray

from shared.domain.errors import EngineUnavailable
from shared.transcription.band import BandFiller, covariance_of_speech, missing_filters
from shared.transcription.features import CEPSTRA, COSINES, FILTERS, cepstra, filter_levels

RATE = 16000
FLOOR = 2.0  # of 16-bit rounding, about
MODEL = Path(pocketsphinx.get_model_path("en-us")) / "en-us"


@pytest.fixture(scope="module")
def covariance() -> NDArray[np.float64]:
    return covariance_of_speech(MODEL)


@pytest.fixture(scope="module")
def voice(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """(frames, 25) levels that vary as those of speech do."""
    random = np.random.default_rng(6)
    vectors = random.multivariate_normal(np.zeros(CEPSTRA), covariance, 400)
    return np.asarray(18.0 + vectors @ np.linalg.pinv(COSINES) + random.normal(0, 0.4, (400, FILTERS)))


def through_telephone(levels: NDArray[np.float64], *, high_pass: bool = False) -> NDArray[np.float64]:
    """Nothing above 3.8 kHz, and perhaps nothing below 300 Hz."""
    cut = levels.copy()
    cut[:, 20:] = FLOOR + np.random.default_rng(7).normal(0, 0.3, cut[:, 20:].shape)
    if high_pass:
        cut[:, :2] = FLOOR
    return cut


def test_the_model_is_read_as_it_is(covariance: NDArray[np.float64]) -> None:
    assert covariance.shape == (CEPSTRA, CEPSTRA)
    np.testing.assert_allclose(covariance, covariance.T)
    assert np.linalg.eigvalsh(covariance).min() > 50.0  # the cepstra of speech vary by ten and more
    assert np.diag(covariance).max() < 500.0


def test_another_model_is_refused(tmp_path: Path) -> None:
    for name in ("means", "variances"):
        (tmp_path / name).write_bytes(b"s3\nversion 1.0\nendhdr\n" + bytes(4) + np.full(40, 7, "<i4").tobytes())
    with pytest.raises(EngineUnavailable, match="install it again"):
        covariance_of_speech(tmp_path)


@pytest.mark.parametrize("high_pass", [False, True], ids=["no highs", "neither lows nor highs"])
def test_what_a_telephone_cut_off_is_known(voice: NDArray[np.float64], high_pass: bool) -> None:
    missing = missing_filters(through_telephone(voice, high_pass=high_pass))
    assert np.flatnonzero(missing).tolist() == [*([0, 1] if high_pass else []), 20, 21, 22, 23, 24]


def test_whole_sound_misses_nothing_and_stays_as_it_is(
    voice: NDArray[np.float64], covariance: NDArray[np.float64]
) -> None:
    old_record = voice - np.maximum(0, np.arange(FILTERS) - 14) * 1.0  # quieter upwards: 43 dB at the top
    for levels in (voice, old_record):
        assert not missing_filters(levels).any()
        assert BandFiller(covariance).fill(levels) is levels


@pytest.mark.parametrize("length", [0, 1, 10])
def test_too_little_to_tell_is_left_alone(voice: NDArray[np.float64], length: int) -> None:
    assert not missing_filters(through_telephone(voice[:length])).any()


def test_what_comes_back_is_much_nearer_to_the_voice(
    voice: NDArray[np.float64], covariance: NDArray[np.float64]
) -> None:
    def error(levels: NDArray[np.float64]) -> float:
        frames, whole = (cepstra(each) for each in (levels, voice))
        return float(np.square((frames - frames.mean(axis=0)) - (whole - whole.mean(axis=0))).mean())

    cut = through_telephone(voice)
    assert error(BandFiller(covariance).fill(cut)) < 0.6 * error(cut)


def test_put_in_silence_stays_silence(voice: NDArray[np.float64], covariance: NDArray[np.float64]) -> None:
    gap = filter_levels(np.zeros(RATE, np.int16))
    filled = BandFiller(covariance).fill(np.concatenate([through_telephone(voice), gap]))
    np.testing.assert_array_equal(filled[len(voice) :], gap)
