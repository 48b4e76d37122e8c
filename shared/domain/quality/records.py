"""Define what the stages measure for the verdict while they read sound and pictures: small files in container `work`.

Apart from the meters, which need media libraries, and from the verdict, which is computed of these numbers alone.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from shared.domain.payload import Payload, RoundedSeconds

SILENCE_DB = -100
"""The level of digital silence, and the lowest one that is written."""

Levels = tuple[int, ...]
"""Levels in dB below full scale, each for one second of the sound."""


class SoundLevels(Payload):
    """The sound as the download stage copied it, second by second."""

    version: Literal["v1"] = "v1"
    duration_sec: RoundedSeconds
    """Length of the sound."""
    level: Levels
    """The mean power of each second."""
    loudest: Levels
    """The loudest 50 ms of each second."""
    quietest: Levels
    """The quietest 50 ms of each second."""
    fall: Levels
    """The steepest fall of the level within 100 ms that begins in each second, in dB: echo and noise flatten it."""
    clipped: Levels
    """Samples of each second that reach full scale, in ten thousandths, in the channel that has most."""
    left: Levels = ()
    """The level of the first channel of a sound with two channels."""
    right: Levels = ()
    """The level of the second channel of a sound with two channels."""
    tail: Levels = ()
    """The levels of the last second in steps of 50 ms."""

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        if not len(self.level) == len(self.loudest) == len(self.quietest) == len(self.fall) == len(self.clipped):
            raise ValueError("the levels do not cover the same seconds")
        if len(self.left) != len(self.right) or len(self.left) not in (0, len(self.level)):
            raise ValueError("the channels do not cover the same seconds")
        return self


class Look(Payload):
    """How a sampled picture looks."""

    t: RoundedSeconds
    brightness: Annotated[int, Field(ge=0, le=255)]
    """Mean of the luma."""
    spread: Annotated[int, Field(ge=0, le=255)]
    """Luma of the brightest parts minus that of the darkest."""
    edges: Annotated[int, Field(ge=0)]
    """Height of the steepest edges: the second difference of the luma at a width of 320 pixels."""
    change: Annotated[int, Field(ge=0)] | None = None
    """How far the place that changed most differs from the sample before, in hundredths of a step of luma; None for
    the first sample of the recording."""
    rest: Annotated[int, Field(ge=0)] | None = None
    """The same for the median of all places: the noise of a camera is everywhere, and on a screen there is none."""
    flat: Annotated[int, Field(ge=0, le=100)] | None = None
    """How many percent of the pixels equal the one beside them; None for most samples, and in records of earlier
    releases."""


class PictureLooks(Payload):
    """The samples of one part of the tracking stage."""

    version: Literal["v1"] = "v1"
    part: Annotated[int, Field(ge=0)]
    looks: tuple[Look, ...]
