"""Define the verdict on a recording as clients read it (`quality.json`, v1).

Apart from the rules, which fill it in.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from shared.domain.payload import Payload, RoundedFraction, RoundedSeconds, decimals

Spans = tuple[tuple[RoundedSeconds, RoundedSeconds], ...]
"""[start, end] pairs in order of time."""


class Verdict(StrEnum):
    """What a person has to do about a recording."""

    OK = "ok"
    """Nothing was found."""
    CHECK = "check"
    """A person should look at the reasons."""
    UNUSABLE = "unusable"
    """There is nothing to publish."""


class Reason(Payload):
    """One thing that is wrong with the recording, and when."""

    code: str
    """A stable name in snake_case."""
    start: RoundedSeconds
    end: RoundedSeconds
    text: str
    """One plain sentence."""


class TranscriptFacts(Payload):
    """How far the transcript may be trusted."""

    transcribed_share: RoundedFraction
    """Share of the speech that became words."""
    low_confidence: Spans
    """Where the engine was unsure of its words."""
    languages: tuple[str, ...]
    """The languages that were heard, as ISO 639-1, in the order in which they were first heard."""


class TrackFacts(Payload):
    """How much of the recording shows the instructor."""

    coverage_percent: Annotated[float, Field(ge=0.0, le=100.0), decimals(3)]


class Quality(Payload):
    """`quality.json`. `transcript` is null for a recording without sound, `track` for one without a picture."""

    version: Literal["v1"] = "v1"
    session_id: str
    job_id: str
    duration_sec: RoundedSeconds
    verdict: Verdict
    reasons: tuple[Reason, ...]
    """In order of time."""
    speech_sec: RoundedSeconds
    """How long someone spoke."""
    silences: Spans
    """Where there was no speech for 2 s or more."""
    suggested_in: RoundedSeconds
    """Where a cut may begin: shortly before the talk."""
    suggested_out: RoundedSeconds
    """Where a cut may end: shortly after the talk."""
    transcript: TranscriptFacts | None
    track: TrackFacts | None
