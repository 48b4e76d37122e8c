"""Compare a recording's measured length with the declared one: it may be cut off, or go on after its declared end.

Apart from `measure.py`, because it is pure: it knows nothing of how an end was found.
"""

from shared.domain.recording import Recording
from shared.domain.warning import About, RecordingWarning

ENOUGH_SHARE = 0.98
"""Share of the declared length that is not cut off; delays of encoders and rounding stay within the rest."""
SLACK_SEC = 0.25
"""Difference that is no difference: in a short clip the delays alone are more than 2%."""


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


def length_warning(declared_sec: float, decoded_sec: float, *, joined: bool) -> list[RecordingWarning]:
    """Return a warning if the recording is more than 2% longer than it declares, or was `joined` and is shorter."""
    longer = decoded_sec > max(declared_sec / ENOUGH_SHARE, declared_sec + SLACK_SEC)
    shorter = joined and truncation_warning(declared_sec, decoded_sec) is not None
    if not longer and not shorter:
        return []
    text = f"The recording declares {declared_sec:.1f} s but {decoded_sec:.1f} s could be decoded; all of it was used."
    return [RecordingWarning("length_differs", About.RECORDING, text)]


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
