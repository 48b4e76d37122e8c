"""Apply the tracks that a job names to a recording: which picture is followed, and which sound is transcribed.

Pure, so that the probe and the job refuse and choose the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from shared.domain.errors import TrackNotFound
from shared.domain.recording import AudioStream, Recording, VideoStream

S = TypeVar("S", VideoStream, AudioStream)

SOUND_CHOSEN, PICTURE_CHOSEN = "sound_track_chosen", "picture_track_chosen"
"""Codes of the warnings about a track that was chosen by what it contains."""


@dataclass(frozen=True, slots=True)
class WantedTracks:
    """Stream indexes that a client named; None leaves the choice to what the tracks contain."""

    audio: int | None = None
    video: int | None = None
    slides: int | None = None

    @property
    def any(self) -> bool:
        """Return whether a track was named."""
        return self != WantedTracks()


def use_tracks(recording: Recording, wanted: WantedTracks) -> Recording:
    """Return the recording with the wanted tracks in use; it must not be measured yet.

    A picture that is named alone leaves the other one of two for the other purpose: slides are looked for in the
    picture that is not followed, and another picture is followed than that of the slides.

    Raise TrackNotFound for an index that is not that of a picture or a sound that can be decoded.
    """
    if not wanted.any:
        return recording
    videos = _all(recording.video, recording.other_videos)
    audios = _all(recording.audio, recording.other_audios)
    video, audio, choice = recording.video, recording.audio, replace(recording.choice, asked=True)
    outdated = set[str]()
    if wanted.audio is not None:
        audio = _find(audios, wanted.audio, "audioTrack", "sound")
        choice = replace(choice, audio_reason=_reason("audioTrack", audios))
        outdated.add(SOUND_CHOSEN)
    if wanted.video is not None:
        video = _find(videos, wanted.video, "videoTrack", "picture")
        choice = replace(choice, video_reason=_reason("videoTrack", videos))
        outdated.add(PICTURE_CHOSEN)
    elif video is not None and wanted.slides == video.index:
        others = [each for each in videos if each != video]
        if others:
            video = next((each for each in others if each.index == choice.slides), others[0])
            choice = replace(choice, video_reason="slidesTrack names another.")
            outdated.add(PICTURE_CHOSEN)
    unfollowed = [each for each in videos if each != video]
    if wanted.slides is not None:
        choice = replace(choice, slides=_find(videos, wanted.slides, "slidesTrack", "picture").index)
    elif choice.slides not in {each.index for each in unfollowed}:
        choice = replace(choice, slides=unfollowed[0].index if unfollowed else None)
    used = replace(
        recording,
        video=video,
        audio=audio,
        other_videos=tuple(unfollowed),
        other_audios=tuple(each for each in audios if each != audio),
        choice=choice,
        warnings=tuple(each for each in recording.warnings if each.code not in outdated),
    )
    return _on_its_clock(used)


def slides_picture(recording: Recording) -> Recording | None:
    """Return the recording with the picture of its slides in place of the one that is followed.

    None if the recording has no second picture, or the slides are looked for in the one that is followed.
    """
    wanted = recording.choice.slides
    if recording.video is None or wanted is None or wanted == recording.video.index:
        return None
    found = next((each for each in recording.other_videos if each.index == wanted), None)
    return None if found is None else replace(recording, video=found, other_videos=())


def _all(used: S | None, others: Sequence[S]) -> list[S]:
    """Return all tracks of a kind by stream index."""
    return sorted((*others, *(() if used is None else (used,))), key=lambda each: each.index)


def _find(tracks: Sequence[S], index: int, option: str, kind: str) -> S:
    found = next((each for each in tracks if each.index == index), None)
    if found is None:
        known = ", ".join(str(each.index) for each in tracks) or "none"
        raise TrackNotFound(
            f"{option} is {index}, which is not the stream index of a {kind} that can be decoded; there is: {known}."
        )
    return found


def _reason(option: str, tracks: Sequence[VideoStream] | Sequence[AudioStream]) -> str | None:
    return f"{option} names it." if len(tracks) > 1 else None


def _on_its_clock(recording: Recording) -> Recording:
    """Return the recording with its clock at zero where the earliest track in use starts."""
    starts = [each.start_sec for each in (recording.video, recording.audio) if each is not None]
    late_sec = min(starts, default=0.0)
    if late_sec == 0.0:
        return recording

    def moved(stream: S) -> S:
        return replace(stream, start_sec=stream.start_sec - late_sec)

    return replace(
        recording,
        start_sec=recording.start_sec + late_sec,
        duration_sec=max(0.0, recording.duration_sec - late_sec),
        video=None if recording.video is None else moved(recording.video),
        audio=None if recording.audio is None else moved(recording.audio),
        other_videos=tuple(moved(each) for each in recording.other_videos),
        other_audios=tuple(moved(each) for each in recording.other_audios),
    )
