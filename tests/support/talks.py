"""Recordings as other systems are told of them, made up."""

from datetime import UTC, datetime
from typing import Any

from shared.standards.talk import Chapter, Still, Talk


def make_talk(**changes: Any) -> Talk:
    """Return a talk with everything that a talk can have."""
    facts: dict[str, Any] = {
        "session_id": "s-1",
        "title": "Wasser & <Erde>\x0b",
        "created_at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "duration_sec": 61.25,
        "media_type": "video/mp4",
        "has_sound": True,
        "width": 1920,
        "height": 1080,
        "language": "de",
        "engine": "moonshine",
        "metadata": {"creator": ["A. Müller", "B. Li"], "course": "Earth 101", "year": 2026, "tags": {"a": 1}},
        "chapters": [
            Chapter(start_sec=0.0, end_sec=30.0, title="Anfang"),
            Chapter(start_sec=30.0, end_sec=61.25, title="Ende"),
        ],
        "still": Still(name="scene-0001.jpg", width=640, height=360),
    }
    return Talk(**facts | changes)
