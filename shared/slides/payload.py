"""Define the slides of a recording (`slides.json`, v1), and the file of one part.

Apart from the reading of slides, so that clients and the API can read the file without a media library. Boxes are
fractions of the slide's picture, `region` is in fractions of the recording's picture, and times are seconds on the
recording's clock.
"""

from typing import Annotated, Literal

from pydantic import Field

from shared.domain.payload import Payload, RoundedFraction, RoundedSeconds, WarningDetails

Seconds = RoundedSeconds
Fraction = RoundedFraction
Box = tuple[Fraction, Fraction, Fraction, Fraction]
"""x, y, width, height; x, y is the top left corner."""
Role = Literal["title", "body", "footer", "number"]


class SlideLine(Payload):
    """A line of text on a slide."""

    text: str
    box: Box
    confidence: Fraction
    role: Role
    """`footer` stands at the same place on most slides; `number` is the slide's number."""


class SlidePayload(Payload):
    """What stood on the screen between two changes, in its fullest state."""

    id: Annotated[int, Field(ge=1)]
    title: str | None
    """None on a slide without text."""
    number: str | None = None
    """The number that is printed on the slide."""
    picture: str
    """Name of the picture, for `GET /sessions/{id}/slides/{name}`."""
    lines: tuple[SlideLine, ...]
    """From top to bottom."""
    visits: tuple[tuple[Seconds, Seconds], ...]
    """The times in which the slide stood on the screen, as [start, end]."""
    unspoken: tuple[str, ...] = ()
    """Terms that were shown and not said during the visits."""


class Slides(Payload):
    """`slides.json`. A recording without slides has an empty list and a warning."""

    version: Literal["v1"] = "v1"
    session_id: str
    job_id: str
    region: Box | None
    """The bounding rectangle of the screen in the recording's picture; None where no slides were looked for."""
    track: Annotated[
        int | None,
        Field(
            description="Stream index of the slides' own picture, where the recording has one.",
            exclude_if=lambda found: found is None,
        ),
    ] = None
    slides: tuple[SlidePayload, ...]
    warnings: tuple[str, ...] = ()
    warning_details: WarningDetails = ()


class StretchPayload(Payload):
    """A time in which the screen stood still, as a part found it."""

    start: Seconds
    end: Seconds
    number: Annotated[int, Field(ge=0)]
    """Number of the picture's file within the part."""
    known: str
    """A PNG in base64 that is white where the screen was seen."""


class SlideStretches(Payload):
    """The file of one part."""

    version: Literal["v1"] = "v1"
    part: Annotated[int, Field(ge=0)]
    stretches: tuple[StretchPayload, ...]
