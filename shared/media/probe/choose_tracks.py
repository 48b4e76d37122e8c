"""Choose the picture and the sound of a recording that has several, by what they contain.

Screen recorders write the desktop's silence before the microphone, and cameras a room microphone beside a lapel one.
Apart from `track_samples.py`, which reads the samples. Docs: docs/decisions/0021-tracks.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from shared.domain.recording import TrackChoice
from shared.domain.tracks import PICTURE_CHOSEN, SOUND_CHOSEN
from shared.domain.warning import About, RecordingWarning

if TYPE_CHECKING:
    from shared.media.probe.track_samples import PictureSample, SoundSample

LEAST_SPEECH_SHARE = 0.03
"""Less speech than this share of the samples is none."""
AS_MUCH_SPEECH = 0.5
"""A sound with so much of the speech of the one that has most may be the same voice, heard by another microphone."""
CLEARER_DB = 6.0
"""A sound is clearer than the one that players prefer if its speech stands out by so much more."""
SILENT_DB = -60.0
"""A sound below this level is silence."""
LEAST_ACTIVITY = 0.004
"""Least mean share of a picture that moves where there is a person: half a cell."""
MORE_ACTIVE = 1.5
"""A picture is followed instead of the one that players prefer if so many times as much moves in it."""

BY_BEGINNING = RecordingWarning(
    "tracks_by_beginning",
    About.RECORDING,
    "The recording has several tracks of a kind, and they were judged by its beginning only.",
)


@dataclass(frozen=True, slots=True)
class ChosenTracks:
    """The tracks to use."""

    used: frozenset[int]
    """Stream indexes of the picture and the sound."""
    choice: TrackChoice = field(default_factory=TrackChoice)
    warnings: tuple[RecordingWarning, ...] = ()


@dataclass(slots=True)
class _Pick:
    index: int
    reason: str
    surprises: bool
    """Whether a person should know: it is not the track that players choose, or there was nothing to choose by."""
    others: list[int] = field(default_factory=list)


def choose_tracks(
    source: BinaryIO, videos: Sequence[int], audios: Sequence[int], duration_sec: float | None
) -> ChosenTracks:
    """Return the tracks to use of those with these stream indexes, in the order in which players prefer them.

    With at most one of a kind nothing is read. `duration_sec` is as in `sample_tracks`.
    """
    several = (audios if len(audios) > 1 else [], videos if len(videos) > 1 else [])
    if not any(several):
        return ChosenTracks(frozenset((*videos, *audios)))
    from shared.media.probe.track_samples import sample_tracks  # loads ONNX Runtime and OpenCV, which take 0.25 s

    sounds, pictures = sample_tracks(source, *several, duration_sec)
    sound = _choose_sound(audios, sounds) if several[0] else None
    picture = _choose_picture(videos, pictures) if several[1] else None
    warnings = [] if duration_sec is not None else [BY_BEGINNING]
    if sound is not None and sound.surprises:
        text = f"The recording has {len(audios)} sounds; number {sound.index} is used. {sound.reason}"
        warnings.append(RecordingWarning(SOUND_CHOSEN, About.SOUND, f"{text} audioTrack can name another."))
    if picture is not None and picture.surprises:
        text = f"The recording has {len(videos)} pictures; number {picture.index} is followed. {picture.reason}"
        warnings.append(RecordingWarning(PICTURE_CHOSEN, About.PICTURE, f"{text} videoTrack can name another."))
    return ChosenTracks(
        frozenset(
            (
                *(videos if picture is None else [picture.index]),
                *(audios if sound is None else [sound.index]),
            )
        ),
        TrackChoice(
            audio_reason=None if sound is None else sound.reason,
            video_reason=None if picture is None else picture.reason,
            slides=None if picture is None else picture.others[0],
        ),
        tuple(warnings),
    )


def _choose_sound(audios: Sequence[int], sounds: Mapping[int, "SoundSample"]) -> _Pick:
    """Return the sound with the clearest speech; of about equal ones the one that players prefer."""
    most = max(sounds[index].speech_share for index in audios)
    if most < LEAST_SPEECH_SHARE:
        loudest = max(audios, key=lambda index: sounds[index].level_db)
        if sounds[audios[0]].level_db < SILENT_DB < sounds[loudest].level_db:
            return _Pick(loudest, "No speech was heard in the samples, and the others are silent.", surprises=True)
        return _Pick(audios[0], "No speech was heard in the samples; players choose this one.", surprises=True)
    speaking = [index for index in audios if sounds[index].speech_share >= AS_MUCH_SPEECH * most]
    clearest = max(sounds[index].clarity_db for index in speaking)
    chosen = next(index for index in speaking if sounds[index].clarity_db >= clearest - CLEARER_DB)
    shares = ", ".join(f"{index}: {sounds[index].speech_share:.0%}" for index in sorted(audios))
    reason = f"Share of its samples with speech, by stream index: {shares}."
    if len(speaking) > 1:
        heard = ", ".join(f"{index}: {sounds[index].clarity_db:.0f} dB" for index in sorted(speaking))
        reason = f"{reason} Speech above the sound between words: {heard}."
    return _Pick(chosen, reason, surprises=chosen != audios[0])


def _choose_picture(videos: Sequence[int], pictures: Mapping[int, "PictureSample"]) -> _Pick:
    """Return the picture in which most moves; of about equal ones the one that players prefer."""
    most = max(pictures[index].activity for index in videos)
    chosen = next(index for index in videos if pictures[index].activity * MORE_ACTIVE >= most)
    moved = ", ".join(f"{index}: {pictures[index].activity:.1%}" for index in sorted(videos))
    reason = f"Share of the picture that moves, by stream index: {moved}."
    if most < LEAST_ACTIVITY:
        chosen, reason = videos[0], "Nothing moves in the samples; players choose this one."
    others = [index for index in videos if index != chosen]
    others.sort(key=lambda index: pictures[index].activity)
    return _Pick(chosen, reason, surprises=chosen != videos[0], others=others)
