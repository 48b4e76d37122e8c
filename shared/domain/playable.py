"""Tell whether every browser plays a recording as it came, or its picture in another file, so that less is encoded.

Pure, so that the plan, the stage and the API agree.
"""

from shared.domain.recording import Recording

_MP4 = "mov,mp4,m4a,3gp,3g2,mj2"
"""FFmpeg's name of MP4 and QuickTime files, which share their boxes."""
_REMUXED = (_MP4, "matroska,webm", "mpegts")
"""Containers whose H.264 can be moved into an MP4."""
_SOUNDS = frozenset({"aac", "mp3"})
_PIXELS = "yuv420p"
"""8 bits and quarter chroma; browsers decode H.264 in no other form everywhere."""


def is_playable(recording: Recording) -> bool:
    """Return whether every browser plays the recording: H.264 of 8 bits in MP4, with AAC, MP3 or no sound.

    Browsers show interlaced pictures as combs. A recording that an earlier release examined does not tell its pixels;
    it is taken as playable.
    """
    video, audio = recording.video, recording.audio
    if recording.container != _MP4 or recording.pieces or video is None:
        return False
    return (
        video.codec == "h264"
        and video.pixel_format in (None, _PIXELS)
        and video.field_order is None
        and (audio is None or audio.codec in _SOUNDS)
        and recording.choice.audio_reason is None
        and recording.choice.video_reason is None
    )


def is_remuxable(recording: Recording) -> bool:
    """Return whether the recording's picture plays in every browser once it stands in an MP4: H.264 of 8 bits, upright,
    progressive, of one size, and in one piece. The sound is copied or encoded."""
    video = recording.video
    return (
        video is not None
        and recording.container in _REMUXED
        and not recording.pieces
        and video.codec == "h264"
        and video.pixel_format == _PIXELS
        and video.field_order is None
        and not (video.rotation or video.mirrored or video.resized)
    )
