import io
import math
import wave
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.transcription.audio import WavAudio
from shared.transcription.part_spans import first_sound_sec, longest_pause, part_span
from shared.transcription.vad import WINDOW_SEC, Span


def silence(seconds: float) -> WavAudio:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(bytes(2 * round(seconds * 16000)))
    return WavAudio(out)


class Hearing:
    """A detector that knows where the words are."""

    def __init__(self, words: list[Span]) -> None:
        self.words = words

    def __call__(self, audio: WavAudio, start_sec: float, end_sec: float) -> Iterator[float]:
        at = start_sec
        while at < end_sec:
            yield float(any(word.start < at + WINDOW_SEC and word.end > at for word in self.words))
            at += WINDOW_SEC


@st.composite
def talks(draw: st.DrawFn) -> tuple[list[Span], float]:
    """Words with pauses of at least 100 ms between them, and the length of the recording."""
    words: list[Span] = []
    at = draw(st.floats(0, 8))
    for length, pause in draw(st.lists(st.tuples(st.floats(0.1, 1.2), st.floats(0.1, 3.0)), max_size=60)):
        words.append(Span(at, at + length))
        at += length + pause
    return words, max(1.0, at)


@settings(max_examples=60, deadline=None)
@given(talks(), st.integers(1, 20), st.sampled_from([None, 5.0, 20.0]))
def test_every_word_is_in_exactly_one_part(talk: tuple[list[Span], float], count: int, first: float | None) -> None:
    words, duration = talk
    if first is not None and (count < 2 or duration < first_sound_sec(first)):
        first = None
    rest, others = (duration, 0) if first is None else (duration - first, 1)
    count = min(count, others + max(1, int(rest / 5)))  # as in a recording: parts have room for a pause
    audio = silence(duration)
    parts = [part_span(audio, part, count, duration, Hearing(words), first) for part in range(count)]
    assert parts[0].start == 0.0
    assert parts[-1].end == audio.duration_sec or parts[-1].end == duration
    for before, after in pairwise(parts):
        assert before.end == after.start
        assert before.start <= before.end
    for word in words:
        assert sum(part.start <= word.start and word.end <= part.end for part in parts) == 1, word


@settings(max_examples=30, deadline=None)
@given(talks(), st.sampled_from([5.0, 20.0]), st.integers(2, 4))
def test_a_first_part_needs_the_beginning_of_the_sound_only(
    talk: tuple[list[Span], float], first: float, count: int
) -> None:
    words, duration = talk
    duration = max(duration, first_sound_sec(first))
    whole = part_span(silence(duration), 0, count, duration, Hearing(words), first)
    assert part_span(silence(first_sound_sec(first)), 0, 2, math.inf, Hearing(words), first) == whole
    assert whole.end == pytest.approx(first, abs=5.1)


def test_a_cut_lies_in_the_longest_pause_near_the_boundary() -> None:
    words = [Span(0, 9.0), Span(9.3, 11.0), Span(12.0, 14.0), Span(14.2, 30.0)]
    span = part_span(silence(30.0), 0, 3, 30.0, Hearing(words))
    assert span.start == 0.0
    assert span.end == pytest.approx(11.5, abs=WINDOW_SEC)


def test_silence_is_cut_where_planned_and_endless_speech_somewhere_near() -> None:
    audio = silence(40.0)
    assert part_span(audio, 1, 2, 40.0, Hearing([])) == Span(pytest.approx(20.0, abs=2 * WINDOW_SEC), 40.0)
    assert part_span(audio, 1, 2, 40.0, Hearing([Span(0, 40)])).start == pytest.approx(20.0, abs=5.1)


def test_parts_behind_the_end_of_the_sound_are_empty() -> None:
    audio = silence(12.0)  # of a recording whose picture goes on to 40 s
    spans = [part_span(audio, part, 4, 40.0, Hearing([])) for part in range(4)]
    assert spans[1].end == 12.0
    assert [span.length for span in spans[2:]] == [0.0, 0.0]


@pytest.mark.parametrize("part", [-1, 4])
def test_a_part_that_does_not_exist_is_refused(part: int) -> None:
    with pytest.raises(ValueError, match=f"part must be 0 to 3, not {part}"):
        part_span(silence(1.0), part, 4, 40.0, Hearing([]))


@pytest.mark.parametrize(
    ("probabilities", "middle"),
    [
        ([1, 0, 0, 1, 0, 0, 0, 1], 5.5),
        ([1, 0, 0, 1, 1, 0, 0, 1], 2.0),
        ([1, 0.9, 0.6, 1], 2.5),
        ([], 3.0),
    ],
    ids=["the longest", "of equal ones the nearest", "no pause: the least certain", "nothing heard"],
)
def test_longest_pause(probabilities: list[float], middle: float) -> None:
    assert longest_pause(probabilities, 3.0) == middle
