"""Describe what a person should know of a recording or of a result, with a code for programs.

Decisions are taken by code and subject, never by the words of the text.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

OTHER = "other"
"""The code of a warning that an earlier release stored as a text which is not known."""


class About(StrEnum):
    """The subject of a warning."""

    RECORDING = "recording"
    SOUND = "sound"
    PICTURE = "picture"
    TRANSCRIPT = "transcript"
    TRACK = "track"


@dataclass(frozen=True, slots=True)
class RecordingWarning:
    """Something that a person should know."""

    code: str
    """A stable name in snake_case."""
    about: About
    """What it concerns."""
    text: str
    """A sentence for people, in one line."""

    def to_line(self) -> str:
        """Return the warning as one line of a stored text."""
        return "\t".join((self.text, self.code, self.about))

    @classmethod
    def from_line(cls, line: str) -> "RecordingWarning":
        """Read `to_line`, or the bare text that an earlier release stored."""
        text, *rest = line.split("\t")
        if len(rest) == 2 and rest[1] in set(About):
            return cls(rest[0], About(rest[1]), text)
        return from_text(line)


def texts(warnings: Iterable[RecordingWarning]) -> tuple[str, ...]:
    """Return the sentences for people."""
    return tuple(warning.text for warning in warnings)


def read_stored(value: Any) -> Any:
    """Turn the texts in a list that an earlier release stored into warnings; leave everything else as it is."""
    if not isinstance(value, list | tuple):
        return value
    return [from_text(each) if isinstance(each, str) else each for each in value]


def from_text(text: str) -> RecordingWarning:
    """Return the warning that an earlier release stored as this text."""
    for beginning, code, about in _KNOWN:
        if text.startswith(beginning):
            return RecordingWarning(code, about, text)
    about = next((subject for beginning, subject in _SUBJECTS if text.startswith(beginning)), About.RECORDING)
    return RecordingWarning(OTHER, about, text)


_SUBJECTS = (("The sound", About.SOUND), ("The picture", About.PICTURE))

_KNOWN = (
    ("The recording is cut off", "recording_cut_off", About.RECORDING),
    ("The sound is cut off", "sound_cut_off", About.SOUND),
    ("The picture is cut off", "picture_cut_off", About.PICTURE),
    ("The sound is encrypted", "sound_encrypted", About.SOUND),
    ("The picture is encrypted", "picture_encrypted", About.PICTURE),
    ("The sound is empty", "sound_empty", About.SOUND),
    ("The picture is empty", "picture_empty", About.PICTURE),
    ("The sound is damaged and was left out", "sound_undecodable", About.SOUND),
    ("The picture is damaged and was left out", "picture_undecodable", About.PICTURE),
    ("The sound is damaged in", "sound_damaged", About.SOUND),
    ("The sound has gaps", "sound_gaps", About.SOUND),
    ("The sound is that of a telephone", "telephone_sound", About.SOUND),
    ("The sound was sent to", "sound_sent_to_service", About.TRANSCRIPT),
    ("The embedded engine", "embedded_engine", About.TRANSCRIPT),
    ("The engine pocketsphinx was used", "embedded_engine", About.TRANSCRIPT),
    ("The language was assumed", "language_assumed", About.TRANSCRIPT),
    ("The camera moved", "camera_moved", About.PICTURE),
    ("Much of the picture never comes to rest", "background_unsettled", About.PICTURE),
    ("The recording has too few pictures", "too_few_pictures", About.PICTURE),
)
"""How the texts of earlier releases begin, with the code and the subject of today."""
