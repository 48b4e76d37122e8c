"""Make up lessons at a board: strokes that are written and wiped by a lecturer who stands before them."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks._slide_lectures import Box, Picture, _draw_person

SAMPLE_FPS = 2.0
_LINES = 5
_SEC_A_LINE = 8.0


@dataclass(slots=True)
class Moment:
    """A sample, and the board behind the lecturer."""

    time_sec: float
    frame: Picture
    person: Box
    board: Picture


@dataclass(slots=True)
class Lesson:
    """A lesson of several boards, each written line by line and then wiped."""

    dark: bool
    boards: int = 3
    seed: int = 1
    width: int = 1280
    height: int = 720
    full: list[Picture] = field(default_factory=list)
    """The true boards before each wipe and at the end."""
    stood: list[NDArray[np.bool_]] = field(default_factory=list)
    """Where the lecturer stood while the board was written, and was free for 4 s since the last stroke there."""

    def moments(self) -> Iterator[Moment]:
        """Yield every sample."""
        rng, index = random.Random(self.seed), 0
        empty = self._room()
        for number in range(self.boards):
            board, stood, free = empty.copy(), np.zeros(empty.shape[:2], bool), np.zeros(empty.shape[:2], bool)
            since = np.zeros(empty.shape[:2], np.int16)
            for line in range(_LINES):
                before = board.copy()
                self._write(board, rng, line)
                free &= (board == before).all(axis=2)
                since[~(board == before).all(axis=2)] = 0
                for k in range(int(_SEC_A_LINE * SAMPLE_FPS)):
                    centre = 0.25 + 0.5 * (0.5 + 0.5 * np.sin(line * 2.1 + k / 9))
                    person = Box(centre - 0.05, 0.35, 0.1, 0.6)
                    here = self._at(person)
                    stood |= here
                    since = np.where(here, 0, since + 1).astype(np.int16)
                    free |= since > 4 * SAMPLE_FPS
                    yield self._moment(index, board, person)
                    index += 1
            self.full.append(board.copy())
            self.stood.append(stood & free)
            if number + 1 < self.boards:
                for k in range(12):
                    x = 0.1 + 0.8 * k / 12
                    left, right = int((x - 0.08) * self.width), int((x + 0.08) * self.width)
                    board[:, max(0, left) : right] = empty[:, max(0, left) : right]
                    yield self._moment(index, board, Box(x - 0.05, 0.35, 0.1, 0.6))
                    index += 1

    def _at(self, person: Box) -> NDArray[np.bool_]:
        here = np.zeros((self.height, self.width), bool)
        top, bottom = int(person.y * self.height), int((person.y + person.height) * self.height)
        here[top:bottom, int(person.x * self.width) : int((person.x + person.width) * self.width)] = True
        return here

    def _room(self) -> Picture:
        wall = np.full((self.height, self.width, 3), (150, 155, 160), np.uint8)
        colour = (58, 66, 48) if self.dark else (238, 240, 238)
        cv2.rectangle(wall, (60, 40), (self.width - 60, int(0.72 * self.height)), colour, -1)
        cv2.rectangle(wall, (60, 40), (self.width - 60, int(0.72 * self.height)), (90, 100, 110), 8)
        shade = np.linspace(0.92, 1.0, self.width)[None, :, None]
        return (wall * shade).astype(np.uint8)

    def _write(self, board: Picture, rng: random.Random, line: int) -> None:
        colour = (225, 230, 225) if self.dark else rng.choice([(40, 40, 40), (150, 60, 20), (40, 30, 170)])
        text = "".join(rng.choice("abcdefghiklmnopqrstuvwxyz =+") for _ in range(22))
        at = (110, 120 + 85 * line)
        cv2.putText(board, text, at, cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, 2.0, colour, 4, cv2.LINE_AA)

    def _moment(self, index: int, board: Picture, person: Box) -> Moment:
        frame = board.copy()
        _draw_person(frame, person)
        grain = np.random.default_rng(index).normal(0, 2.0, (*frame.shape[:2], 1))
        noisy = np.clip(frame + grain, 0, 255).astype(np.uint8)
        return Moment(index / SAMPLE_FPS, noisy, person, board)
