"""What a telephone takes from a voice, and how much of it comes back."""

from pathlib import Path

import numpy as np
import pocketsphinx
import pytest
from numpy.typing import NDArray

from shared.domain.errors import EngineUnavailable
from shared.transcription.features import CEPSTRA, COSINES, FILTERS, cepstra, filter_levels
from shared.transcription.telephone import BandFiller, Sounds, missing_filters, sounds_of

RATE = 16000
FLOOR = 2.0  # of 16-bit rounding, about
MODEL = Path(pocketsphinx.get_model_path("en-us")) / "en-us"


@pytest.fixture(scope="module")
def sounds() -> Sounds:
    return sounds_of(MODEL)


@pytest.fixture(scope="module")
def voice(sounds: Sounds) -> NDArray[np.float64]:
    """(frames, 25) levels that vary as those of speech do."""
    random = np.random.default_rng(6)
    said = random.integers(len(sounds.means), size=400)
    vectors = [random.multivariate_normal(sounds.means[sound], sounds.covariances[sound]) for sound in said]
    return np.asarray(18.0 + np.array(vectors) @ np.linalg.pinv(COSINES) + random.normal(0, 0.4, (400, FILTERS)))


def through_telephone(levels: NDArray[np.float64], *, high_pass: bool = False) -> NDArray[np.float64]:
    """Nothing above 3.8 kHz, and perhaps nothing below 300 Hz."""
    cut = levels.copy()
    cut[:, 20:] = FLOOR + np.random.default_rng(7).normal(0, 0.3, cut[:, 20:].shape)
    if high_pass:
        cut[:, :2] = FLOOR
    return cut


def test_the_model_is_read_as_it_is(sounds: Sounds) -> None:
    assert sounds.means.shape == (42, CEPSTRA)  # one for each phone
    assert sounds.covariances.shape == (42, CEPSTRA, CEPSTRA)
    np.testing.assert_allclose(sounds.means.mean(axis=0), 0.0, atol=1e-6)
    for covariance in sounds.covariances:
        np.testing.assert_allclose(covariance, covariance.T)
        assert 1.0 < np.linalg.eigvalsh(covariance).min() < np.diag(covariance).max() < 1000.0


def test_another_model_is_refused(tmp_path: Path) -> None:
    for name in ("means", "variances"):
        (tmp_path / name).write_bytes(b"s3\nversion 1.0\nendhdr\n" + bytes(4) + np.full(40, 7, "<i4").tobytes())
    with pytest.raises(EngineUnavailable, match="install it again"):
        sounds_of(tmp_path)


@pytest.mark.parametrize("high_pass", [False, True], ids=["no highs", "neither lows nor highs"])
def test_what_a_telephone_cut_off_is_known(voice: NDArray[np.float64], high_pass: bool) -> None:
    missing = missing_filters(through_telephone(voice, high_pass=high_pass))
    assert np.flatnonzero(missing).tolist() == [*([0, 1] if high_pass else []), 20, 21, 22, 23, 24]


def test_whole_sound_misses_nothing_and_stays_as_it_is(voice: NDArray[np.float64], sounds: Sounds) -> None:
    old_record = voice - np.maximum(0, np.arange(FILTERS) - 14) * 1.0  # quieter upwards: 43 dB at the top
    for levels in (voice, old_record):
        assert not missing_filters(levels).any()
        assert BandFiller(sounds).fill(levels) is levels


@pytest.mark.parametrize("length", [0, 1, 10])
def test_too_little_to_tell_is_left_alone(voice: NDArray[np.float64], length: int) -> None:
    assert not missing_filters(through_telephone(voice[:length])).any()


def test_what_comes_back_is_much_nearer_to_the_voice(voice: NDArray[np.float64], sounds: Sounds) -> None:
    def error(levels: NDArray[np.float64]) -> float:
        frames, whole = (cepstra(each) for each in (levels, voice))
        return float(np.square((frames - frames.mean(axis=0)) - (whole - whole.mean(axis=0))).mean())

    cut = through_telephone(voice)
    assert error(BandFiller(sounds).fill(cut)) < 0.6 * error(cut)


def test_put_in_silence_stays_silence(voice: NDArray[np.float64], sounds: Sounds) -> None:
    gap = filter_levels(np.zeros(RATE, np.int16))
    filled = BandFiller(sounds).fill(np.concatenate([through_telephone(voice), gap]))
    np.testing.assert_array_equal(filled[len(voice) :], gap)
