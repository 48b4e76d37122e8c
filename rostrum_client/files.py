"""The result files as typed values: sidecar, verdict, slides, transcript and the instructor's track."""

from rostrum_client.values import value


@value
class Stream:
    """One of a recording's streams; what only pictures or only sound have is None for the other."""

    kind: str
    codec: str | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    sample_rate: int | None = None
    channels: int | None = None


@value
class Media:
    """What is known of a recording."""

    container: str | None = None
    streams: tuple[Stream, ...] = ()
    duration_sec: float | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    warnings: tuple[str, ...] = ()


@value
class Artefact:
    """A file that a job made."""

    name: str
    content_type: str = "application/octet-stream"
    size_bytes: int | None = None
    sha256: str | None = None


@value
class Scene:
    """A stretch of the recording without a cut, in seconds."""

    start: float
    end: float
    thumbnail: str | None = None


@value
class Thumbnail:
    """A still of the recording at `t` seconds."""

    name: str
    t: float
    width: int | None = None
    height: int | None = None


@value
class Sidecar:
    """The facts about a recording and the list of its artefacts."""

    session_id: str | None = None
    job_id: str | None = None
    media: Media | None = None
    scenes: tuple[Scene, ...] = ()
    thumbnails: tuple[Thumbnail, ...] = ()
    artefacts: tuple[Artefact, ...] = ()


@value
class Slide:
    """A slide and the times at which it stood on the screen, in seconds."""

    id: int
    title: str | None = None
    picture: str | None = None
    visits: tuple[tuple[float, float], ...] = ()


@value
class Slides:
    """The slides of a recording, in order of their first appearance."""

    slides: tuple[Slide, ...] = ()


@value
class Reason:
    """One thing that is wrong with a recording, and when, in seconds."""

    code: str
    start: float
    end: float
    text: str


@value
class Quality:
    """The verdict on a recording: `ok`, `check` or `unusable`."""

    verdict: str
    reasons: tuple[Reason, ...] = ()
    speech_sec: float | None = None
    silences: tuple[tuple[float, float], ...] = ()
    """Times without speech, of 2 s or more."""
    suggested_in: float | None = None
    """Where a cut may begin."""
    suggested_out: float | None = None
    """Where a cut may end."""


@value
class Word:
    """A spoken word, in seconds."""

    word: str
    start: float
    end: float
    confidence: float | None = None
    id: str | None = None
    """The same in all versions of the transcript."""


@value
class Segment:
    """A phrase, in seconds."""

    start: float
    end: float
    text: str
    confidence: float | None = None
    words: tuple[Word, ...] = ()
    id: int | None = None
    """The same in all versions of the transcript."""
    speaker: str | None = None


@value
class Engine:
    """The engine that made the transcript."""

    name: str
    version: str | None = None
    model: str | None = None


@value
class Transcript:
    """The transcript of a recording."""

    session_id: str | None = None
    job_id: str | None = None
    language: str | None = None
    duration_sec: float | None = None
    speech_sec: float | None = None
    engine: Engine | None = None
    segments: tuple[Segment, ...] = ()
    warnings: tuple[str, ...] = ()
    expectation: str | None = None
    """One sentence on how good transcripts of this engine are."""
    doubtful_below: float = 0.5
    """Words with a lower confidence are doubtful, by the engine's own threshold."""

    complete: bool = True
    """Whether this is the whole transcript; False for one that was read while the job was at work on it."""
    missing: tuple[tuple[float, float], ...] = ()
    """The spans whose text is missing, in seconds, where the transcript is not complete."""

    @property
    def text(self) -> str:
        """Return all of the text in one line."""
        return " ".join(segment.text.strip() for segment in self.segments if segment.text.strip())

    @property
    def word_count(self) -> int:
        """Return how many words were recognised."""
        return sum(len(segment.words) or len(segment.text.split()) for segment in self.segments)


@value
class TrackPoint:
    """Where the instructor is at one instant; `x`, `y` and `box` (x, y, width, height) are fractions of the frame."""

    t: float
    x: float
    y: float
    box: tuple[float, float, float, float]
    confidence: float | None = None
    state: str = "observed"


@value
class TrackSource:
    """The picture that was tracked."""

    width: int | None = None
    height: int | None = None
    duration_sec: float | None = None
    sample_fps: float = 2.0


@value
class TrackMetrics:
    """The track in numbers; `total_distance` and `jitter` in frame widths."""

    coverage_percent: float = 0.0
    gaps_count: int = 0
    longest_gap_sec: float = 0.0
    total_distance: float = 0.0
    jitter: float = 0.0


@value
class Tracking:
    """The instructor's way through the picture; `presence` and `gaps` are intervals in seconds."""

    session_id: str | None = None
    job_id: str | None = None
    source: TrackSource = TrackSource()
    track_points: tuple[TrackPoint, ...] = ()
    presence: tuple[tuple[float, float], ...] = ()
    gaps: tuple[tuple[float, float], ...] = ()
    derived_metrics: TrackMetrics = TrackMetrics()
    warnings: tuple[str, ...] = ()
