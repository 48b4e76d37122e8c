"""Detect telephone speech and estimate the frequency bands that the telephone removed.

Apart from the features because only telephone speech needs it. A line sampled at 8 kHz ends below 4 kHz, and many also
begin at 300 Hz. To a recogniser trained on full-band voices the missing bands look like silence. They are estimated
from the present bands, as the conditional mean of a mixture of Gaussians (B. Raj, M. Seltzer, R. Stern, "Reconstruction
of missing features for robust speech recognition", Speech Communication 43, 2004). The mixture is read from the
acoustic model, so nothing is trained on recordings here.

Telephone speech shows a cliff in its spectrum. Natural voices, also in old recordings, fall off by a slope.
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
"""One decibel of power as a natural logarithm, the unit of filter levels."""
CLIFF_DB = 28.0
"""Least fall of telephone speech. All of 250 utterances at 8 kHz fall by 29 dB or more, none of 190 full-band ones by
more than 26 dB."""
CLIFF_FILTERS = 3
"""Filters within which the level falls so far."""
TOP_DB = -36.0
"""Highest level of the top filters (5 to 7 kHz) in telephone speech, relative to the loudest filter."""
GONE_DB = -33.0
"""A filter above the cliff is missing from here down, relative to the loudest filter."""
HIGH_PASS_DB = 10.0
"""Least rise from the lowest filter to the first one above 300 Hz, where the line begins at 300 Hz."""
HIGH_PASS_FILTERS = 2
"""Number of filters that 300 Hz cuts through, from the lowest."""
LOUD_DB = 30.0
"""Frames that are quieter than the loudest by more than this are ignored."""
LOWEST_CLIFF = 15
"""Lowest filter at which a cliff may begin: 2.3 kHz."""
TOP = 22
"""First of the top filters: 4.6 kHz."""
FEWEST_FRAMES = 15
"""Fewer frames with sound are taken as full-band."""
LOOKS = 6
"""Number of samples taken of a part."""
LOOK_SEC = 5.0
"""Length of each sample."""
NOISE = 1.0
"""Variance of a filter's level that 13 cepstra do not express."""
_STREAMS = 3
TELEPHONE_GAINS = (1.0, 1 / 16)
"""The detector misses band-limited voices unless they are attenuated."""


def missing_filters(levels: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return a mask (25,) of the filters that a telephone cut off, from (frames, 25) levels; all False if full-band."""
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
    """Return whether a part of a recording is telephone speech, judged by six samples of 5 s spread over it."""
    step = within.length / LOOKS
    starts = (within.start + look * step for look in range(LOOKS))
    pieces = [audio.read_s16(start, min(start + min(LOOK_SEC, step), within.end)) for start in starts]
    return bool(missing_filters(filter_levels(np.frombuffer(b"".join(pieces), dtype="<i2"))).any())


@dataclass(frozen=True, slots=True)
class Sounds:
    """A mixture of equally likely Gaussians, one for each of the n sounds of a language."""

    means: NDArray[np.float64]
    """(n, 13): mean cepstra of each sound, minus their mean over all sounds."""

    covariances: NDArray[np.float64]
    """(n, 13, 13): covariances of each sound's cepstra."""


def gains_for(telephone: bool) -> Sequence[float]:
    """Return the gains to run the voice detector with; telephone speech is found only when attenuated."""
    return TELEPHONE_GAINS if telephone else (1.0,)


class BandFiller:
    """Estimates missing filter levels of a voice from the present ones."""

    def __init__(self, sounds: Sounds) -> None:
        spread = np.linalg.pinv(COSINES)
        self._means = sounds.means @ spread
        self._levels = spread.T @ sounds.covariances @ spread

    def fill(self, levels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the (frames, 25) levels of an utterance with missing filters estimated; full-band levels unchanged."""
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
        """Return (frames, missing filters): the mean of each sound's estimates, weighted by the sound's probability."""
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
    """Return the sounds of a Sphinx model with streams of 13: each codebook of many densities as one Gaussian."""
    means, variances = (_densities(acoustic_model / name) for name in ("means", "variances"))
    centred = means - means.mean(axis=1, keepdims=True)
    between = centred.transpose(0, 2, 1) @ centred / means.shape[1]
    within = variances.mean(axis=1)[:, :, None] * np.eye(CEPSTRA)
    return Sounds(means.mean(axis=1) - means.mean(axis=(0, 1)), between + within)


def _densities(file: Path) -> NDArray[np.float64]:
    """Return (codebooks, densities, 13) of the first stream: the cepstra without their derivatives."""
    header, _, body = file.read_bytes().partition(b"endhdr\n")
    codebooks, streams, densities, *lengths = np.frombuffer(body, "<i4", 3 + _STREAMS, offset=4).tolist()
    if not header.startswith(b"s3\n") or streams != _STREAMS or lengths != [CEPSTRA] * _STREAMS:
        raise EngineUnavailable("pocketsphinx's model is not the one that is known here: install it again.")
    numbers = codebooks * streams * densities * CEPSTRA
    values = np.frombuffer(body, "<f4", numbers, offset=4 * (5 + _STREAMS))
    return values.reshape(codebooks, streams, densities, CEPSTRA)[:, 0].astype(np.float64)
