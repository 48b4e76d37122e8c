from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.transcription.vad import WINDOW_SEC, Span, pad_spans, speech_spans

PROBABILITIES = st.lists(st.sampled_from([0.0, 0.3, 0.4, 0.6, 1.0]), max_size=300)


def windows(spans: list[Span]) -> list[tuple[int, int]]:
    return [(round(span.start / WINDOW_SEC), round(span.end / WINDOW_SEC)) for span in spans]


@pytest.mark.parametrize(
    ("probabilities", "expected"),
    [
        ([], []),
        ([0.1] * 50, []),
        ([0.0] * 10 + [1.0] * 20 + [0.0] * 10, [(10, 30)]),
        ([1.0] * 20 + [0.0] * 5 + [1.0] * 20, [(0, 45)]),
        ([1.0] * 20 + [0.0] * 8 + [1.0] * 20, [(0, 20), (28, 48)]),
        ([1.0] * 20 + [0.4] * 20 + [1.0], [(0, 41)]),
        ([1.0] * 20 + [0.0] * 2 + [0.4] * 20, [(0, 42)]),
        ([1.0] * 20 + [0.0] * 2 + [0.4] * 20 + [0.0], [(0, 20)]),
        ([0.0] * 9 + [1.0] * 2 + [0.0] * 9, []),
        ([0.0] * 9 + [0.6] * 40 + [0.0] * 9, []),
        ([0.0] * 9 + [0.6] * 40 + [0.7] + [0.0] * 9, [(9, 50)]),
    ],
    ids=[
        "nothing",
        "silence",
        "one",
        "short pause",
        "pause",
        "doubt is still speech",
        "doubt after silence",
        "silence after doubt",
        "click",
        "never sure",
        "sure once",
    ],
)
def test_speech_lies_between_pauses(probabilities: list[float], expected: list[tuple[int, int]]) -> None:
    assert windows(list(speech_spans(probabilities))) == expected


def test_long_speech_is_split_where_it_sounds_least_like_it() -> None:
    probabilities = [1.0] * 100
    probabilities[40] = 0.9
    spans = list(speech_spans(probabilities, max_speech_sec=60 * WINDOW_SEC))
    assert windows(spans) == [(0, 40), (40, 100)]


@given(PROBABILITIES, st.integers(20, 100))
def test_spans_are_in_order_within_limits_and_touch_all_certain_speech(probabilities: list[float], limit: int) -> None:
    spans = windows(list(speech_spans(probabilities, max_speech_sec=limit * WINDOW_SEC)))
    assert all(0 <= start < end <= len(probabilities) and end - start <= limit + 1 for start, end in spans)
    assert all(a[1] <= b[0] for a, b in pairwise(spans))
    for at in range(len(probabilities) - 9):
        if min(probabilities[at : at + 10]) >= 0.9:  # 320 ms of speech are never overheard, wherever spans are split
            assert any(start < at + 10 and end > at for start, end in spans)


@given(st.lists(st.floats(0.01, 3.0), max_size=12), st.floats(0.0, 5.0), st.floats(0.1, 10.0))
def test_padding_never_overlaps_leaves_the_part_or_loses_speech(
    steps: list[float], start: float, length: float
) -> None:
    edges = [sum(steps[: count + 1]) for count in range(len(steps))]
    raw = [Span(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False)]
    within = Span(start, start + length)
    padded = list(pad_spans(raw, within, 0.2))
    assert all(within.start <= span.start < span.end <= within.end for span in padded)
    assert all(a.end <= b.start + 1e-9 for a, b in pairwise(padded))
    heard = [Span(max(s.start, within.start), min(s.end, within.end)) for s in raw]
    heard = [span for span in heard if span.length > 0]
    assert len(padded) == len(heard)
    for span, wide in zip(heard, padded, strict=True):
        assert wide.start <= span.start + 1e-9
        assert span.end <= wide.end + 1e-9
        assert wide.length <= span.length + 0.4 + 1e-9
