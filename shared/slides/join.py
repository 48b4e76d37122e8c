"""Join the stretches of all parts into slides: builds counted once, and slides that are seen again recognised.

Two pictures are compared by their edges, as letters and lines have them: where a pixel is darker or lighter than its
surroundings. A picture contains another if no word of the other is missing: in no window of the size of a short word
does a good share of the edges lack a counterpart. Shares over the whole picture do not tell slides apart, since the
template and common words make up most of it. Pictures that contain each other are the same slide. A picture that
contains the one just before it is the same slide with more on it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.slides.screen import Mask

COMPARED_WIDTH_PX = 480
"""Width at which pictures are compared: letters of running text are told apart."""
_SURROUNDINGS_PX = 2.0
"""Standard deviation of the blur that gives a pixel's surroundings."""
_EDGE_STEPS = 12
"""Least difference of an edge from its surroundings, in steps of 0 to 255."""
_NEAR = np.ones((3, 3), np.uint8)
"""An edge that moved by one pixel is the same edge."""
_BLANK_EDGES_SHARE = 0.002
"""A picture with fewer edges shows no slide: a dark or an empty screen."""
_WORD_PX = (17, 11)
"""Width and height of the windows in which lost edges are counted: about three letters of running text."""
_WORD_EDGES_PX = 45
"""A window with fewer edges has no word."""
_LOST_WORD_SHARE = 0.35
"""A word is lost if this share of its edges lacks a counterpart."""
_MOST_LOST_PX = 60
"""Most windows with a lost word, one for each pixel, in a picture that contains the other: noise makes a few."""
_PARTIAL_SHARE = 0.5
"""A slide that is seen again in an earlier state has at least this share of its edges."""
_ADJACENT_SEC = 1.5
"""Two stretches with at most this much between them follow each other."""
_MOST_CHANGED_FILL_SHARE = 0.35
"""Most of the picture that may have another brightness in the same slide."""
_FILL_STEPS = 40


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A stretch as a part left it."""

    start_sec: float
    end_sec: float
    grey: NDArray[np.uint8]
    """The grey picture, height × width, `COMPARED_WIDTH_PX` wide."""
    known: Mask
    """Where the picture shows the screen, of the same shape."""
    name: str
    """Name of the file with the picture."""


@dataclass(slots=True)
class Slide:
    """A slide and the times at which it stood on the screen."""

    fullest: Seen
    """The stretch that shows most of it, the last of them."""
    visits: list[tuple[float, float]] = field(default_factory=list)


def join_stretches(seen: Sequence[Seen]) -> list[Slide]:
    """Return the slides in order of their first appearance.

    `seen` are the stretches of all parts in order of time, their pictures of one size.
    """
    pictures = [_Edges.of(each) for each in seen]
    pictures = [each for each in pictures if each.count >= _BLANK_EDGES_SHARE * each.edges.size]
    visits = list(_visits(pictures))
    slides: list[Slide] = []
    fullest: list[_Edges] = []
    for visit in visits:
        number = next((n for n, known in enumerate(fullest) if _is_again(known, visit.fullest)), None)
        if number is None:
            slides.append(Slide(visit.fullest.seen, [visit.span]))
            fullest.append(visit.fullest)
            continue
        slide = slides[number]
        if visit.fullest.contains(fullest[number]):
            fullest[number], slide.fullest = visit.fullest, visit.fullest.seen
        start, end = slide.visits[-1]
        if visit.span[0] - end <= _ADJACENT_SEC:
            slide.visits[-1] = (start, visit.span[1])
        else:
            slide.visits.append(visit.span)
    return slides


@dataclass(frozen=True, slots=True, eq=False)
class _Edges:
    """A stretch with the edges of its picture."""

    seen: Seen
    edges: NDArray[np.int8]
    """-1 where the picture is darker than its surroundings, 1 where it is lighter, else 0."""
    known: Mask
    """Where edges are known: not beside a place that is not."""
    count: int
    """Number of pixels of the edges."""

    def contains(self, other: "_Edges") -> bool:
        """Return whether no word of `other` is missing here, as far as both are known."""
        both = cv2.erode((self.known & other.known).astype(np.uint8), _NEAR) > 0
        lost, edges = np.zeros(both.shape, np.float32), np.zeros(both.shape, np.float32)
        for sign in (-1, 1):
            near = cv2.dilate((self.edges == sign).astype(np.uint8), _NEAR) > 0
            of_other = (other.edges == sign) & both
            edges += of_other
            lost += of_other & ~near
        around = cv2.boxFilter(edges, -1, _WORD_PX, normalize=False)
        is_lost = (around >= _WORD_EDGES_PX) & (
            cv2.boxFilter(lost, -1, _WORD_PX, normalize=False) >= _LOST_WORD_SHARE * around
        )
        return bool(np.count_nonzero(is_lost) <= _MOST_LOST_PX)

    @classmethod
    def of(cls, seen: Seen) -> "_Edges":
        """Return the stretch with its edges."""
        grey = seen.grey.astype(np.float32)
        differs = grey - cv2.GaussianBlur(grey, (0, 0), _SURROUNDINGS_PX)
        known = cv2.erode(seen.known.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        edges = (np.sign(differs) * (np.abs(differs) > _EDGE_STEPS) * known).astype(np.int8)
        return cls(seen, edges, known, int(np.count_nonzero(edges)))


@dataclass(slots=True)
class _Visit:
    """One stay of a slide on the screen, with all that was added to it meanwhile."""

    fullest: _Edges
    latest: _Edges
    span: tuple[float, float]


def _visits(pictures: Sequence[_Edges]) -> Iterator[_Visit]:
    """Yield the stays; stretches that follow each other and show the same slide, or more of it, are one."""
    visit: _Visit | None = None
    for picture in pictures:
        seen = picture.seen
        if visit is not None:
            follows = seen.start_sec - visit.span[1] <= _ADJACENT_SEC
            if follows and any(_continues(state, picture) for state in (visit.latest, visit.fullest)):
                if picture.contains(visit.fullest):
                    visit.fullest = picture
                visit.latest = picture
                visit.span = (visit.span[0], seen.end_sec)
                continue
            yield visit
        visit = _Visit(picture, picture, (seen.start_sec, seen.end_sec))
    if visit is not None:
        yield visit


def _fill_agrees(a: _Edges, b: _Edges) -> bool:
    """Return whether the areas between the edges have the same brightness."""
    both = a.seen.known & b.seen.known
    difference = cv2.absdiff(a.seen.grey, b.seen.grey) > _FILL_STEPS
    return bool(np.count_nonzero(difference & both) <= _MOST_CHANGED_FILL_SHARE * np.count_nonzero(both))


def _continues(before: _Edges, after: _Edges) -> bool:
    """Return whether `after` shows the slide of `before`, perhaps with something added."""
    return after.contains(before) and _fill_agrees(before, after)


def _is_again(known: _Edges, now: _Edges) -> bool:
    """Return whether `now` shows a slide that is known, perhaps in an earlier state of it."""
    if not known.contains(now) or not _fill_agrees(known, now):
        return False
    return now.contains(known) or now.count >= _PARTIAL_SHARE * known.count
