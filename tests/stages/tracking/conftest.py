"""A room painted with NumPy: a textured wall, a screen, a figure that walks and stands, light and noise."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from shared.media.video.frames import SampledFrame

WIDTH_PX = 320
"""Width of the pictures unless asked for less; a plate's width."""
ASPECT = 16 / 9


@dataclass(frozen=True, slots=True)
class Figure:
    """A person in two colours; `foot_y` and `tall` are fractions of the height."""

    foot_y: float = 0.95
    tall: float = 0.6
    shirt: tuple[int, int, int] = (60, 40, 150)
    trousers: tuple[int, int, int] = (50, 45, 40)

    def box(self, x: float) -> tuple[float, float, float, float]:
        wide = self.tall * 0.34 / ASPECT
        return x - wide / 2, self.foot_y - self.tall, wide, self.tall

    def paint(self, bgr: NDArray[np.uint8], x: float) -> None:
        left, top, wide, tall = self.box(x)
        height, width = bgr.shape[:2]
        left, wide, top, tall = left * width, wide * width, top * height, tall * height
        middle = round(left + wide / 2)
        cv2.rectangle(bgr, (round(left), round(top + 0.18 * tall)), (round(left + wide), round(top + 0.55 * tall)),
                      self.shirt, -1)  # fmt: skip
        cv2.rectangle(bgr, (round(left + 0.15 * wide), round(top + 0.5 * tall)),
                      (round(left + 0.85 * wide), round(top + tall)), self.trousers, -1)  # fmt: skip
        head = (round(0.25 * wide), round(0.1 * tall))
        cv2.ellipse(bgr, (middle, round(top + 0.1 * tall)), head, 0, 0, 360, (120, 150, 200), -1)


Light = Callable[[float], float]
Walk = Callable[[float], float | None]


@cache
def _wall(width: int) -> NDArray[np.uint8]:
    height = round(width / ASPECT)
    rng = np.random.default_rng(7)
    rough = cv2.resize(
        rng.normal(0, 14, (27, 48, 3)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
    )
    wall = np.clip(150 + rough, 0, 255).astype(np.uint8)
    wall[round(0.8 * height) :] = (wall[round(0.8 * height) :] * 0.6).astype(np.uint8)  # the floor
    left, top, right, bottom = (n * width // WIDTH_PX for n in (13, 60, 47, 143))
    cv2.rectangle(wall, (left, top), (right, bottom), (70, 90, 110), -1)  # a door
    return wall


@cache
def _slide(number: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng(100 + number)
    picture = np.full((67, 100, 3), rng.integers(0, 255, 3), np.uint8)
    cv2.rectangle(picture, (7, 7), (93, 20), tuple(int(v) for v in rng.integers(0, 255, 3)), -1)
    return picture


def _frames(
    walk: Walk,
    *,
    seconds: float = 60.0,
    fps: float = 1.0,
    figure: Figure = Figure(),
    light: Light = lambda t: 1.0,
    noise: float = 1.5,
    slide_sec: float | None = None,
    shadow: bool = False,
    shake: float = 0.0,
    width: int = WIDTH_PX,
) -> list[SampledFrame]:
    """Return frames of a room with a person at `walk(t)` (fraction of the width; None for an empty room).

    A screen with slides, which change every `slide_sec`, is painted at full width only.
    """
    rng = np.random.default_rng(3)
    height = round(width / ASPECT)
    frames = []
    for index in range(round(seconds * fps)):
        time_sec = index / fps
        bgr = _wall(width).copy()
        if slide_sec is not None:
            bgr[20:87, 200:300] = _slide(int(time_sec // slide_sec))
        x = walk(time_sec)
        if x is not None and shadow:
            middle, half = round((x + 0.06) * width), 17 * width // WIDTH_PX
            shade = bgr[round(0.5 * height) : round(0.8 * height), max(0, middle - half) : middle + half]
            shade[:] = (shade * 0.75).astype(np.uint8)
        if x is not None:
            figure.paint(bgr, x)
        grain = noise * rng.standard_normal(bgr.shape, np.float32)
        seen = bgr * np.float32(light(time_sec)) + grain
        bgr = np.clip(np.round(seen), 0, 255).astype(np.uint8)
        if shake:
            across, down = rng.normal(0, shake * width / WIDTH_PX, 2)
            moved = np.array([[1, 0, across], [0, 1, down]], np.float32)
            bgr = np.asarray(cv2.warpAffine(bgr, moved, (width, height), borderMode=cv2.BORDER_REFLECT), np.uint8)
        frames.append(SampledFrame(index, time_sec, bgr))
    return frames


@pytest.fixture(scope="session")
def make_room() -> Callable[..., list[SampledFrame]]:
    """The painter: `make_room(lambda t: 0.5, seconds=30, light=…, noise=…, slide_sec=…)`."""
    return _frames


@pytest.fixture(scope="session")
def make_figure() -> Callable[..., Figure]:
    return Figure
