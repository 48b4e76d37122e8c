"""Tell whether every browser plays a recording as it came, so that nothing has to be encoded again.

Pure, so that the plan, the stage and the API agree.
"""

from shared.domain.recording import Recording

_MP4 = "mov,mp4,m4a,3gp,3g2,mj2"
"""FFmpeg's name of MP4 and QuickTime files, which share their boxes."""
_SOUNDS = frozenset({"aac", "mp3"})
_PIXELS = "yuv420p"
"""8 bits and quarter chroma; browsers decode H.264 in no other form everywhere."""


def is_playable(recording: Recording) -> bool:
    """Return whether every browser plays the recording: H.264 of 8 bits in MP4, with AAC, MP3 or no sound.

    A recording that an earlier release examined does not tell its pixels; it is taken as playable.
    """
    video, audio = recording.video, recording.audio
    if recording.container != _MP4 or recording.pieces or video is None:
        return False
    return (
        video.codec == "h264"
        and video.pixel_format in (None, _PIXELS)
        and (audio is None or audio.codec in _SOUNDS)
        and recording.choice.audio_reason is None
        and recording.choice.video_reason is None
    )
