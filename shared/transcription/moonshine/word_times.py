"""Compute the time of each word from the decoder's cross-attention.

Apart from the model because it needs the attention and the samples only. Each token is given at least one frame, in
order, so that the attention along the path is largest (Viterbi). The attention of every head is first normalised
(z-score over the frames), then averaged over all heads. Frames in pauses are removed first, because attention is
unreliable there. A path on which a word continues over a pause is charged for it. The measurements are in
docs/decisions/0013-speech-engine.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.transcription.audio import SAMPLE_RATE
from shared.transcription.moonshine.model import FRAME_SAMPLES
from shared.transcription.moonshine.tokens import WrittenWord

FRAME_SEC = FRAME_SAMPLES / SAMPLE_RATE
CENTRE_SEC = 0.028
"""From the beginning of a frame to the middle of the 895 samples that the encoder's convolutions see of it."""
QUIET_DB = (30.0, 40.0)
"""Least and most: a frame is a pause if it is below the loudest by more than the most; in a recording with loud hiss,
less suffices, down to the least."""
QUIETEST_PERCENT = 5.0
"""The level of the hiss is taken from this share of frames, the quietest."""
ABOVE_QUIETEST_DB = 6.0
"""Margin added to that level."""
DIGITAL_SILENCE_DB = -90.0
"""Relative to a full-scale square wave; frames without any sound do not count for the hiss."""
NEAR_SPEECH_FRAMES = 1
"""A quiet frame is kept if it is at most this far from a loud one."""
PAUSE_COST = 10.0
"""Charge for a word that continues over a pause of `FULL_PAUSE_SEC`, in standard deviations; less for shorter ones."""
FULL_PAUSE_SEC = 0.3
SNAP_FRAMES = 3
"""A word that begins at most this far from the end of a pause is moved there."""
SHORTEST_WORD_SEC = 0.02


@dataclass(frozen=True, slots=True)
class TimedWord:
    """The time of a word, in seconds from the beginning of the samples."""

    start: float
    end: float


def time_words(
    samples: NDArray[np.float32], attention: NDArray[np.float32], words: Sequence[WrittenWord]
) -> tuple[TimedWord, ...]:
    """Return the time of each word, in order, inside the samples, none shorter than `SHORTEST_WORD_SEC`.

    `attention` is (tokens, heads, frames). If the sound has too few frames for the tokens, or is too short for
    the words, the time is divided evenly.
    """
    tokens, _, frames = attention.shape
    length_sec = len(samples) / SAMPLE_RATE
    if not words:
        return ()
    if frames < tokens or length_sec < 2 * SHORTEST_WORD_SEC * len(words):
        step = length_sec / len(words)
        return tuple(TimedWord(at * step, (at + 1) * step) for at in range(len(words)))
    kept = np.flatnonzero(_near_speech(samples, frames))
    if len(kept) < tokens:
        kept = np.arange(frames)
    opens = np.zeros(tokens, bool)
    opens[[word.first for word in words]] = True
    pauses_sec = np.concatenate(([0.0], (np.diff(kept) - 1) * FRAME_SEC))
    first = best_starts(_scores(attention[:, :, kept]), opens, pauses_sec)
    starts = _snapped([int(first[word.first]) for word in words], np.flatnonzero(pauses_sec > 0.0))
    return tuple(_as_times(starts, kept, pauses_sec > 0.0, length_sec))


def best_starts(
    scores: NDArray[np.float64], opens: NDArray[np.bool_], pauses_sec: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return the frame at which each token begins on the best way through `scores` (tokens, frames).

    Args:
        scores: Evidence of each frame for each token; there are at least as many frames as tokens.
        opens: Whether a token opens a word: only then may it begin after a pause without a charge.
        pauses_sec: For each frame, the length of the pause that was taken out before it.
    """
    tokens, frames = scores.shape
    charges = PAUSE_COST * np.minimum(pauses_sec / FULL_PAUSE_SEC, 1.0)
    best = np.full(tokens, -np.inf)
    best[0] = scores[0, 0]
    advanced = np.zeros((frames, tokens), bool)
    for frame in range(1, frames):
        moved = np.concatenate(([-np.inf], best[:-1])) - np.where(opens, 0.0, charges[frame])
        stayed = best - charges[frame]
        advanced[frame] = moved > stayed
        best = np.where(advanced[frame], moved, stayed) + scores[:, frame]
    starts = np.zeros(tokens, np.int64)
    token = tokens - 1
    for frame in range(frames - 1, 0, -1):
        if advanced[frame, token]:
            starts[token] = frame
            token -= 1
    return starts


def _scores(attention: NDArray[np.float32]) -> NDArray[np.float64]:
    mean = attention.mean(axis=2, keepdims=True)
    spread = attention.std(axis=2, keepdims=True) + 1e-6
    return np.asarray(((attention - mean) / spread).mean(axis=1), np.float64)


def _near_speech(samples: NDArray[np.float32], frames: int) -> NDArray[np.bool_]:
    """Return which frames are loud, or next to one that is."""
    padded = np.pad(samples, (0, max(0, frames * FRAME_SAMPLES - len(samples))))[: frames * FRAME_SAMPLES]
    level_db = 10.0 * np.log10(np.square(padded.reshape(frames, FRAME_SAMPLES)).mean(axis=1) + 1e-10)
    least, most = QUIET_DB
    sound_db = level_db[level_db > DIGITAL_SILENCE_DB]
    hiss_db = np.percentile(sound_db, QUIETEST_PERCENT) + ABOVE_QUIETEST_DB if len(sound_db) else 0.0
    loud = level_db > np.clip(hiss_db, level_db.max() - most, level_db.max() - least)
    return np.asarray(np.convolve(loud, np.ones(2 * NEAR_SPEECH_FRAMES + 1), "same") > 0.0)


def _snapped(starts: Sequence[int], after_pause: NDArray[np.int64]) -> list[int]:
    """Return the starts of words, moved to the end of a pause that is near; they stay in order and apart."""
    moved: list[int] = []
    for start in starts:
        if len(after_pause):
            nearest = int(after_pause[np.argmin(np.abs(after_pause - start))])
            if abs(nearest - start) <= SNAP_FRAMES and (not moved or nearest > moved[-1]):
                start = nearest
        moved.append(max(start, moved[-1] + 1) if moved else start)
    return moved


def _as_times(
    starts: Sequence[int], kept: NDArray[np.int64], after_pause: NDArray[np.bool_], length_sec: float
) -> list[TimedWord]:
    """Return the times of words that begin at these kept frames; a word ends where the next begins, or its pause."""
    last = len(kept) - 1
    begun = [_edge_sec(int(kept[min(at, last)]), bool(after_pause[min(at, last)]), ends=False) for at in starts]
    times: list[TimedWord] = []
    floor = 0.0
    for number, start in enumerate(begun):
        following = len(begun) - number
        start = min(max(start, floor), length_sec - following * SHORTEST_WORD_SEC)
        if number + 1 < len(begun):
            at = min(starts[number + 1], last)
            end = _edge_sec(int(kept[at - 1]), True, ends=True) if after_pause[at] else begun[number + 1]
        else:
            end = _edge_sec(int(kept[last]), last + 1 < length_sec / FRAME_SEC, ends=True)
        end = min(max(end, start + SHORTEST_WORD_SEC), length_sec - (following - 1) * SHORTEST_WORD_SEC)
        times.append(TimedWord(start, end))
        floor = end
    return times


def _edge_sec(frame: int, at_pause: bool, *, ends: bool) -> float:
    """Return the time of a word's edge at a frame: next to a pause where the sound changes, else the frame's centre."""
    if not at_pause:
        return frame * FRAME_SEC + (FRAME_SEC if ends else CENTRE_SEC)
    return (frame + 1 - NEAR_SPEECH_FRAMES if ends else frame + NEAR_SPEECH_FRAMES) * FRAME_SEC
