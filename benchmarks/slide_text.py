"""Words of slides as they are read: recall and precision on clean slides and in a room, and CPU seconds.

    python -m benchmarks.slide_text [--slides N]

Each slide has a title and three lines in a face with serifs and one without, after JPEG. Exit status 1 below a bar.
"""

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence

import cv2
import numpy as np

from benchmarks._slide_lectures import WORDS, Lecture, Picture
from shared.slides.screen import Screen
from shared.slides.text import TextReader, load_reader

BARS = {"clean, 1080p": (0.98, 0.98), "clean, 720p": (0.98, 0.98), "in a room": (0.85, 0.93)}
"""Least recall and precision of words."""
FACES = (cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print recall, precision and CPU time of each kind of slide, and return 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description="Words of slides as they are read")
    parser.add_argument("--slides", type=int, default=12, help="slides of each kind")
    count = parser.parse_args(arguments).slides
    reader, kept = load_reader(None), True
    for kind, (least_recall, least_precision) in BARS.items():
        recall, precision, cpu_sec = measure(reader, kind, count)
        print(
            f"{kind:14} recall {recall:.3f} ({least_recall})  precision {precision:.3f} ({least_precision})  "
            f"{cpu_sec:.2f} CPU s a slide"
        )
        kept = kept and recall >= least_recall and precision >= least_precision
    return 0 if kept else 1


def measure(reader: TextReader, kind: str, count: int) -> tuple[float, float, float]:
    """Return recall and precision of words, and CPU seconds a slide."""
    shown = read = right = 0
    cpu_sec = 0.0
    for number in range(count):
        picture, words = slide(number)
        seen = as_seen(picture, kind, number)
        began = time.process_time()
        found = Counter(word.casefold() for line in reader.read(seen) for word in line.text.split())
        cpu_sec += time.process_time() - began
        true = Counter(word.casefold() for word in words)
        shown, read, right = shown + true.total(), read + found.total(), right + (true & found).total()
    return right / shown, right / max(1, read), cpu_sec / count


def slide(number: int) -> tuple[Picture, list[str]]:
    """Return a slide of 1920 × 1080 and its words."""
    rng, face = random.Random(number), FACES[number % len(FACES)]
    picture = np.full((1080, 1920, 3), 250, np.uint8)
    lines = [rng.sample(WORDS, 3), *(rng.sample(WORDS, 4) for _ in range(3))]
    for row, line in enumerate(lines):
        scale = 2.6 if row == 0 else 1.6
        at = (100, 170 if row == 0 else 250 + 150 * row)
        cv2.putText(picture, " ".join(line), at, face, scale, (40, 40, 40), 4 if row == 0 else 2, cv2.LINE_AA)
    return picture, [word for line in lines for word in line]


def as_seen(picture: Picture, kind: str, seed: int) -> Picture:
    """Return the slide as a recording of this kind shows it."""
    if kind == "clean, 720p":
        picture = np.asarray(cv2.resize(picture, (1280, 720), interpolation=cv2.INTER_AREA), np.uint8)
    if kind == "in a room":
        lecture = Lecture(in_room=True, seed=seed, width=1920, height=1080)
        frame = lecture._sample(lecture._room(), seed, picture, None).frame  # a person may stand before the screen
        frame = np.asarray(_compressed(frame), np.uint8)
        corners = lecture.corners
        screen = Screen((corners[0], corners[1], corners[2], corners[3]))
        across, down = screen.size_in(lecture.width, lecture.height)
        return screen.straighten(frame, (round(across), round(down)))
    return _compressed(picture)


def _compressed(picture: Picture) -> Picture:
    encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 70])[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)


if __name__ == "__main__":
    sys.exit(main())
