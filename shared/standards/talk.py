"""Hold what other systems are told of a recording, however it is written for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """A stretch with a title."""

    start_sec: float
    end_sec: float
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """A picture of the recording, as JPEG."""

    name: str
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """A recording and what was made of it."""

    session_id: str
    title: str
    created_at: datetime
    duration_sec: float
    media_type: str
    """The content type of the recording."""

    has_sound: bool
    width: int | None = None
    """The picture's width in pixels; None for sound alone."""

    height: int | None = None
    language: str | None = None
    """The language spoken, as a code of BCP 47; None where it is not known."""

    engine: str | None = None
    """The engine that made the captions; None without captions."""

    is_reviewed: bool = False
    """Whether a person has reviewed the captions."""

    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What the client told of the session."""

    chapters: Sequence[Chapter] = ()
    still: Still | None = None
    """The first picture."""

    @property
    def has_picture(self) -> bool:
        """Return whether the recording has a picture."""
        return self.width is not None

    def texts(self, name: str) -> list[str]:
        """Return the metadata of this name as texts; a single one counts as a list of one."""
        value = self.metadata.get(name)
        values = value if isinstance(value, list) else [value]
        return [text.strip() for text in values if isinstance(text, str) and text.strip()]
