"""Apply what was measured to what a header declares: the length, the pieces, and warnings where the two differ.

Apart from `walk.py`, which measures.
"""

from dataclasses import replace
from typing import BinaryIO

from shared.domain.errors import DamagedRecording
from shared.domain.recording import Recording
from shared.domain.warning import About, RecordingWarning
from shared.media.audio.gaps import SoundGaps, gap_warnings
from shared.media.timeline.late_streams import late_streams, late_warnings
from shared.media.timeline.packet_times import packet_start, sound_length
from shared.media.timeline.truncation import SLACK_SEC, length_warning, truncation_warnings
from shared.media.timeline.walk import MAX_PIECES, Walk

_NAMED_JOINTS = 5
"""Most joints that a warning names."""

_EARLY_SEC = 0.5
"""A picture that ends so much before the sound is complete."""
_EARLY_SHARE = 0.02
"""The same as a share of the recording."""


def measure(source: BinaryIO, recording: Recording, walk: Walk | None = None) -> Recording:
    """Return the recording as its packets show it; decode nothing.

    Raise DamagedRecording if it has none. `walk` is a walk over `source` to be used, else a new one.
    """
    walk = walk or Walk(source, recording)
    gaps = SoundGaps(recording)
    for piece in walk:
        first = bool(walk.pieces)
        for packet in piece.packets:
            if piece.audio is None or packet.stream_index != piece.audio.index:
                continue
            start_sec, length_sec = packet_start(packet), sound_length(packet, piece.audio)
            if start_sec is not None and length_sec > 0:
                gaps.add(start_sec + piece.shift_sec, length_sec, first_of_piece=first)
                first = False
    with_gaps = replace(recording, warnings=(*recording.warnings, *gap_warnings(gaps.lost_sec)))
    return apply_walk(with_gaps, walk, walk.sound_end_sec)


def apply_walk(recording: Recording, walk: Walk, decoded_end_sec: float | None) -> Recording:
    """Return the recording with its measured length and pieces, and warnings where the header says something else.

    Args:
        recording: what the header declares.
        walk: a walk that has ended.
        decoded_end_sec: where the decoded sound ends, on the recording's clock; None without sound.

    Raises:
        DamagedRecording: nothing of it could be read.
    """
    sound_end_sec = decoded_end_sec
    if sound_end_sec and walk.sound_end_sec and abs(sound_end_sec - walk.sound_end_sec) < SLACK_SEC:
        sound_end_sec = walk.sound_end_sec  # the same with and without decoding
    end_sec = max(sound_end_sec or 0.0, walk.picture_end_sec or 0.0)
    if end_sec <= 0.0:
        raise DamagedRecording("Neither sound nor picture of the recording could be decoded.")
    declared_sec = recording.duration_sec
    warnings = list(recording.warnings)
    if declared_sec > 0.0:
        if len(walk.pieces) == 1:
            warnings += truncation_warnings(recording, sound_end_sec, walk.picture_end_sec)
        warnings += length_warning(declared_sec, end_sec, joined=len(walk.pieces) > 1)
    warnings += _joint_warnings(walk)
    if recording.video is not None and walk.picture_end_sec is not None:
        warnings += _picture_warnings(walk, walk.picture_end_sec, end_sec, {each.code for each in warnings})
    kept = declared_sec > 0.0 and abs(end_sec - declared_sec) <= SLACK_SEC
    late = late_streams(walk)
    video, audio = recording.video or late.video, recording.audio or late.audio
    warnings += late_warnings(walk, video, audio)
    if video is not None:
        length_sec = _length(video.duration_sec, video.start_sec, walk.picture_end_sec)
        video = replace(video, duration_sec=length_sec, resized=tuple(walk.sizes[1:]))
    if audio is not None:
        audio = replace(audio, duration_sec=_length(audio.duration_sec, audio.start_sec, sound_end_sec))
    return replace(
        recording,
        duration_sec=declared_sec if kept else end_sec,
        video=video,
        audio=audio,
        warnings=tuple(warnings),
        pieces=tuple(walk.pieces) if len(walk.pieces) > 1 else (),
    )


def _length(declared_sec: float, start_sec: float, end_sec: float | None) -> float:
    """Return the measured length of a stream, or the declared one if the two are about the same."""
    measured_sec = max(0.0, (end_sec or 0.0) - start_sec)
    return declared_sec if abs(measured_sec - declared_sec) <= SLACK_SEC else measured_sec


def _picture_warnings(walk: Walk, picture_end_sec: float, end_sec: float, known: set[str]) -> list[RecordingWarning]:
    """Return warnings if the picture ends long before the sound, and if its size changes."""
    warnings = []
    missing_sec = end_sec - picture_end_sec
    if missing_sec > max(_EARLY_SEC, _EARLY_SHARE * end_sec) and "picture_cut_off" not in known:
        text = f"The picture ends at {picture_end_sec:.1f} s, the sound at {end_sec:.1f} s; the last picture stands."
        warnings.append(RecordingWarning("picture_ends_early", About.PICTURE, text))
    changes = walk.sizes[1:]
    if changes:
        named = ", ".join(f"{each.at_sec:.1f} s ({each.width} × {each.height})" for each in changes[:_NAMED_JOINTS])
        more = f" and {len(changes) - _NAMED_JOINTS} more times" if len(changes) > _NAMED_JOINTS else ""
        text = f"The picture's size changes at {named}{more}; another shape was fitted into the first one."
        warnings.append(RecordingWarning("picture_size_changes", About.PICTURE, text))
    return warnings


def _joint_warnings(walk: Walk) -> list[RecordingWarning]:
    """Return a warning that says where clocks begin anew, and one if the recording goes on after the last piece."""
    warnings = []
    joints = [piece.at_sec for piece in walk.pieces[1:]]
    if joints:
        named = ", ".join(f"{joint:.1f} s" for joint in joints[:_NAMED_JOINTS])
        more = f" and at {len(joints) - _NAMED_JOINTS} more places" if len(joints) > _NAMED_JOINTS else ""
        text = f"The recording's clock begins anew at {named}{more}; the pieces were put one after the other."
        warnings.append(RecordingWarning("clock_begins_anew", About.RECORDING, text))
    if walk.left_out:
        text = f"The recording has more than {MAX_PIECES} pieces with clocks of their own; the rest was left out."
        warnings.append(RecordingWarning("pieces_left_out", About.RECORDING, text))
    if walk.goes_on_unreadable:
        text = "The file goes on after the recording with something that could not be read; it was left out."
        warnings.append(RecordingWarning("rest_unreadable", About.RECORDING, text))
    return warnings
