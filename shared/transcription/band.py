"""Hears which pitches a telephone took away, and fills in what a voice would have had there.

A line of 8 kHz ends below 4 kHz, many also begin at 300 Hz. To a recogniser that learned from whole voices the hole
looks like silence in every sound. What is missing is estimated from what is there, as the mean of a mixture of
Gaussians given some of the coordinates (B. Raj, M. Seltzer, R. Stern, "Reconstruction of missing features for robust
speech recognition", Speech Communication 43, 2004). The mixture is read from the acoustic model, so nothing is learned
from recordings here.

The sign of a telephone is a cliff: natural voices, old recordings too, get quieter upwards by a slope.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shared.domain.errors import EngineUnavailable
from shared.transcription.audio import WavAudio
from shared.transcription.features import CEPSTRA, COSINES, FILTERS, SILENT, filter_levels
from shared.transcription.vad import Span

DECIBEL = np.log(10.0) / 10.0
# Of 250 utterances through 8 kHz every one falls by 29 dB or more; of 190 that were whole none by more than 26 dB.
CLIFF_DB, CLIFF_FILTERS = 28.0, 3
TOP_DB = -36.0  # the highest filters are at most so loud, where the loudest is 0: 5 to 7 kHz
GONE_DB = -33.0
HIGH_PASS_DB, HIGH_PASS_FILTERS = 10.0, 2  # 300 Hz cuts through the lowest two
LOUD_DB = 30.0  # below the loudest frames nothing is to be learned
LOWEST_CLIFF, TOP = 15, 22  # filters: from 2.3 kHz on; from 4.6 kHz on
FEWEST_FRAMES = 15
LOOKS, LOOK_SEC = 6, 5.0
NOISE = 1.0  # variance of what 13 cepstra cannot say of a filter
_STREAMS = 3
TELEPHONE_GAINS = (1.0, 1 / 16)  # the detector misses voices without lows and highs unless they are quiet


def missing_filters(levels: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(25,): which filters a telephone cut off, by (frames, 25) levels; none where the sound is whole."""
    none = np.zeros(FILTERS, bool)
    heard = levels[levels.max(axis=1, initial=SILENT) > SILENT]
    if len(heard) < FEWEST_FRAMES:
        return none
    voice = heard[:, :LOWEST_CLIFF].max(axis=1)
    loudest = np.percentile(voice, 95)
    profile = np.percentile(heard[voice > loudest - LOUD_DB * DECIBEL], 95, axis=0) - loudest
    falls = [profile[at] - profile[at + CLIFF_FILTERS :].max() for at in range(LOWEST_CLIFF, FILTERS - CLIFF_FILTERS)]
    if max(falls) < CLIFF_DB * DECIBEL or profile[TOP:].max() > TOP_DB * DECIBEL:
        return none
    gone = np.flatnonzero(profile[LOWEST_CLIFF:] < GONE_DB * DECIBEL)
    missing = np.arange(FILTERS) >= LOWEST_CLIFF + (gone[0] if len(gone) else FILTERS)
    if profile[0] < profile[HIGH_PASS_FILTERS] - HIGH_PASS_DB * DECIBEL:
        missing[:HIGH_PASS_FILTERS] = True
    return missing


def is_telephone(audio: WavAudio, within: Span) -> bool:
    """Whether a part of a recording went through a telephone, by half a minute of it, taken from all over."""
    step = within.length / LOOKS
    starts = (within.start + look * step for look in range(LOOKS))
    pieces = [audio.read_s16(start, min(start + min(LOOK_SEC, step), within.end)) for start in starts]
    return bool(missing_filters(filter_levels(np.frombuffer(b"".join(pieces), dtype="<i2"))).any())


@dataclass(frozen=True, slots=True)
class Sounds:
    """A Gaussian for each sound of a language, all equally likely: `means` (n, 13) and `covariances` (n, 13, 13) of its
    cepstra, whose mean over all sounds is taken off."""

    means: NDArray[np.float64]
    covariances: NDArray[np.float64]


def gains_for(telephone: bool) -> Sequence[float]:
    """How loud sound has to be, each in turn, for `speech_probabilities` to hear the voices in it."""
    return TELEPHONE_GAINS if telephone else (1.0,)


class BandFiller:
    """Knows how the levels of a voice's filters go together."""

    def __init__(self, sounds: Sounds) -> None:
        spread = np.linalg.pinv(COSINES)
        self._means = sounds.means @ spread
        self._levels = spread.T @ sounds.covariances @ spread

    def fill(self, levels: NDArray[np.float64]) -> NDArray[np.float64]:
        """(frames, 25) levels of an utterance with what is missing filled in; whole sound comes back as it is."""
        missing = missing_filters(levels)
        if not missing.any():
            return levels
        heard = levels.max(axis=1) > SILENT
        mean = levels[heard].mean(axis=0)
        likely = self._likely(levels[np.ix_(heard, ~missing)] - mean[~missing], missing)
        filled = levels.copy()
        filled[np.ix_(heard, missing)] = mean[missing] + likely - likely.mean(axis=0)
        return filled

    def _likely(self, seen: NDArray[np.float64], missing: NDArray[np.bool_]) -> NDArray[np.float64]:
        """(frames, missing ones): what each sound would have there, by how likely it is that sound."""
        there = ~missing
        scores, guesses = [], []
        for mean, together in zip(self._means, self._levels, strict=True):
            among = together[np.ix_(there, there)] + NOISE * np.eye(int(there.sum()))
            apart = seen - mean[there]
            solved = np.linalg.solve(among, apart.T).T
            scores.append(-0.5 * (apart * solved).sum(axis=1) - 0.5 * np.linalg.slogdet(among).logabsdet)
            guesses.append(mean[missing] + solved @ together[np.ix_(there, missing)])
        shares = np.exp(np.array(scores) - np.max(scores, axis=0))
        return np.asarray(np.einsum("st,stm->tm", shares / shares.sum(axis=0), np.array(guesses)))


def sounds_of(acoustic_model: Path) -> Sounds:
    """The sounds of a Sphinx model with streams of 13: each of its codebooks, of many densities, as one Gaussian."""
    means, variances = (_densities(acoustic_model / name) for name in ("means", "variances"))
    centred = means - means.mean(axis=1, keepdims=True)
    between = centred.transpose(0, 2, 1) @ centred / means.shape[1]
    within = variances.mean(axis=1)[:, :, None] * np.eye(CEPSTRA)
    return Sounds(means.mean(axis=1) - means.mean(axis=(0, 1)), between + within)


def _densities(file: Path) -> NDArray[np.float64]:
    """(codebooks, densities, 13) of the first stream: the cepstra themselves, without their slopes."""
    header, _, body = file.read_bytes().partition(b"endhdr\n")
    codebooks, streams, densities, *lengths = np.frombuffer(body, "<i4", 3 + _STREAMS, offset=4).tolist()
    if not header.startswith(b"s3\n") or streams != _STREAMS or lengths != [CEPSTRA] * _STREAMS:
        raise EngineUnavailable("pocketsphinx's model is not the one that is known here: install it again.")
    numbers = codebooks * streams * densities * CEPSTRA
    values = np.frombuffer(body, "<f4", numbers, offset=4 * (5 + _STREAMS))
    return values.reshape(codebooks, streams, densities, CEPSTRA)[:, 0].astype(np.float64)
