"""List every file that a job makes: its container, its name, its content type, and the step that writes it.

This is the only such list: a new artefact is one entry here and the step that writes it. Imports no media library.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from string import Formatter

from shared.domain.message import StepKind
from shared.domain.stage import Stage
from shared.storage.ports import RESULTS, WORK

JSON = "application/json"
JPEG, M4A, MP4, PNG, WAV = "image/jpeg", "audio/mp4", "video/mp4", "image/png", "audio/wav"
ZIP = "application/zip"
PODCAST_CHAPTERS_JSON = "application/json+chapters"
"""The type that Podcasting 2.0 has for chapters."""
HTML = "text/html; charset=utf-8"
SRT, TEXT, VTT = ("application/x-subrip; charset=utf-8", "text/plain; charset=utf-8", "text/vtt; charset=utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """A file of a job, or a numbered series of files."""

    template: str
    """The name below the job's folder; a field such as `{part:05d}` stands for a whole number."""
    container: str
    """`results` for files that people see, `work` for files that steps leave for each other."""
    content_type: str
    stage: Stage | None = None
    """The stage that makes it; None for a file made of all results together when the stages are over."""
    step: StepKind | None = None
    """The step of the stage that writes it."""
    required: bool = False
    """Whether each job has it once the stage is done, for every recording and with all options."""
    in_blocks: bool = False
    """Whether it is written block by block, so that an interrupted write leaves uncommitted blocks."""

    @property
    def name(self) -> str:
        """Return the name of a file that has no number."""
        return self.name_of()

    @property
    def media_type(self) -> str:
        """Return the content type without its parameters."""
        return self.content_type.partition(";")[0]

    def name_of(self, **numbers: int) -> str:
        """Return the name of the file with these numbers."""
        return self.template.format(**numbers)

    def matches(self, name: str) -> bool:
        """Return whether a file of this name is this artefact."""
        return _pattern(self.template).fullmatch(name) is not None


@cache
def _pattern(template: str) -> re.Pattern[str]:
    pieces = Formatter().parse(template)
    return re.compile("".join(re.escape(text) + ("" if field is None else r"\d+") for text, field, _, _ in pieces))


AUDIO_COPY = Artefact(
    template="audio.wav",
    container=WORK,
    content_type=WAV,
    stage=Stage.DOWNLOAD,
    step=StepKind.PART,
    in_blocks=True,
)
FIRST_SOUND = Artefact(
    template="first-sound.wav",
    container=WORK,
    content_type=WAV,
    stage=Stage.DOWNLOAD,
    step=StepKind.PART,
)
"""The beginning of the audio copy, in long recordings: the first part of the transcription needs no more."""
RECORDING = Artefact(
    template="recording.json", container=WORK, content_type=JSON, stage=Stage.DOWNLOAD, step=StepKind.PART
)
SOUND_LEVELS = Artefact(
    template="sound-levels.json", container=WORK, content_type=JSON, stage=Stage.DOWNLOAD, step=StepKind.PART
)
TRANSCRIPT_PART = Artefact(
    template="transcription/{part:05d}.json",
    container=WORK,
    content_type=JSON,
    stage=Stage.TRANSCRIPTION,
    step=StepKind.PART,
    required=True,
)
TRANSCRIPT = Artefact(
    template="transcript.json",
    container=RESULTS,
    content_type=JSON,
    stage=Stage.TRANSCRIPTION,
    step=StepKind.MERGE,
    required=True,
)
TRANSCRIPT_VTT = Artefact(
    template="transcript.vtt",
    container=RESULTS,
    content_type=VTT,
    stage=Stage.TRANSCRIPTION,
    step=StepKind.MERGE,
    required=True,
)
TRANSCRIPT_SRT = Artefact(
    template="transcript.srt",
    container=RESULTS,
    content_type=SRT,
    stage=Stage.TRANSCRIPTION,
    step=StepKind.MERGE,
    required=True,
)
TRANSCRIPT_TEXT = Artefact(
    template="transcript.txt",
    container=RESULTS,
    content_type=TEXT,
    stage=Stage.TRANSCRIPTION,
    step=StepKind.MERGE,
    required=True,
)
TRANSCRIPT_WORDS = Artefact(
    template="words.vtt",
    container=RESULTS,
    content_type=VTT,
    stage=Stage.TRANSCRIPTION,
    step=StepKind.MERGE,
)
AUDIO = Artefact(
    template="audio.m4a",
    container=RESULTS,
    content_type=M4A,
    stage=Stage.TRANSCRIPTION,
    step=StepKind.MERGE,
    in_blocks=True,
)
PEAKS = Artefact(
    template="peaks.json",
    container=RESULTS,
    content_type=JSON,
    stage=Stage.TRANSCRIPTION,
    step=StepKind.MERGE,
)
TRACKING_PLAN = Artefact(
    template="tracking-plan.json",
    container=WORK,
    content_type=JSON,
    stage=Stage.TRACKING,
    step=StepKind.PREPARE,
    required=True,
)
PLATE = Artefact(
    template="plate-{window:03d}-{view}.png",
    container=WORK,
    content_type=PNG,
    stage=Stage.TRACKING,
    step=StepKind.PREPARE,
)
TRACKING_PART = Artefact(
    template="tracking/{part:05d}.json",
    container=WORK,
    content_type=JSON,
    stage=Stage.TRACKING,
    step=StepKind.PART,
    required=True,
)
PICTURE_LOOKS = Artefact(
    template="tracking/{part:05d}-looks.json",
    container=WORK,
    content_type=JSON,
    stage=Stage.TRACKING,
    step=StepKind.PART,
)
SLIDE_STRETCHES = Artefact(
    template="slides/{part:05d}.json",
    container=WORK,
    content_type=JSON,
    stage=Stage.TRACKING,
    step=StepKind.PART,
    required=True,
)
SLIDE_STRETCH_PICTURE = Artefact(
    template="slides/{part:05d}-{stretch:04d}.jpg",
    container=WORK,
    content_type=JPEG,
    stage=Stage.TRACKING,
    step=StepKind.PART,
)
BOARD_STRETCHES = Artefact(
    template="boards/{part:05d}.json",
    container=WORK,
    content_type=JSON,
    stage=Stage.TRACKING,
    step=StepKind.PART,
    required=True,
)
BOARD_STRETCH_PICTURE = Artefact(
    template="boards/{part:05d}-{stretch:04d}.jpg",
    container=WORK,
    content_type=JPEG,
    stage=Stage.TRACKING,
    step=StepKind.PART,
)
BOARD_PICTURE = Artefact(
    template="slides/board-{board:04d}.jpg",
    container=RESULTS,
    content_type=JPEG,
    stage=Stage.TRACKING,
    step=StepKind.MERGE,
)
SLIDES_AS_READ = Artefact(
    template="slides-as-read.json",
    container=WORK,
    content_type=JSON,
    stage=Stage.TRACKING,
    step=StepKind.MERGE,
    required=True,
)
SLIDE_PICTURE = Artefact(
    template="slides/slide-{slide:04d}.jpg",
    container=RESULTS,
    content_type=JPEG,
    stage=Stage.TRACKING,
    step=StepKind.MERGE,
)
INSTRUCTOR_TRACKING = Artefact(
    template="instructor-tracking.json",
    container=RESULTS,
    content_type=JSON,
    stage=Stage.TRACKING,
    step=StepKind.MERGE,
    required=True,
)
HEAT_MAP = Artefact(
    template="track-heatmap.png",
    container=RESULTS,
    content_type=PNG,
    stage=Stage.TRACKING,
    step=StepKind.MERGE,
    required=True,
)
POSITIONS = Artefact(
    template="track-x.png",
    container=RESULTS,
    content_type=PNG,
    stage=Stage.TRACKING,
    step=StepKind.MERGE,
    required=True,
)
TRACK_PLOT = Artefact(
    template="track-plot.json",
    container=RESULTS,
    content_type=JSON,
    stage=Stage.TRACKING,
    step=StepKind.MERGE,
    required=True,
)
SCENES = Artefact(
    template="scenes.json",
    container=WORK,
    content_type=JSON,
    stage=Stage.TRACKING,
    step=StepKind.MERGE,
    required=True,
)
THUMBNAIL = Artefact(
    template="thumbnails/scene-{scene:04d}.jpg",
    container=RESULTS,
    content_type=JPEG,
    stage=Stage.TRACKING,
    step=StepKind.MERGE,
)
STILLS = Artefact(
    template="stills/{part:05d}.zip",
    container=WORK,
    content_type=ZIP,
    stage=Stage.TRACKING,
    step=StepKind.PART,
    required=True,
)
SPRITE = Artefact(
    template="sprites/sprite-{sheet:04d}.jpg",
    container=RESULTS,
    content_type=JPEG,
    stage=Stage.TRACKING,
    step=StepKind.MERGE,
)
SPRITE_VTT = Artefact(
    template="sprites/sprite.vtt",
    container=RESULTS,
    content_type=VTT,
    stage=Stage.TRACKING,
    step=StepKind.MERGE,
)
RENDITION_PART = Artefact(
    template="rendition/{part:05d}.json",
    container=WORK,
    content_type=JSON,
    stage=Stage.RENDITION,
    step=StepKind.PART,
    required=True,
)
OVERLAY_PIECE = Artefact(
    template="rendition/{part:05d}-track-overlay.mp4",
    container=WORK,
    content_type=MP4,
    stage=Stage.RENDITION,
    step=StepKind.PART,
)
FOLLOW_PIECE = Artefact(
    template="rendition/{part:05d}-follow.mp4",
    container=WORK,
    content_type=MP4,
    stage=Stage.RENDITION,
    step=StepKind.PART,
)
PLAYABLE_PIECE = Artefact(
    template="rendition/{part:05d}-rendition.mp4",
    container=WORK,
    content_type=MP4,
    stage=Stage.RENDITION,
    step=StepKind.PART,
)
PLAYABLE = Artefact(
    template="rendition.mp4",
    container=RESULTS,
    content_type=MP4,
    stage=Stage.RENDITION,
    step=StepKind.MERGE,
    in_blocks=True,
)
OVERLAY = Artefact(
    template="track-overlay.mp4",
    container=RESULTS,
    content_type=MP4,
    stage=Stage.RENDITION,
    step=StepKind.MERGE,
    in_blocks=True,
)
FOLLOW = Artefact(
    template="follow.mp4",
    container=RESULTS,
    content_type=MP4,
    stage=Stage.RENDITION,
    step=StepKind.MERGE,
    in_blocks=True,
)
RENDITIONS = Artefact(
    template="renditions.json",
    container=WORK,
    content_type=JSON,
    stage=Stage.RENDITION,
    step=StepKind.MERGE,
    required=True,
)
TRANSCRIPT_VERSION = Artefact(
    template="transcript-versions/{version:05d}-{token}.json.gz", container=RESULTS, content_type="application/gzip"
)
"""A version of the transcript that people made. The sidecar leaves these out: they are history, not results."""
CHAPTERS = Artefact(template="chapters.json", container=RESULTS, content_type=JSON)
CHAPTERS_VTT = Artefact(template="chapters.vtt", container=RESULTS, content_type=VTT)
PODCAST_CHAPTERS = Artefact(template="podcast-chapters.json", container=RESULTS, content_type=PODCAST_CHAPTERS_JSON)
TRANSCRIPT_HTML = Artefact(template="transcript.html", container=RESULTS, content_type=HTML)
SLIDES = Artefact(template="slides.json", container=RESULTS, content_type=JSON)
INSTRUCTOR_BY_SEGMENT = Artefact(template="instructor-by-segment.json", container=RESULTS, content_type=JSON)
QUALITY = Artefact(template="quality.json", container=RESULTS, content_type=JSON)
SIDECAR = Artefact(template="sidecar.json", container=RESULTS, content_type=JSON, required=True)

ARTEFACTS: tuple[Artefact, ...] = tuple(each for each in list(globals().values()) if isinstance(each, Artefact))
"""Every entry above."""


def find_artefact(container: str, name: str) -> Artefact | None:
    """Return the artefact with a file of this name below a job's folder, or None for a file that no job makes."""
    return next((each for each in ARTEFACTS if each.container == container and each.matches(name)), None)


def required_results() -> Mapping[Stage, Sequence[str]]:
    """Return by stage the names of the result files that it leaves for every recording."""
    return {
        stage: tuple(
            each.name for each in ARTEFACTS if each.required and each.container == RESULTS and each.stage is stage
        )
        for stage in Stage
    }
