"""Paint rooms for `lectern.py`, and what moves in them without being a person.

Apart from the people, who are cut out of a real clip. Each thing that moves is a function of the time that paints onto
the picture (height × width × 3, float, 0 to 255).
"""

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Moving = Callable[[Floats, float], None]
"""Paints one thing as it is at a time in seconds."""

WIDTH_PX, HEIGHT_PX = 640, 360


def painted_room(seed: int) -> Floats:
    """Return a wall with a board, a door, a shelf or bricks, and a floor."""
    rng = np.random.default_rng(seed)
    wall, floor = rng.uniform(90, 215, 3) * 0.3 + rng.uniform(60, 150), rng.uniform(40, 120, 3)
    room = np.empty((HEIGHT_PX, WIDTH_PX, 3), np.float32)
    room[:] = wall
    room *= np.linspace(1.1, 0.8, WIDTH_PX)[None, :, None]
    room[290:] = floor
    room[286:290] = wall * 0.5
    for _ in range(int(rng.integers(3, 7))):  # a board, a door, pictures
        left, top = int(rng.integers(0, 560)), int(rng.integers(0, 200))
        right, bottom = left + int(rng.integers(30, 180)), top + int(rng.integers(30, 150))
        cv2.rectangle(room, (left, top), (right, bottom), rng.uniform(20, 235, 3).tolist(), -1)
        cv2.rectangle(room, (left, top), (right, bottom), rng.uniform(20, 120, 3).tolist(), 2)
    if seed % 3 == 1:  # a shelf of books
        for at in range(0, 220, 9):
            cv2.rectangle(room, (at, 60), (at + 8, 120), rng.uniform(20, 230, 3).tolist(), -1)
    if seed % 3 == 2:  # bricks
        for row in range(0, 286, 12):
            cv2.line(room, (0, row), (WIDTH_PX, row), (wall * 0.75).tolist(), 1)
            for column in range((row // 12 % 2) * 15, WIDTH_PX, 30):
                cv2.line(room, (column, row), (column, row + 12), (wall * 0.75).tolist(), 1)
    grain = cv2.resize(rng.normal(0, 5, (90, 160, 3)).astype(np.float32), (WIDTH_PX, HEIGHT_PX))
    return np.asarray(cv2.GaussianBlur(room + grain, (3, 3), 0), np.float32)


def flickering_lamp(x: int, y: int, radius: int) -> Moving:
    """Return a lamp that flickers in the steps of a bad starter."""

    def paint(onto: Floats, t: float) -> None:
        glow = np.zeros(onto.shape[:2], np.float32)
        cv2.ellipse(glow, (x, y), (radius, round(1.6 * radius)), 0, 0, 360, 1.0, -1)
        level = abs(math.sin(t * 2.7) * math.sin(t * 7.1 + 1)) * 110
        onto += (cv2.GaussianBlur(glow, (0, 0), radius / 3) * level)[..., None]

    return paint


def video_screen(left: int, top: int, width: int, height: int, seed: int = 5) -> Moving:
    """Return a monitor that shows a film: new scenes every few seconds, and shapes that move in them."""

    def paint(onto: Floats, t: float) -> None:
        scene = np.random.default_rng(seed * 1000 + int(t // 4))
        small = scene.uniform(10, 240, (5, 7, 3)).astype(np.float32)
        shown = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
        for turn in range(4):
            at = (
                round(width * (0.5 + 0.4 * math.sin(t * 0.7 + turn * 2))),
                round(height * (0.5 + 0.4 * math.cos(t * 0.9 + turn))),
            )
            cv2.circle(shown, at, round(height * 0.12) + turn, scene.uniform(0, 255, 3).tolist(), -1)
        onto[top : top + height, left : left + width] = np.clip(shown, 0, 255)

    return paint


def slides_screen(left: int, top: int, width: int, height: int) -> Moving:
    """Return a projector screen with a new slide every 17 seconds."""

    def paint(onto: Floats, t: float) -> None:
        rng = np.random.default_rng(int(t // 17))
        shown = np.full((height, width, 3), 235, np.float32)
        for row in range(12, height - 10, 14):
            cv2.line(shown, (10, row), (10 + int(rng.integers(20, width - 20)), row), (40, 40, 60), 4)
        onto[top : top + height, left : left + width] = shown

    return paint


def tree_in_window(left: int, top: int, width: int, height: int) -> Moving:
    """Return a window with a tree in the wind before a sky with clouds."""
    rng = np.random.default_rng(8)
    leaves = cv2.resize(rng.normal(0, 1, (height // 3, width // 3)).astype(np.float32), (width, height))
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    crown = np.hypot((columns - width / 2) / (0.45 * width), (rows - 0.6 * height) / (0.55 * height)) + 0.25 * leaves

    def paint(onto: Floats, t: float) -> None:
        gust = 2 + 3 * max(0.0, math.sin(t * 0.13))
        bend = (1 - rows / height) * gust
        moved_x = columns + bend * np.sin(t * 2.1 + rows / 17) + bend * 0.6 * np.sin(t * 1.3 + columns / 11)
        moved_y = rows + bend * 0.4 * np.sin(t * 1.7 + columns / 13)
        tree = cv2.remap(crown.astype(np.float32), moved_x, moved_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        texture = cv2.remap(leaves, moved_x, moved_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        sky = np.array([235, 215, 200], np.float32) * (0.9 + 0.1 * math.sin(t * 0.05))
        green = np.array([50, 95, 60], np.float32) + 22 * texture[..., None]
        onto[top : top + height, left : left + width] = np.where((tree < 1)[..., None], green, sky)

    return paint


def curtain(left: int, top: int, width: int, height: int) -> Moving:
    """Return a curtain that a draught moves."""
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))

    def paint(onto: Floats, t: float) -> None:
        sway = 5 * (rows / height) * (math.sin(t * 0.8) + 0.5 * math.sin(t * 0.31 + 1))
        folds = 0.5 + 0.5 * np.sin((columns + sway) / 3.1 + 0.4 * np.sin(t * 0.5 + rows / 40))
        colour = np.array([90, 120, 170], np.float32)
        inside = (columns < width - 8 + sway)[..., None]
        area = onto[top : top + height, left : left + width]
        area[:] = np.where(inside, colour * (0.6 + 0.5 * folds[..., None]), area)

    return paint


def clock_on_wall(x: int, y: int, radius: int) -> Moving:
    """Return a clock with a hand for the seconds."""

    def paint(onto: Floats, t: float) -> None:
        cv2.circle(onto, (x, y), radius, (235, 235, 235), -1, cv2.LINE_AA)
        cv2.circle(onto, (x, y), radius, (30, 30, 30), 2, cv2.LINE_AA)
        for length, period in ((0.9, 60.0), (0.75, 3600.0), (0.5, 43200.0)):
            angle = t / period * math.tau
            tip = round(x + length * radius * math.sin(angle)), round(y - length * radius * math.cos(angle))
            cv2.line(onto, (x, y), tip, (20, 20, 30), 2, cv2.LINE_AA)

    return paint


def fan(x: int, y: int, radius: int, *, swings: bool = False) -> Moving:
    """Return a ventilator on a stand, which turns from side to side if it `swings`."""

    def paint(onto: Floats, t: float) -> None:
        at = round(x + (0.35 * radius * math.sin(t * 0.6) if swings else 0))
        wide = round(radius * (1 - 0.25 * abs(math.sin(t * 0.6)))) if swings else radius
        cv2.line(onto, (x, y), (x, min(HEIGHT_PX - 20, y + 5 * radius)), (60, 60, 60), max(3, radius // 6))
        cv2.ellipse(onto, (at, y), (wide, radius), 0, 0, 360, (150, 150, 150), -1, cv2.LINE_AA)
        for blade in range(3):
            start = math.degrees(t * 23.7) + 120 * blade
            cv2.ellipse(onto, (at, y), (round(0.9 * wide), round(0.9 * radius)), 0, start, start + 55, (70, 80, 90), -1)
        cv2.circle(onto, (at, y), max(2, radius // 6), (40, 40, 40), -1)

    return paint


def laptop(x: int, y: int, width: int) -> Moving:
    """Return a laptop whose screen shows something new every few seconds."""
    return video_screen(x, y, width, round(0.6 * width), seed=9)


def daylight(strength: float) -> Moving:
    """Return light from the left that clouds change, slowly and in gusts."""
    side = np.linspace(1.0, 0.1, WIDTH_PX, dtype=np.float32)[None, :, None]

    def paint(onto: Floats, t: float) -> None:
        level = strength * (math.sin(t * 0.06) + 0.4 * math.sin(t * 0.9))
        onto *= 1 + level * side

    return paint
