"""Where the picture changes for good: a cut, another slide; not somebody walking through it.

Two halves, so that a split run equals an unsplit one: a score for each pair of neighbouring sampled frames (parts),
and pure arithmetic on all the scores (the merge). The score is the share of the picture that changed, counted in
cells: a mean difference, as in PySceneDetect's ContentDetector, finds a person before a white wall more of a change
than new words on a slide. The decision is that of PySceneDetect's AdaptiveDetector
(https://www.scenedetect.com/docs/latest/api/detectors.html): a score counts when it stands out from its neighbours,
for a walk goes on over several frames and a cut does not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

# Frames are compared at this size, whatever they came in; text on a slide is still grey lines then.
_COMPARE_SIZE = (320, 180)
_CELLS = (24, 14)
# Mean difference of luma (0 to 255) over a cell; a camera's noise stays below 5.
_CELL_CHANGED = 12.0

DEFAULT_THRESHOLD = 5.0
"""The least score, in percent of the picture, that can be a change of scene."""
DEFAULT_MIN_SCENE_SEC = 5.0
STANDS_OUT = 3.0
"""How many times its neighbours' mean a score has to be (AdaptiveDetector's default)."""
NEIGHBOURS = 2
"""Scores on each side that a score is compared with (AdaptiveDetector's default)."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A stretch of the recording between two changes, in seconds."""

    start: float
    end: float


class SceneScorer:
    """Scores frames one after the other: each against the one before it, and nothing else."""

    def __init__(self) -> None:
        self._before: NDArray[np.uint8] | None = None

    def score(self, bgr: NDArray[np.uint8]) -> float | None:
        """The share of the picture, in percent, that differs from the frame before; None for the first frame.

        `bgr` is a frame of any size, height × width × 3.
        """
        luma: NDArray[Any] = cv2.cvtColor(
            cv2.resize(bgr, _COMPARE_SIZE, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY
        )
        before, self._before = self._before, luma
        if before is None:
            return None
        cells = cv2.resize(cv2.absdiff(before, luma).astype(np.float32), _CELLS, interpolation=cv2.INTER_AREA)
        return float(np.mean(cells > _CELL_CHANGED) * 100)


def scenes_from_scores(
    scores: Sequence[tuple[float, float]],
    duration_sec: float,
    threshold: float = DEFAULT_THRESHOLD,
    min_scene_sec: float = DEFAULT_MIN_SCENE_SEC,
) -> list[Scene]:
    """Cut [0, `duration_sec`] at the changes that `scores`, (time, score) in order of time, tell of.

    The scenes follow each other without gaps; none is shorter than `min_scene_sec`, unless the recording is.
    """
    cuts = [0.0]
    for index, (time_sec, score) in enumerate(scores):
        in_time = cuts[-1] + min_scene_sec <= time_sec <= duration_sec - min_scene_sec
        if in_time and score >= threshold and _stands_out(scores, index):
            cuts.append(time_sec)
    return [Scene(start, end) for start, end in zip(cuts, [*cuts[1:], duration_sec], strict=True)]


def _stands_out(scores: Sequence[tuple[float, float]], index: int) -> bool:
    around = (*scores[max(0, index - NEIGHBOURS) : index], *scores[index + 1 : index + 1 + NEIGHBOURS])
    return not around or scores[index][1] >= STANDS_OUT * sum(score for _, score in around) / len(around)
