"""Detect speech with the silero model that faster-whisper ships, in bounded memory.

Apart from the engines because all of them are given the same stretches of speech. The model takes 512 samples at a time
(32 ms) and has a recurrent state. Running it over blocks and carrying the state gives the same result as one run over
everything (https://github.com/snakers4/silero-vad), at a fixed cost in memory. Speech begins where the probability
reaches `THRESHOLD` and ends before a pause, which is `min_silence_sec` or more below `THRESHOLD - HYSTERESIS`: the rule
of faster_whisper.vad.get_speech_timestamps. Speech that never reaches `SURE` is dropped, because an engine also writes
words over a breath or a violin.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from shared.media.audio.voice import WINDOW, VoiceModel
from shared.transcription.audio import SAMPLE_RATE, WavAudio

WINDOW_SEC = WINDOW / SAMPLE_RATE
BLOCK_SEC = 312 * WINDOW_SEC
"""Sound read at a time, about 10 s."""
THRESHOLD = 0.5
"""Probability at which speech begins."""
HYSTERESIS = 0.15
"""Speech ends below `THRESHOLD` minus this."""
MIN_SPEECH_SEC = 0.2
"""Shorter sound is a click: a word said alone is longer."""
SURE = 0.65
"""Probability that speech reaches at least once. The least sure utterance measured reaches 0.75, a breath 0.61."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the recording, in seconds on its clock."""

    start: float
    end: float

    @property
    def length(self) -> float:
        return self.end - self.start


def on_grid(time_sec: float) -> float:
    """Return the start of the last window at or before a time.

    A detector that starts there sees the same windows as one that started at 0, and so finds the same edges of speech.
    """
    return max(0, math.floor(time_sec / WINDOW_SEC + 1e-6)) * WINDOW / SAMPLE_RATE


def speech_probabilities(
    audio: WavAudio,
    start_sec: float,
    end_sec: float,
    report: Callable[[float], None] = lambda fraction: None,
    gains: Sequence[float] = (1.0,),
) -> Iterator[float]:
    """Yield the probability of speech for each 32 ms of [start, end); the last window is padded with silence.

    Args:
        audio: The sound.
        start_sec: Where the detector starts, with a fresh state.
        end_sec: Where it ends, cut to the length of the sound.
        report: Receives the fraction done after each block; may raise to stop the work.
        gains: The model runs once for each gain; the highest probability counts.
    """
    listeners = [VoiceModel(gain) for gain in gains]
    end_sec = min(end_sec, audio.duration_sec)
    at = start_sec
    while at < end_sec - 0.5 / SAMPLE_RATE:
        until = min(at + BLOCK_SEC, end_sec)
        samples = audio.read(at, until)
        heard = [listener.hear(samples) for listener in listeners]
        report((until - start_sec) / (end_sec - start_sec))
        yield from np.max(heard, axis=0).tolist()
        at += BLOCK_SEC


def speech_spans(
    probabilities: Iterable[float], *, min_silence_sec: float = 0.2, max_speech_sec: float = float("inf")
) -> Iterator[Span]:
    """Yield the stretches of speech between pauses, in seconds from the first window.

    A stretch longer than `max_speech_sec` is split in its second half, at the least probable window.
    """
    heard: list[float] = []  # the probabilities since the speech began
    began = 0
    pause = 0  # windows of silence at the end of `heard`
    max_windows = max_speech_sec / WINDOW_SEC
    for index, probability in enumerate(probabilities):
        if not heard:
            if probability >= THRESHOLD:
                heard, began, pause = [probability], index, 0
            continue
        heard.append(probability)
        if probability >= THRESHOLD:
            pause = 0
        elif pause or probability < THRESHOLD - HYSTERESIS:
            pause += 1
        if probability < THRESHOLD - HYSTERESIS and (pause - 1) * WINDOW_SEC >= min_silence_sec:
            yield from _worth_hearing(began, heard[: len(heard) - pause])
            heard = []
        elif len(heard) > max_windows:
            half = len(heard) // 2
            split = half + int(np.argmin(heard[half:]))
            yield from _worth_hearing(began, heard[:split])
            began, heard = began + split, heard[split:]
            pause = min(pause, len(heard))
    if heard:
        yield from _worth_hearing(began, heard)


def pad_spans(spans: Iterable[Span], within: Span, padding_sec: float = 0.2) -> Iterator[Span]:
    """Yield the spans cut to `within` and widened on both sides, by at most half of the pause between two of them."""
    before: Span | None = None
    start = within.start
    for raw in spans:
        span = Span(max(raw.start, within.start), min(raw.end, within.end))
        if span.length <= 0:
            continue
        if before is None:
            start = max(within.start, span.start - padding_sec)
        else:
            half = max(0.0, span.start - before.end) / 2
            yield Span(start, before.end + min(padding_sec, half))
            start = span.start - min(padding_sec, half)
        before = span
    if before is not None:
        yield Span(start, min(within.end, before.end + padding_sec))


def _worth_hearing(first_window: int, heard: Sequence[float]) -> Iterator[Span]:
    span = Span(first_window * WINDOW_SEC, (first_window + len(heard)) * WINDOW_SEC)
    if span.length >= MIN_SPEECH_SEC and max(heard) >= SURE:
        yield span
