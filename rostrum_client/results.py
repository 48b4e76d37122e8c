"""Read the results of a job back from a directory; any of the files may be missing."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rostrum_client.files import Quality, Scene, Sidecar, Slide, Slides, Tracking, Transcript
from rostrum_client.values import from_json

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """The artefacts of one recording in `directory`."""

    directory: Path
    transcript: Transcript | None = None
    tracking: Tracking | None = None
    sidecar: Sidecar | None = None
    slides: tuple[Slide, ...] = ()
    quality: Quality | None = None

    @property
    def duration_sec(self) -> float:
        """Return the recording's length by the most reliable file that has it; 0 when no file has it."""
        told = [
            self.sidecar.media.duration_sec if self.sidecar and self.sidecar.media else None,
            self.transcript.duration_sec if self.transcript else None,
            self.tracking.source.duration_sec if self.tracking else None,
        ]
        known = [seconds for seconds in told if seconds]
        if known:
            return known[0]
        ends = [scene.end for scene in self.scenes]
        ends += [segment.end for segment in self.transcript.segments] if self.transcript else []
        ends += [point.t for point in self.tracking.track_points] if self.tracking else []
        return max(ends, default=0.0)

    @property
    def scenes(self) -> list[Scene]:
        """Return the scenes in order."""
        return sorted(self.sidecar.scenes, key=lambda scene: scene.start) if self.sidecar else []

    @property
    def warnings(self) -> list[str]:
        """Return the warnings of all stages, each once, in order."""
        makers = (self.sidecar.media if self.sidecar else None, self.transcript, self.tracking)
        return list(dict.fromkeys(warning for maker in makers if maker for warning in maker.warnings))

    def thumbnail_of(self, scene: Scene) -> Path | None:
        """Return the scene's picture, where it was downloaded."""
        if not scene.thumbnail:
            return None
        places = (self.directory / scene.thumbnail, self.directory / "thumbnails" / Path(scene.thumbnail).name)
        return next((place for place in places if place.is_file()), None)


def read_results(directory: Path) -> Results:
    """Read what is there. Raises pydantic's ValidationError when a file is not what its name says."""
    slides = _read(directory / "slides.json", Slides)
    return Results(
        directory=directory,
        slides=slides.slides if slides is not None else (),
        quality=_read(directory / "quality.json", Quality),
        transcript=_read(directory / "transcript.json", Transcript),
        tracking=_read(directory / "instructor-tracking.json", Tracking),
        sidecar=_read(directory / "sidecar.json", Sidecar),
    )


def _read(path: Path, kind: type[T]) -> T | None:
    return from_json(kind, path.read_bytes()) if path.is_file() else None
