"""Detect a recording that is cut off: such a file opens and plays, and still declares its full length.

The decoded length is compared with the declared one. The real end of the picture is found by a few seeks instead of a
full read. Apart from `probe.py`, because it runs after decoding.
"""

from typing import BinaryIO

from av.container import InputContainer
from av.stream import Stream

from shared.domain.recording import Recording
from shared.domain.warning import About, RecordingWarning
from shared.media.container import demux_past_damage, open_container
from shared.media.video.picture import seek

ENOUGH_SHARE = 0.98
"""Share of the declared length that is not cut off; delays of encoders and rounding stay within the rest."""
SLACK_SEC = 0.25
"""Missing time that is not cut off: in a short clip the delays alone are more than 2%."""
_SEARCH_SEC = 5.0
"""The search for the end seeks until it is this close, then reads on."""


def truncation_warning(
    declared_sec: float, decoded_sec: float, about: About = About.RECORDING
) -> RecordingWarning | None:
    """Return a warning if less than 98% of the declared length could be decoded."""
    if decoded_sec >= min(ENOUGH_SHARE * declared_sec, declared_sec - SLACK_SEC):
        return None
    text = (
        f"The {about} is cut off: it declares {declared_sec:.1f} s but only {max(0.0, decoded_sec):.1f} s "
        "could be decoded."
    )
    return RecordingWarning(f"{about}_cut_off", about, text)


def truncation_warnings(
    recording: Recording, sound_end_sec: float | None, picture_end_sec: float | None
) -> list[RecordingWarning]:
    """Return warnings about the whole recording, or about its sound or picture alone.

    Ends are on the recording's clock; None for what the recording does not have.
    """
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
    """Return the end of the last readable picture on the recording's clock; None without a picture. Decode nothing."""
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
    """Return the end of the first readable picture after a seek to `time_sec`, or None."""
    if not seek(container, stream, time_sec + recording.start_sec):
        return None
    for packet in demux_past_damage(container, stream):
        if packet.size and packet.pts is not None and not packet.is_corrupt:
            return _packet_end(packet.pts, packet.duration, stream, recording)
    return None


def _end_from(container: InputContainer, stream: Stream, recording: Recording, time_sec: float) -> float | None:
    """Return the end of the last readable picture after `time_sec`, or None."""
    if not seek(container, stream, time_sec + recording.start_sec):
        return None
    ends = (
        _packet_end(packet.pts, packet.duration, stream, recording)
        for packet in demux_past_damage(container, stream)
        if packet.size and packet.pts is not None and not packet.is_corrupt
    )
    return max(ends, default=None)


def _packet_end(pts: int, duration: int | None, stream: Stream, recording: Recording) -> float:
    """Return the end of a packet on the recording's clock."""
    return float((pts + (duration or 0)) * (stream.time_base or 0)) - recording.start_sec
