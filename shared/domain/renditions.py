"""Which videos a job is asked to make, read from its options: `overlay`, and `followCam` with its aspect and height."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NO_RENDITION = "Neither overlay nor followCam was asked for."


@dataclass(frozen=True, slots=True)
class FollowCam:
    """The virtual camera's picture: `aspect` is width to height in pixels (None: the recording's own), `height` its
    greatest height in pixels."""

    aspect: float | None = None
    height: int = 720


@dataclass(frozen=True, slots=True)
class Renditions:
    """What is to be made."""

    overlay: bool = False
    follow_cam: FollowCam | None = None

    @property
    def any_wanted(self) -> bool:
        """Whether anything is to be made at all."""
        return self.overlay or self.follow_cam is not None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "Renditions":
        """What these options of a job ask for; `followCam` is true or says how."""
        asked = options.get("followCam") or None
        how: Mapping[str, Any] = asked if isinstance(asked, Mapping) else {}
        return cls(
            overlay=bool(options.get("overlay")),
            follow_cam=None if asked is None else FollowCam(_ratio(how.get("aspect")), how.get("height", 720)),
        )


def _ratio(aspect: str | None) -> float | None:
    """Of `16:9`."""
    if aspect is None:
        return None
    width, _, height = aspect.partition(":")
    return float(width) / float(height)
