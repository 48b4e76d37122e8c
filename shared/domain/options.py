"""Describe how a recording is to be processed: the options of a job, as a type.

Options are read once, where a request or a stored row comes in; no other code looks one up by its name.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeAlias

from shared.domain.tracks import WantedTracks

ChosenEngine: TypeAlias = Literal["moonshine", "pocketsphinx", "faster-whisper", "azure-speech"]
"""The speech engines."""

EngineName: TypeAlias = Literal["auto", ChosenEngine]
"""What a job or the settings may name: an engine, or `auto` for the best one that is here."""

DetectorKind: TypeAlias = Literal["plate", "onnx", "fused"]
"""The detectors of people."""

DetectorName: TypeAlias = Literal["auto", DetectorKind]
"""What a job or the settings may name: a detector, or `auto` for the best one that is here."""

NO_RENDITION = "The option rendition is never, and neither overlay nor followCam was asked for."
PLAYABLE_ALREADY = "Every browser plays the recording as it is."

Box = tuple[float, float, float, float]
"""Left, top, width and height in fractions of the picture."""

DEFAULT_HEIGHT_PX = 720

_ASPECT = re.compile(r"([1-9]\d*):([1-9]\d*)")


@dataclass(frozen=True, slots=True)
class FollowCam:
    """The picture of the virtual camera."""

    aspect: str | None = None
    """Width to height, such as `16:9`; the recording's own for None."""
    height: int | None = None
    """The greatest height in pixels; `DEFAULT_HEIGHT_PX` for None."""

    @property
    def max_height_px(self) -> int:
        """Return the greatest height that the picture may have."""
        return DEFAULT_HEIGHT_PX if self.height is None else self.height

    @property
    def aspect_ratio(self) -> float | None:
        """Return width divided by height."""
        found = _ASPECT.fullmatch(self.aspect or "")
        return None if found is None else int(found[1]) / int(found[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionOptions:
    """The room and the time that a caption may take; None for each rule that is left as it is."""

    max_line_chars: int | None = None
    """Columns of a line; a full-width character takes two."""
    max_lines: int | None = None
    max_chars_per_sec: float | None = None
    """Columns that are read in a second."""
    min_sec: float | None = None
    max_sec: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOptions:
    """What a client asked for; None for each option that was not given."""

    engine: str | None = None
    """The speech engine; the server's setting for None."""
    language: str | None = None
    """What is spoken, as a BCP 47 tag."""
    initial_prompt: str | None = None
    """Text in the language and spelling that the transcript is to have."""
    hotwords: tuple[str, ...] | None = None
    """Names and terms to expect."""
    overlay: bool | None = None
    """Whether to render the recording with what was tracked drawn in."""
    follow_cam: bool | FollowCam | None = None
    """Whether, or how, to render what a camera that follows the instructor would show."""
    detector: str | None = None
    """The detector of people; the server's setting for None."""
    retention_days: int | None = None
    """Days without a change after which the session is deleted."""
    region_of_interest: Box | None = None
    """Only a person with the centre in here is followed."""
    ignore_zones: tuple[Box, ...] | None = None
    """No person with the centre in one of these is followed."""
    vocabularies: tuple[str, ...] | None = None
    """Names of the organisation's vocabularies, whose terms the job takes along."""
    captions: CaptionOptions | None = None
    """The rules that captions keep; the defaults of the transcription for None."""
    audio_track: int | None = None
    """Stream index of the sound to transcribe; chosen by what the sounds contain for None."""
    video_track: int | None = None
    """Stream index of the picture to follow; chosen by what the pictures contain for None."""
    slides_track: int | None = None
    """Stream index of the picture with the slides; the other picture for None."""
    rendition: str | None = None
    """Whether to make a video that every browser plays: `always`, `auto` (if the recording is none), or `never`; `auto`
    for None."""
    unknown: Mapping[str, Any] = field(default_factory=dict)
    """What a stored row holds and this release cannot read: kept, and written back."""

    @property
    def camera(self) -> FollowCam | None:
        """Return how the follow-cam is to be rendered; None if it is not."""
        if isinstance(self.follow_cam, FollowCam):
            return self.follow_cam
        return FollowCam() if self.follow_cam else None

    @property
    def tracks(self) -> WantedTracks:
        """Return the tracks that were named."""
        return WantedTracks(self.audio_track, self.video_track, self.slides_track)

    @property
    def wants_rendition(self) -> bool:
        """Return whether any video may have to be rendered."""
        return self.wants_track_video or self.rendition != "never"

    @property
    def wants_track_video(self) -> bool:
        """Return whether a video of the track is to be rendered."""
        return bool(self.overlay) or self.camera is not None

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "JobOptions":
        """Read options by their names on the wire; a name or a value that is not known goes to `unknown`."""
        known: dict[str, Any] = {}
        unknown: dict[str, Any] = {}
        for key, value in given.items():
            name, read = _OPTIONS.get(key, ("", _nothing))
            found = read(value)
            if found is None:
                unknown[key] = value
            else:
                known[name] = found
        return cls(**known, unknown=unknown)

    def to_json(self) -> dict[str, Any]:
        """Return the options that were given, by their names on the wire, as JSON can hold them."""
        given = {key: _json(getattr(self, name)) for key, (name, _) in _OPTIONS.items()}
        return {**{key: value for key, value in given.items() if value is not None}, **self.unknown}


def _json(value: Any) -> Any:
    if isinstance(value, FollowCam):
        shape = {each.name: getattr(value, each.name) for each in fields(value)}
        return {name: content for name, content in shape.items() if content is not None}
    if isinstance(value, CaptionOptions):
        rules = {key: getattr(value, name) for key, (name, _) in _CAPTIONS.items()}
        return {key: content for key, content in rules.items() if content is not None}
    return [_json(each) for each in value] if isinstance(value, tuple) else value


def _nothing(value: Any) -> None:
    return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _rendition(value: Any) -> str | None:
    return value if value in ("auto", "always", "never") else None


def _truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _texts(value: Any) -> tuple[str, ...] | None:
    return tuple(value) if isinstance(value, list) and all(isinstance(each, str) for each in value) else None


def _box(value: Any) -> Box | None:
    if not isinstance(value, list) or len(value) != 4 or any(_number(each) is None for each in value):
        return None
    x, y, width, height = (float(each) for each in value)
    return x, y, width, height


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= 1 else None


def _boxes(value: Any) -> tuple[Box, ...] | None:
    boxes = [_box(each) for each in value] if isinstance(value, list) else [None]
    found = tuple(each for each in boxes if each is not None)
    return found if len(found) == len(boxes) else None


def _follow_cam(value: Any) -> bool | FollowCam | None:
    if not isinstance(value, Mapping):
        return _truth(value)
    aspect, height = value.get("aspect"), value.get("height")
    is_shape = aspect is None or (isinstance(aspect, str) and _ASPECT.fullmatch(aspect) is not None)
    is_height = height is None or _whole(height) is not None
    if not value or not is_shape or not is_height or not value.keys() <= {"aspect", "height"}:
        return None
    return FollowCam(aspect, height)


def _positive_whole(value: Any) -> int | None:
    found = _whole(value)
    return found if found is not None and found > 0 else None


def _positive(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and 0 < value < float("inf") else None


_CAPTIONS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "maxLineChars": ("max_line_chars", _positive_whole),
    "maxLines": ("max_lines", _positive_whole),
    "maxCharsPerSec": ("max_chars_per_sec", _positive),
    "minSec": ("min_sec", _positive),
    "maxSec": ("max_sec", _positive),
}
"""Each caption rule's name on the wire, its field, and its reader."""


def _captions(value: Any) -> CaptionOptions | None:
    if not isinstance(value, Mapping) or not value or not value.keys() <= _CAPTIONS.keys():
        return None
    rules = {name: read(value[key]) for key, (name, read) in _CAPTIONS.items() if key in value}
    return None if None in rules.values() else CaptionOptions(**rules)


_OPTIONS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "engine": ("engine", _text),
    "language": ("language", _text),
    "initialPrompt": ("initial_prompt", _text),
    "hotwords": ("hotwords", _texts),
    "overlay": ("overlay", _truth),
    "followCam": ("follow_cam", _follow_cam),
    "detector": ("detector", _text),
    "retentionDays": ("retention_days", _whole),
    "regionOfInterest": ("region_of_interest", _box),
    "ignoreZones": ("ignore_zones", _boxes),
    "vocabularies": ("vocabularies", _texts),
    "captions": ("captions", _captions),
    "audioTrack": ("audio_track", _whole),
    "videoTrack": ("video_track", _whole),
    "slidesTrack": ("slides_track", _whole),
    "rendition": ("rendition", _rendition),
}
"""Each option's name on the wire, its field, and its reader, which returns None for a value it cannot read.

A new option is a field above, an entry here, and a field of the API's request.
"""
