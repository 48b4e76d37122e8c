"""Compute the span of each part of the transcription from the audio near the part's boundaries.

Apart from the transcription because it needs the detector of speech and no engine. A worker reads only its own part,
not the whole recording. Of n parts of a recording of D seconds, part p is nominally [p·D/n, (p+1)·D/n). Where the first
part has a length of its own, F seconds, it is [0, F), and the others share the rest equally. The workers of
two neighbouring parts run a fresh detector over the same seconds around their boundary, from the same start. Both
therefore choose the same cut, the middle of the longest pause: no word is transcribed twice or lost, in whichever order
the parts run and however often they are redelivered.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from shared.transcription.audio import WavAudio
from shared.transcription.telephone import gains_for, is_telephone
from shared.transcription.vad import THRESHOLD, WINDOW_SEC, Span, on_grid, speech_probabilities

LOOK_SEC = 5.0
"""Audio searched for a pause on either side of a boundary."""
LEAD_SEC = 4.0
"""Audio run through the detector before that, so that its recurrent state has settled."""

Detector = Callable[[WavAudio, float, float], Iterable[float]]
"""Takes the audio, a start and an end in seconds; returns the probability of speech for each window between them."""


def hear(audio: WavAudio, start_sec: float, end_sec: float) -> Iterable[float]:
    """Return the probability of speech for each window of [start, end); works for telephone speech too."""
    telephone = is_telephone(audio, Span(start_sec, end_sec))
    return speech_probabilities(audio, start_sec, end_sec, gains=gains_for(telephone))


def part_span(
    audio: WavAudio,
    part: int,
    parts: int,
    duration_sec: float,
    detect: Detector = hear,
    first_part_sec: float | None = None,
) -> Span:
    """Return the span that a part has to transcribe.

    Args:
        audio: The whole recording's sound; only the surroundings of the part's boundaries are read. Of the first part
            with a length of its own, the recording's first `first_sound_sec` are enough.
        part: The part's number, from 0; another number raises ValueError.
        parts: The number of parts, nominally of equal length.
        duration_sec: The recording's length.
        detect: Returns the probability of speech for each window.
        first_part_sec: The nominal length of the first of at least two parts; None if it is as long as the others.

    Returns:
        The span on the recording's clock; empty where the sound ends before the part.
    """
    if not 0 <= part < parts:
        raise ValueError(f"part must be 0 to {parts - 1}, not {part}")
    end_sec = min(audio.duration_sec, duration_sec)

    def cut(number: int) -> float:
        """Return where part `number` begins, and the part before it ends."""
        if first_part_sec is None:
            return find_cut(audio, number * duration_sec / parts, duration_sec / parts, end_sec, detect)
        if number == 1:  # does not depend on the recording's length, which may be unknown yet
            return find_cut(audio, first_part_sec, first_part_sec, end_sec, detect)
        part_sec = (duration_sec - first_part_sec) / (parts - 1)
        return find_cut(audio, first_part_sec + (number - 1) * part_sec, part_sec, end_sec, detect)

    start = 0.0 if part == 0 else cut(part)
    end = end_sec if part == parts - 1 else cut(part + 1)
    return Span(min(start, end), end)


def first_sound_sec(first_part_sec: float) -> float:
    """Return how much of a recording's sound the first part needs, with the surroundings of its end, in seconds."""
    return first_part_sec + _reach(first_part_sec)


def _reach(part_sec: float) -> float:
    """Return how far from a boundary a pause is searched: searches around neighbouring boundaries do not overlap."""
    return min(LOOK_SEC, part_sec / 3)


def find_cut(audio: WavAudio, boundary_sec: float, part_sec: float, end_sec: float, detect: Detector) -> float:
    """Return the time near `boundary_sec` at which the parts before and after it meet.

    Args:
        audio: The whole recording's sound.
        boundary_sec: The nominal boundary.
        part_sec: The nominal length of a part; limits the search to a third of it on either side.
        end_sec: The end of the sound, returned for boundaries beyond it.
        detect: Returns the probability of speech for each window.
    """
    if boundary_sec >= end_sec:
        return end_sec
    reach = _reach(part_sec)
    first = on_grid(boundary_sec - reach)
    lead = on_grid(first - LEAD_SEC)
    probabilities = list(detect(audio, lead, min(end_sec, boundary_sec + reach)))
    skipped = round((first - lead) / WINDOW_SEC)
    window = longest_pause(probabilities[skipped:], (boundary_sec - first) / WINDOW_SEC)
    return min(end_sec, lead + (skipped + window) * WINDOW_SEC)


def longest_pause(probabilities: Sequence[float], wanted: float) -> float:
    """Return the middle of the longest run of windows without speech, counted in windows.

    Of runs of equal length, the one nearest to `wanted` is taken. If every window has speech, return the middle of the
    least probable one.
    """
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
