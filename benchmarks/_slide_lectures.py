"""Make up lectures with slides, with the truth of what stood on the screen and when.

A deck has a template with a footer and page numbers, slides that are built up line by line, slides that are seen again,
a video, an animation, and a lecturer who walks before the screen. Time is made short: a slide stands for some seconds.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
SAMPLE_FPS = 2.0
_TERMS = """
gradient descent momentum entropy kernel matrix vector tensor sampling variance estimate prior posterior
likelihood regression network convergence stability boundary derivative integral orthogonal projection basis
spectrum frequency amplitude transform signal filter noise channel capacity code symbol alphabet grammar parser
"""
WORDS = _TERMS.split()


@dataclass(frozen=True, slots=True)
class Box:
    """A person's box in fractions of the picture."""

    x: float
    y: float
    width: float
    height: float


@dataclass(slots=True)
class Sample:
    """A sample of the recording with the truth."""

    time_sec: float
    frame: Picture
    slide: int | None
    """Number of the slide that stands there; None in a video."""
    people: list[Box]


@dataclass(slots=True)
class Lecture:
    """A lecture that is drawn sample by sample."""

    in_room: bool
    seed: int
    slides: int = 60
    width: int = 1280
    height: int = 720
    grain: float = 2.0
    """Deviation of a camera's noise; a recorded screen has none."""
    state_samples: tuple[int, int] = (6, 20)
    """Fewest samples for which a state of a slide stands, and the number that it does not reach."""
    changes: list[float] = field(default_factory=list)
    """True times at which another slide comes up."""
    _last: tuple[Picture, Picture] | None = field(default=None, repr=False)
    """The slide that was projected last, and the room with it."""

    @property
    def corners(self) -> list[tuple[float, float]]:
        """Return the corners of the screen in fractions of the picture."""
        if not self.in_room:
            return [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
        return [(0.12, 0.08), (0.78, 0.05), (0.79, 0.62), (0.11, 0.60)]

    def samples(self) -> Iterator[Sample]:
        """Yield every sample at `SAMPLE_FPS`."""
        rng = random.Random(self.seed)
        room = self._room()
        decks = [self._states(rng, number) for number in range(1, self.slides + 1)]
        order: list[int | str] = []
        for number in range(1, self.slides + 1):
            order.append(number)
            if number > 4 and rng.random() < 0.12:
                order.append(rng.randrange(1, number - 1))
            if number % 20 == 10:
                order.append("video")
        index = 0
        before: int | None = None
        for item in order:
            if isinstance(item, str):
                for k in range(20):
                    yield self._sample(room, index, _film(k), None)
                    index += 1
                before = None
                continue
            states = decks[item - 1]
            if before is not None or index:
                self.changes.append(index / SAMPLE_FPS)
            before = item
            for state in states:
                for k in range(rng.randrange(*self.state_samples)):
                    picture = state
                    if item % 15 == 7:  # an animation in a corner
                        picture = state.copy()
                        cv2.circle(picture, (1500 + 12 * (k % 20), 500 + 9 * (k % 17)), 90, (40, 160, 60), -1)
                    yield self._sample(room, index, picture, item)
                    index += 1
            decks[item - 1] = states[-1:]

    def _states(self, rng: random.Random, number: int) -> list[Picture]:
        picture = np.full((1080, 1920, 3), 250, np.uint8)
        cv2.rectangle(picture, (0, 0), (1920, 18), (150, 70, 20), -1)
        _write(picture, "Rostrum lectures 2026", (60, 1050), 1.0, 2)
        _write(picture, str(number), (1820, 1050), 1.0, 2)
        title = " ".join(rng.sample(WORDS, 3)).capitalize()
        _write(picture, title, (90, 150), 2.6, 6)
        if rng.random() < 0.3:
            left = rng.randrange(1000, 1200)
            shade = np.linspace(rng.randrange(60, 120), rng.randrange(130, 240), 600)[:, None, None]
            picture[300:900, left : left + 600] = np.broadcast_to(shade, (600, 600, 3)).astype(np.uint8)
        builds = rng.random() < 0.4
        states = [picture.copy()]
        for row in range(rng.randrange(3, 7)):
            line = " ".join(rng.sample(WORDS, rng.randrange(2, 5)))
            _write(picture, line, (140, 320 + 110 * row), 1.6, 4)
            states.append(picture.copy())
        return states[1:] if builds else states[-1:]

    def _room(self) -> Picture:
        noise = np.random.default_rng(self.seed).normal(0, 6, (self.height // 8, self.width // 8, 3))
        wall = np.full((self.height, self.width, 3), (150, 160, 165), np.float32)
        wall += cv2.resize(noise.astype(np.float32), (self.width, self.height), interpolation=cv2.INTER_CUBIC)
        wall[int(0.75 * self.height) :] *= 0.6
        return np.clip(wall, 0, 255).astype(np.uint8)

    def _projected(self, room: Picture, slide: Picture) -> Picture:
        """Return the room with the slide on its screen; the last one is kept, since a slide stands for many samples."""
        if self._last is None or self._last[0] is not slide:
            source = np.asarray([(0, 0), (1920, 0), (1920, 1080), (0, 1080)], np.float32)
            target = np.asarray(self.corners, np.float32) * np.asarray((self.width, self.height), np.float32)
            matrix = cv2.getPerspectiveTransform(source, target)
            size = (self.width, self.height)
            small = cv2.GaussianBlur(slide, (3, 3), 0)
            warped = cv2.warpPerspective(small, matrix, size, flags=cv2.INTER_AREA)
            mask = cv2.warpPerspective(np.full((1080, 1920), 255, np.uint8), matrix, size, flags=cv2.INTER_AREA)
            share = (mask / 255.0)[..., None]
            self._last = slide, (room * (1 - share) + (warped * 0.9 + 8) * share).astype(np.uint8)
        return self._last[1].copy()

    def _sample(self, room: Picture, index: int, slide: Picture, number: int | None) -> Sample:
        people: list[Box] = []
        if not self.in_room:
            frame = np.asarray(cv2.resize(slide, (self.width, self.height), interpolation=cv2.INTER_AREA), np.uint8)
        else:
            frame = self._projected(room, slide)
            centre = 0.5 + 0.42 * np.sin(index / 23.0) * np.sin(index / 7.3 + 1)
            x, y, width, height = centre - 0.05, 0.38, 0.1, 0.58
            people.append(Box(x, y, width, height))
            _draw_person(frame, people[0])
        if self.grain > 0:
            grain = np.random.default_rng(index).normal(0, self.grain, frame.shape[:2])[..., None]
            frame = np.clip(frame + grain, 0, 255).astype(np.uint8)
        return Sample(index / SAMPLE_FPS, frame, number, people)


def _write(picture: Picture, text: str, at: tuple[int, int], scale: float, thickness: int) -> None:
    cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, (40, 40, 40), thickness, cv2.LINE_AA)


def _film(k: int) -> Picture:
    """Return a moment of a film: large shapes that move."""
    picture = np.full((1080, 1920, 3), (60, 40 + 3 * k, 30), np.uint8)
    for shape in range(5):
        x = int(960 + 800 * np.sin(k / 3 + shape * 1.7))
        y = int(540 + 400 * np.cos(k / 4 + shape))
        cv2.circle(picture, (x, y), 160 + 20 * shape, (40 * shape, 200 - 30 * shape, 120), -1)
    return picture


def _draw_person(frame: Picture, box: Box) -> None:
    height, width = frame.shape[:2]
    left, top = int(box.x * width), int(box.y * height)
    across, down = int(box.width * width), int(box.height * height)
    cv2.ellipse(frame, (left + across // 2, top + down // 9), (down // 13, down // 9), 0, 0, 360, (120, 150, 200), -1)
    cv2.rectangle(frame, (left, top + down // 5), (left + across, top + 6 * down // 10), (90, 50, 40), -1)
    cv2.rectangle(
        frame, (left + across // 6, top + 6 * down // 10), (left + 5 * across // 6, top + down), (50, 50, 55), -1
    )
