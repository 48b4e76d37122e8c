"""A recording keeps the name that people gave it; the name of its blob is plain ASCII."""

import pytest

from shared.domain.recording_name import readable_name, source_file_name

NAMES = {
    "screenshot on macOS": (
        "Screen Recording 2026-05-03 at 9.41.00\u202fAM.mov",
        "Screen_Recording_2026-05-03_at_9.41.00_AM.mov",
    ),
    "no-break space": ("Leçon\u00a01.mp4", "Le_on_1.mp4"),
    "ideographic space": ("講義\u3000第一回.mp4", "recording.mp4"),
    "family emoji": ("👩\u200d🏫 lesson.mp4", "lesson.mp4"),
    "Persian": ("می\u200cخواهم.mp4", "recording.mp4"),
}


@pytest.mark.parametrize(("name", "blob"), NAMES.values(), ids=NAMES.keys())
def test_spaces_and_joiners_survive(name: str, blob: str) -> None:
    assert readable_name(f"C:\\talks\\{name}") == name
    assert source_file_name(name) == blob
    assert source_file_name(name).isascii()


@pytest.mark.parametrize("mark", ["\u202e", "\u2066", "\u2028", "\x00", "\n", "\ufeff"])
def test_characters_that_would_deceive_are_left_out(mark: str) -> None:
    assert readable_name(f"talk{mark}4pm.mp4") == "talk4pm.mp4"
