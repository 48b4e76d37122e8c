"""A whole job over a lesson at a whiteboard: its boards before the wipe and at the end."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.media.test_whole_job import results_of

Picture = NDArray[np.uint8]
WIDTH, HEIGHT = 320, 180
WRITTEN = ((6, "F = m a"), (9, "sin x + 1"), (32, "Theorem 2"), (35, "Proof"))
"""When each line is written, in seconds; the board is wiped in between."""
WIPED_SEC, END_SEC = 26.0, 52.0


def room() -> Picture:
    """Return a wall with a whiteboard."""
    picture = np.full((HEIGHT, WIDTH, 3), (170, 165, 160), np.uint8)
    picture[12:130, 20:300] = 232
    return picture


def lesson(t: float) -> Picture:
    """Return a lecturer who walks before the board and writes on it."""
    picture = room()
    lines = [text for at, text in WRITTEN if at <= t and (at < WIPED_SEC) == (t < WIPED_SEC)]
    for row, text in enumerate(lines):
        cv2.putText(picture, text, (30, 50 + 45 * row), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (30, 30, 120), 2, cv2.LINE_AA)
    return with_person(picture, t)


def person_at(t: float) -> int:
    return round(135 + 110 * np.sin(t / 3))


def with_person(picture: Picture, t: float) -> Picture:
    """Draw a person, and a camera's noise over all."""
    left = person_at(t)
    cv2.rectangle(picture, (left, 80), (left + 30, 175), (50, 60, 110), -1)
    cv2.circle(picture, (left + 15, 66), 12, (200, 160, 140), -1)
    noise = np.random.default_rng(round(t * 100)).normal(0, 2, (HEIGHT, WIDTH, 1))
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def test_a_lesson_at_a_whiteboard_has_its_boards_without_the_lecturer(tmp_path: Path, make_clip: Any) -> None:
    recording = tmp_path / "lesson.mp4"
    recording.write_bytes(make_clip("mp4", video="libx264", size=(WIDTH, HEIGHT), fps=2, seconds=END_SEC, paint=lesson))
    made = results_of(recording, engine="pocketsphinx", detector="plate")
    slides = json.loads(made["slides.json"])
    assert [slide["picture"] for slide in slides["slides"]] == ["board-0001.jpg", "board-0002.jpg"]
    first, second = (slide["visits"] for slide in slides["slides"])
    assert first == [[pytest.approx(0, abs=4), pytest.approx(WIPED_SEC, abs=5)]]
    assert second == [[pytest.approx(WIPED_SEC + 5, abs=6), pytest.approx(END_SEC, abs=1)]]
    assert [warning["code"] for warning in slides["warningDetails"]] == ["board_not_read"]
    for name, (one, other) in (("board-0001.jpg", WRITTEN[:2]), ("board-0002.jpg", WRITTEN[2:])):
        board = cv2.imdecode(np.frombuffer(made[f"slides/{name}"], np.uint8), cv2.IMREAD_GRAYSCALE)
        true = room()
        for row, (_, text) in enumerate((one, other)):
            cv2.putText(true, text, (30, 50 + 45 * row), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (120, 30, 30), 2, cv2.LINE_AA)
        upper = np.s_[12:130, 20:300]
        assert np.abs(board[upper].astype(int) - cv2.cvtColor(true, cv2.COLOR_BGR2GRAY)[upper]).mean() < 8
