"""Who comes and goes at the picture's edge is believed more than what stays there."""

from itertools import pairwise

import pytest

from shared.tracking.detection import Box, Detection, FrameDetections
from shared.tracking.track.confidence import raise_at_edges

INSIDE: Box = (0.55, 0.2, 0.2, 0.7)
HALF: Box = (0.8, 0.4, 0.2, 0.5)
FAR: Box = (0.0, 0.4, 0.1, 0.5)
Seen = list[list[tuple[Box, float]]]


def believed(seen: Seen) -> list[list[float]]:
    frames = [
        FrameDetections(k, k / 2, tuple(Detection(box, score, "onnx") for box, score in found))
        for k, found in enumerate(seen)
    ]
    return [[each.score for each in frame.detections] for frame in raise_at_edges(frames)]


@pytest.mark.parametrize("turn", [1, -1], ids=["goes", "comes"])
def test_a_weak_sign_at_the_edge_counts_beside_a_plain_one(turn: int) -> None:
    seen: Seen = [[(INSIDE, 0.9)], [(HALF, 0.2)], []]
    assert believed(seen[::turn])[1] == [0.5]


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        ([[(INSIDE, 0.9)], [(HALF, 0.2)], [(HALF, 0.2)]], "it stays"),
        ([[(INSIDE, 0.9)], [(FAR, 0.2)], []], "out of reach"),
        ([[(INSIDE, 0.3)], [(HALF, 0.2)], []], "nobody plainly seen"),
        ([[(INSIDE, 0.9)], [((0.6, 0.3, 0.2, 0.5), 0.2)], []], "not at the edge"),
        ([[], [(HALF, 0.2)], []], "alone"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_weak_signs_do_not(seen: Seen, why: str) -> None:
    assert believed(seen)[1] == [0.2], why


def test_samples_that_are_missing_between_are_no_neighbours() -> None:
    frames = [
        FrameDetections(0, 0.0, (Detection(INSIDE, 0.9, "onnx"),)),
        FrameDetections(3, 1.5, (Detection(HALF, 0.2, "onnx"),)),
    ]
    assert [after.index - before.index for before, after in pairwise(raise_at_edges(frames))] == [3]
    assert raise_at_edges(frames) == frames
