"""Whether a recording holds as much as it says: a cut file opens and plays, and declares its full length all the same.

Compares what was decoded with what was declared; finds the picture's real end by a few jumps instead of a full read.
"""

from typing import BinaryIO

from av.container import InputContainer
from av.stream import Stream

from shared.domain.recording import Recording
from shared.domain.warning import About, RecordingWarning
from shared.media.container import demux_past_damage, open_container
from shared.media.video.picture import jump

# A part of the declared length; encoders' delays and rounding stay well within the rest.
ENOUGH = 0.98
# Nor is anything cut off when only this much is missing: in a short clip the delays alone are more than 2%.
SLACK_SEC = 0.25
# The search for the end jumps until it is this close, then reads on.
_SEARCH_SEC = 5.0


def truncation_warning(
    declared_sec: float, decoded_sec: float, about: About = About.RECORDING
) -> RecordingWarning | None:
    """Return a warning if less than 98% of the declared length could be decoded."""
    if decoded_sec >= min(ENOUGH * declared_sec, declared_sec - SLACK_SEC):
        return None
    text = (
        f"The {about} is cut off: it declares {declared_sec:.1f} s but only {max(0.0, decoded_sec):.1f} s "
        "could be decoded."
    )
    return RecordingWarning(f"{about}_cut_off", about, text)


def truncation_warnings(
    recording: Recording, sound_end_sec: float | None, picture_end_sec: float | None
) -> list[RecordingWarning]:
    """Warnings on the whole recording, or on its sound or picture alone; ends on the recording's clock, None for what
    the recording has not."""
    ends = [end for end in (sound_end_sec, picture_end_sec) if end is not None]
    if not ends:
        return []
    whole = truncation_warning(recording.duration_sec, max(ends))
    if whole is not None:
        return [whole]
    warnings = []
    for what, stream, end_sec in (
        (About.SOUND, recording.audio, sound_end_sec),
        (About.PICTURE, recording.video, picture_end_sec),
    ):
        if stream is not None and end_sec is not None:
            warnings.append(truncation_warning(stream.duration_sec, end_sec - stream.start_sec, what))
    return [warning for warning in warnings if warning is not None]


def video_end_sec(source: BinaryIO, recording: Recording) -> float | None:
    """Where the last readable picture ends, on the recording's clock; None without a picture. Decodes nothing."""
    if recording.video is None:
        return None
    with open_container(source) as container:
        stream = container.streams[recording.video.index]
        video_end = recording.video.start_sec + recording.video.duration_sec
        low, high = 0.0, max(0.0, video_end - _SEARCH_SEC / 2)
        end = _end_from(container, stream, recording, high)
        if end is not None:
            return end
        while high - low > _SEARCH_SEC:
            middle = (low + high) / 2
            if _first_picture(container, stream, recording, middle) is None:
                high = middle
            else:
                low = middle
        return _end_from(container, stream, recording, low) or 0.0


def _first_picture(container: InputContainer, stream: Stream, recording: Recording, time_sec: float) -> float | None:
    """The end of the first readable picture after jumping to `time_sec`."""
    if not jump(container, stream, time_sec + recording.start_sec):
        return None
    for packet in demux_past_damage(container, stream):
        if packet.size and packet.pts is not None and not packet.is_corrupt:
            return _packet_end(packet.pts, packet.duration, stream, recording)
    return None


def _end_from(container: InputContainer, stream: Stream, recording: Recording, time_sec: float) -> float | None:
    """The end of the last readable picture after `time_sec`, or None when there is none any more."""
    if not jump(container, stream, time_sec + recording.start_sec):
        return None
    ends = (
        _packet_end(packet.pts, packet.duration, stream, recording)
        for packet in demux_past_damage(container, stream)
        if packet.size and packet.pts is not None and not packet.is_corrupt
    )
    return max(ends, default=None)


def _packet_end(pts: int, duration: int | None, stream: Stream, recording: Recording) -> float:
    return float((pts + (duration or 0)) * (stream.time_base or 0)) - recording.start_sec
