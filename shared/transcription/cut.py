"""Decides where a part of the transcription begins and ends, without anyone having heard the whole recording.

Of the n parts of a recording of D seconds, part p is nominally [p·D/n, (p+1)·D/n). Both neighbours of a boundary listen
to the same few seconds around it in the same way, with a fresh detector from the same start, and so choose the same
cut: the middle of the longest pause. No word is heard twice and none is lost, whoever computes it, whenever.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from shared.transcription.audio import WavAudio
from shared.transcription.band import gains_for, is_telephone
from shared.transcription.vad import THRESHOLD, WINDOW_SEC, Span, on_grid, speech_probabilities

LOOK_SEC = 5.0  # to either side of a boundary
LEAD_SEC = 4.0  # heard before that, for the detector to settle

Detector = Callable[[WavAudio, float, float], Iterable[float]]


def hear(audio: WavAudio, start_sec: float, end_sec: float) -> Iterable[float]:
    """The probability of speech for each window, whatever line it came through."""
    telephone = is_telephone(audio, Span(start_sec, end_sec))
    return speech_probabilities(audio, start_sec, end_sec, gains=gains_for(telephone))


def part_span(audio: WavAudio, part: int, parts: int, duration_sec: float, detect: Detector = hear) -> Span:
    """What part `part` of `parts` equal ones has to transcribe; empty where the sound ends before it."""
    if not 0 <= part < parts:
        raise ValueError(f"part must be 0 to {parts - 1}, not {part}")
    part_sec = duration_sec / parts
    end_sec = min(audio.duration_sec, duration_sec)
    start = 0.0 if part == 0 else find_cut(audio, part * part_sec, part_sec, end_sec, detect)
    end = end_sec if part == parts - 1 else find_cut(audio, (part + 1) * part_sec, part_sec, end_sec, detect)
    return Span(min(start, end), end)


def find_cut(audio: WavAudio, boundary_sec: float, part_sec: float, end_sec: float, detect: Detector) -> float:
    """The time near `boundary_sec` at which the parts before and after it meet."""
    if boundary_sec >= end_sec:
        return end_sec
    reach = min(LOOK_SEC, part_sec / 3)  # windows of neighbouring boundaries never meet
    first = on_grid(boundary_sec - reach)
    lead = on_grid(first - LEAD_SEC)
    probabilities = list(detect(audio, lead, min(end_sec, boundary_sec + reach)))
    skipped = round((first - lead) / WINDOW_SEC)
    window = longest_pause(probabilities[skipped:], (boundary_sec - first) / WINDOW_SEC)
    return min(end_sec, lead + (skipped + window) * WINDOW_SEC)


def longest_pause(probabilities: Sequence[float], wanted: float) -> float:
    """The middle of the longest run without speech (of equal ones, the one nearest to `wanted`), in windows; where
    there is speech all the time, the window that sounds least like it."""
    if not probabilities:
        return wanted
    runs: list[tuple[int, int]] = []
    start: int | None = None
    for index, probability in enumerate([*probabilities, 1.0]):
        if probability < THRESHOLD:
            start = index if start is None else start
        elif start is not None:
            runs.append((start, index))
            start = None
    if not runs:
        return int(np.argmin(probabilities)) + 0.5
    first, last = min(runs, key=lambda run: (run[0] - run[1], abs((run[0] + run[1]) / 2 - wanted)))
    return (first + last) / 2
