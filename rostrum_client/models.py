"""The API's answers and result files as typed values.

Unknown fields are ignored, so that a newer server does not break an older client.
"""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Wire(BaseModel):
    """A value as it travels: camelCase on the wire, snake_case here, never changed."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class JobError(Wire):
    """Why a job ended in ERROR."""

    code: str
    title: str
    detail: str = ""
    stage: str | None = None
    retryable: bool = False


class StageStatus(Wire):
    """How far one stage is; `reason` says why it was skipped or failed."""

    state: str
    progress: float = 0.0
    parts: int = 1
    parts_done: int = 0
    attempts: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    reason: str | None = None


class Job(Wire):
    """One run of the pipeline over a session."""

    job_id: str
    session_id: str
    status: str
    stage: str | None = None
    progress: float = 0.0
    stages: dict[str, StageStatus] = {}
    attempt: int = 1
    cancel_requested: bool = False
    error: JobError | None = None
    options: dict[str, Any] = {}
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def is_final(self) -> bool:
        """Whether the job has ended."""
        return self.status in ("DONE", "ERROR", "CANCELED")


class Upload(Wire):
    """Where the blocks of a file go."""

    upload_id: str
    upload_url: str
    block_size_bytes: int = Field(gt=0)
    expires_at: datetime | None = None


class Media(Wire):
    """What the probe found in a recording."""

    container: str | None = None
    duration_sec: float | None = None
    warnings: list[str] = []


class Session(Wire):
    """A recording and which of its results exist."""

    session_id: str
    session_name: str | None = None
    media: Media | None = None
    has_transcript: bool = False
    has_instructor_tracking_result: bool = False
    has_sidecar: bool = False


class Artefact(Wire):
    """A file that a job made."""

    name: str
    content_type: str = "application/octet-stream"
    size_bytes: int | None = None
    sha256: str | None = None


class Scene(Wire):
    """A stretch of the recording without a cut, in seconds."""

    start: float
    end: float
    thumbnail: str | None = None


class Sidecar(Wire):
    """The facts about a recording and the list of its artefacts."""

    media: Media | None = None
    scenes: list[Scene] = []
    artefacts: list[Artefact] = []


class Word(Wire):
    """A spoken word, in seconds."""

    word: str
    start: float
    end: float


class Segment(Wire):
    """A phrase, in seconds."""

    start: float
    end: float
    text: str
    words: list[Word] = []


class Engine(Wire):
    """What made the transcript."""

    name: str
    version: str | None = None
    model: str | None = None


class Transcript(Wire):
    """What was said."""

    language: str | None = None
    duration_sec: float | None = None
    engine: Engine | None = None
    segments: list[Segment] = []
    warnings: list[str] = []

    @property
    def text(self) -> str:
        """All of it in one line."""
        return " ".join(segment.text.strip() for segment in self.segments if segment.text.strip())

    @property
    def word_count(self) -> int:
        """How many words were recognised."""
        return sum(len(segment.words) or len(segment.text.split()) for segment in self.segments)


class TrackPoint(Wire):
    """Where the instructor is at one instant; `x`, `y` and `box` (x, y, width, height) are fractions of the frame."""

    t: float
    x: float
    y: float
    box: tuple[float, float, float, float]
    state: str = "observed"


class TrackSource(Wire):
    """The picture that was tracked."""

    duration_sec: float | None = None
    sample_fps: float = 2.0


class TrackMetrics(Wire):
    """The track in numbers."""

    coverage_percent: float = 0.0
    gaps_count: int = 0
    longest_gap_sec: float = 0.0


class Tracking(Wire):
    """The instructor's way through the picture; `presence` and `gaps` are intervals in seconds."""

    source: TrackSource = TrackSource()
    track_points: list[TrackPoint] = []
    presence: list[tuple[float, float]] = []
    gaps: list[tuple[float, float]] = []
    derived_metrics: TrackMetrics = TrackMetrics()
    warnings: list[str] = []
