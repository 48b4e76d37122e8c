"""Find changes of scene: a cut or another slide, and not a person who walks through the picture.

Two halves, so that a split run equals an unsplit one: a score for each pair of neighbouring samples (parts), and
arithmetic on all scores (merge). The score is the share of the picture that changed, counted in cells. A mean
difference, as in PySceneDetect's ContentDetector, rates a person before a white wall higher than new words on a slide.
The decision is that of PySceneDetect's AdaptiveDetector (https://www.scenedetect.com/docs/latest/api/detectors.html): a
score counts if it stands out from its neighbours. A walk goes on over several frames, and a cut does not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

_COMPARE_SIZE_PX = (320, 180)
"""Width and height at which frames are compared; text on a slide is grey lines then."""
_CELLS = (24, 14)
"""Columns and rows of cells."""
_CELL_CHANGED_STEPS = 12.0
"""Mean difference of luma or of a colour difference (0 to 255) from which a cell has changed.

A camera's noise stays below 5. Slides may differ in colour and not in brightness.
"""

DEFAULT_THRESHOLD = 5.0
"""Least score of a change of scene, in percent of the picture."""
DEFAULT_MIN_SCENE_SEC = 5.0
STANDS_OUT = 3.0
"""Least ratio of a score to its neighbours' mean (AdaptiveDetector's default)."""
NEIGHBOURS = 2
"""Number of scores on each side that are compared (AdaptiveDetector's default)."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A stretch of the recording between two changes."""

    start: float
    """In seconds."""
    end: float
    """In seconds."""


class SceneScorer:
    """Scores each frame against the one before it."""

    def __init__(self) -> None:
        self._before: NDArray[np.uint8] | None = None

    def score(self, bgr: NDArray[np.uint8]) -> float | None:
        """Return the share of the picture, in percent, that differs from the previous frame; None for the first frame.

        `bgr` is a frame of any size, height × width × 3.
        """
        small = cv2.resize(bgr, _COMPARE_SIZE_PX, interpolation=cv2.INTER_AREA)
        now: NDArray[Any] = cv2.cvtColor(small, cv2.COLOR_BGR2YCrCb)
        before, self._before = self._before, now
        if before is None:
            return None
        cells = cv2.resize(cv2.absdiff(before, now).astype(np.float32), _CELLS, interpolation=cv2.INTER_AREA)
        return float(np.mean(cells.max(axis=2) > _CELL_CHANGED_STEPS) * 100)


def scenes_from_scores(
    scores: Sequence[tuple[float, float]],
    duration_sec: float,
    threshold: float = DEFAULT_THRESHOLD,
    min_scene_sec: float = DEFAULT_MIN_SCENE_SEC,
) -> list[Scene]:
    """Cut [0, `duration_sec`] at the changes in `scores`, which are (time, score) in order of time.

    The scenes follow each other without gaps. None is shorter than `min_scene_sec`, unless the recording is.
    """
    cuts = [0.0]
    for index, (time_sec, score) in enumerate(scores):
        in_time = cuts[-1] + min_scene_sec <= time_sec <= duration_sec - min_scene_sec
        if in_time and score >= threshold and _stands_out(scores, index):
            cuts.append(time_sec)
    return [Scene(start, end) for start, end in zip(cuts, [*cuts[1:], duration_sec], strict=True)]


def _stands_out(scores: Sequence[tuple[float, float]], index: int) -> bool:
    """Return whether the score is `STANDS_OUT` times the mean of its neighbours."""
    around = (*scores[max(0, index - NEIGHBOURS) : index], *scores[index + 1 : index + 1 + NEIGHBOURS])
    return not around or scores[index][1] >= STANDS_OUT * sum(score for _, score in around) / len(around)
