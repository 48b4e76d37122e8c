"""Draw screencasts, sample by sample: typed code, a terminal, builds, a cursor, scrolling, menus, a camera's inset.

Nothing of them is a person but what the inset shows.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.media.video.frames import SampledFrame
from shared.tracking.detection import Box

Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]
Screen = Callable[[random.Random, int, int], Iterator[Picture]]
"""Yields what stands on a screen of this width and height, sample by sample."""

SAMPLE_FPS = 2.0
SECONDS = 80.0
INSET: Box = (0.76, 0.66, 0.22, 0.31)
_TERMS = (
    "return value index for in range if else while match case class def import self width height error None True list "
    "frame time queue message storage session report total result model state count"
)
_WORDS = _TERMS.split()


@dataclass(frozen=True, slots=True)
class Screencast:
    """A screencast to draw."""

    screen: Screen
    has_inset: bool = False


def _line(rng: random.Random, words: int) -> str:
    return " ".join(rng.choice(_WORDS) for _ in range(words))


def _write(picture: Picture, text: str, at: tuple[int, int], scale: float, colour: tuple[int, int, int]) -> None:
    cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, 1, cv2.LINE_AA)


def _page(width: int, height: int, colour: tuple[int, int, int]) -> Picture:
    return np.full((height, width, 3), colour, np.uint8)


def typing(rng: random.Random, width: int, height: int) -> Iterator[Picture]:
    """Yield an editor in which code is typed, some letters a sample, and scrolls when it is full."""
    lines = ["    " * rng.randrange(3) + _line(rng, rng.randrange(2, 6)) for _ in range(rng.randrange(5, 12))]
    wanted = ""
    while True:
        if not wanted:
            lines.append("")
            wanted = "    " * rng.randrange(3) + _line(rng, rng.randrange(2, 6))
        for _ in range(rng.randrange(0, 6)):
            lines[-1], wanted = lines[-1] + wanted[:1], wanted[1:]
        if len(lines) * 24 > height - 60:
            del lines[: rng.randrange(1, 8)]
        picture = _page(width, height, (40, 36, 33))
        picture[:, : width // 6] = (52, 48, 44)
        for row, text in enumerate(lines):
            _write(picture, str(row + 1), (width // 6 + 6, 40 + 24 * row), 0.45, (110, 110, 110))
            colour = ((200, 190, 120), (120, 190, 230), (170, 220, 150))[len(text) % 3]
            _write(picture, text, (width // 6 + 50, 40 + 24 * row), 0.55, colour)
        yield picture


def terminal(rng: random.Random, width: int, height: int) -> Iterator[Picture]:
    """Yield a terminal: a command is typed, then its output comes at once."""
    lines: list[str] = []
    while True:
        command = _line(rng, 4)
        for end in range(0, len(command) + 3, 3):
            yield _console([*lines, "$ " + command[:end]], width, height)
        lines += ["$ " + command, *(_line(rng, rng.randrange(3, 12)) for _ in range(rng.randrange(2, 18)))]
        for _ in range(rng.randrange(2, 12)):
            yield _console([*lines, "$ "], width, height)


def _console(lines: list[str], width: int, height: int) -> Picture:
    picture = _page(width, height, (18, 18, 18))
    for row, text in enumerate(lines[-(height // 22 - 2) :]):
        _write(picture, text, (14, 30 + 22 * row), 0.5, (200, 220, 200))
    return picture


def builds(rng: random.Random, width: int, height: int) -> Iterator[Picture]:
    """Yield slides that are built line by line."""
    while True:
        picture = _page(width, height, (250, 250, 250))
        _write(picture, _line(rng, 3), (width // 16, height // 7), 1.3, (90, 40, 10))
        for row in range(rng.randrange(3, 7)):
            _write(
                picture, "- " + _line(rng, rng.randrange(2, 6)), (width // 12, height // 4 + 70 * row), 0.9, (30,) * 3
            )
            for _ in range(rng.randrange(5, 14)):
                yield picture.copy()


def cursor(rng: random.Random, width: int, height: int) -> Iterator[Picture]:
    """Yield a page on which a cursor moves, rests, and marks lines."""
    page = _page(width, height, (245, 245, 245))
    for row in range(height // 30 - 2):
        _write(page, _line(rng, rng.randrange(4, 9)), (width // 10, 50 + 30 * row), 0.55, (40, 40, 40))
    x, y = width / 2, height / 2
    while True:
        to_x, to_y = rng.uniform(0.05, 0.95) * width, rng.uniform(0.05, 0.95) * height
        for step in range(1, rng.randrange(3, 10)):
            picture = page.copy()
            x, y = x + (to_x - x) * step / 9, y + (to_y - y) * step / 9
            if step % 5 == 4:
                top = int(y) // 30 * 30
                picture[top : top + 60, width // 10 : width // 2] = picture[
                    top : top + 60, width // 10 : width // 2
                ] * [
                    1.0,
                    0.85,
                    0.6,
                ]
            at = (int(x), int(y))
            arrow = np.array([at, (at[0], at[1] + 26), (at[0] + 18, at[1] + 18)])
            cv2.fillPoly(picture, [arrow], (0, 0, 0))
            yield picture
        for _ in range(rng.randrange(0, 8)):
            yield picture


def scrolling(rng: random.Random, width: int, height: int) -> Iterator[Picture]:
    """Yield a long page with pictures that is scrolled, by steps and smoothly, and read in between."""
    long = _page(width, 12 * height, (255, 255, 255))
    y = 60
    while y < 11 * height:
        if rng.random() < 0.06:
            across, down = rng.randrange(width // 6, width // 3), rng.randrange(height // 5, height // 2)
            shade = np.random.default_rng(y).integers(40, 220, 3)
            long[y : y + down, width // 6 : width // 6 + across] = shade
            y += down + 40
        else:
            _write(long, _line(rng, rng.randrange(5, 11)), (width // 6, y), 0.6, (30, 30, 30))
            y += 28
    top = 0
    while True:
        far, steps = rng.randrange(60, height), rng.choice((1, 1, 2, 6))
        for _ in range(steps):
            top = (top + far // steps) % (10 * height)
            yield long[top : top + height].copy()
        for _ in range(rng.randrange(3, 14)):
            yield long[top : top + height].copy()


def menus(rng: random.Random, width: int, height: int) -> Iterator[Picture]:
    """Yield a page on which menus and small windows open, stay for a while, are moved and close."""
    page = next(scrolling(rng, width, height))
    while True:
        for _ in range(rng.randrange(4, 16)):
            yield page.copy()
        across, down = rng.randrange(width // 10, width // 4), rng.randrange(height // 4, height // 2)
        left, top = rng.randrange(0, width - across), rng.randrange(0, height - down)
        shade = [rng.randrange(60, 230) for _ in range(3)]
        for step in range(rng.randrange(3, 16)):
            if step > 8:
                left = min(width - across, left + 20)
            picture = page.copy()
            picture[top : top + down, left : left + across] = shade
            for row in range(down // 26):
                _write(
                    picture,
                    _line(rng, 1) if step == 0 else "open file",
                    (left + 8, top + 20 + 26 * row),
                    0.5,
                    (20,) * 3,
                )
            yield picture


SCREENCASTS: dict[str, Screencast] = {
    each.__name__ + (" and camera" if has_inset else ""): Screencast(each, has_inset)
    for has_inset in (False, True)
    for each in (typing, terminal, builds, cursor, scrolling, menus)
}


def drawn(
    cast: Screencast, camera: Callable[[float], Picture] | None, *, seed: int = 1, width: int = 1280, height: int = 720
) -> Iterator[SampledFrame]:
    """Yield the samples of a screencast, at `SAMPLE_FPS`; `camera` returns what the inset shows at a time."""
    rng = random.Random(seed)
    pictures = cast.screen(rng, width, height)
    for index in range(round(SECONDS * SAMPLE_FPS)):
        picture = next(pictures).copy()
        if cast.has_inset and camera is not None:
            left, top = round(INSET[0] * width), round(INSET[1] * height)
            size = round(INSET[2] * width), round(INSET[3] * height)
            inset = cv2.resize(camera(index / SAMPLE_FPS), size, interpolation=cv2.INTER_AREA)
            picture[top : top + size[1], left : left + size[0]] = inset
        yield SampledFrame(index, index / SAMPLE_FPS, picture)
