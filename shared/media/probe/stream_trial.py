"""Decode the first packets of a recording's streams, and leave out those that cannot be used.

Apart from the probe, which chooses among what is left.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import av
import av.error
from av.container import InputContainer
from av.stream import Stream

from shared.domain.errors import DamagedRecording, EmptyRecording, EncryptedRecording, UnsupportedRecording
from shared.domain.warning import About, RecordingWarning
from shared.media.container import AnyPacket, demux_past_damage
from shared.media.limits import MAX_ASPECT, MAX_FRAME_BYTES, MIN_SIDE, TRIAL_SEC

TRIAL_PACKETS_PER_STREAM = 100
"""A stream is given up if this many packets decode to nothing; no delay of a decoder comes near it."""
TRIAL_PACKETS = 2000
"""Most packets read while waiting for a stream: sound may begin minutes after the picture."""
_ENCRYPTED_TAGS = frozenset({"encv", "enca", "drmi", "drms"})
"""Codec tags of encrypted streams in MP4."""


@dataclass(slots=True)
class StreamTrial:
    """What the first packets of a stream showed; times on the container's clock."""

    stream: Stream
    packets: int = 0
    encrypted: bool = False
    frame: av.VideoFrame | av.AudioFrame | None = None

    @property
    def settled(self) -> bool:
        """Return whether the stream gave a frame or is given up."""
        return self.frame is not None or self.encrypted or self.packets >= TRIAL_PACKETS_PER_STREAM


def try_decoding(container: InputContainer, trials: Sequence[StreamTrial]) -> bool:
    """Decode until every stream gave a frame or was given up; return True if that read the whole file."""
    by_index = {trial.stream.index: trial for trial in trials}
    read, deadline = 0, time.monotonic() + TRIAL_SEC
    for packet in demux_past_damage(container, *(trial.stream for trial in trials)):
        trial = by_index[packet.stream_index]
        if not trial.settled:
            _try_packet(trial, packet)
        read += packet.size > 0
        if read >= TRIAL_PACKETS or all(t.settled for t in trials) or time.monotonic() > deadline:
            return False
    return True


def _try_packet(trial: StreamTrial, packet: AnyPacket) -> None:
    """Decode one packet of a stream and note what it showed."""
    if packet.size:
        trial.packets += 1
        if _codec_tag(trial.stream) in _ENCRYPTED_TAGS or packet.has_sidedata("encryption_info"):
            trial.encrypted = True
            return
    try:
        frames = packet.decode()
    except av.error.FFmpegError:
        return
    for frame in frames:
        if isinstance(frame, (av.VideoFrame, av.AudioFrame)):
            trial.frame = frame
            return


def _codec_tag(stream: Stream) -> str:
    """Return the codec tag of the stream, or an empty text if it is not ASCII."""
    try:
        return stream.codec_context.codec_tag
    except UnicodeDecodeError:  # PyAV expects ASCII; AVI has numbers there
        return ""


def sort_out(trials: Sequence[StreamTrial], whole_read: bool) -> tuple[list[StreamTrial], list[RecordingWarning]]:
    """Return the usable streams, and a warning for each that is left out. Raise an error if none is usable."""
    if all(trial.encrypted for trial in trials):
        raise EncryptedRecording("The recording is encrypted (copy protection); it can only be processed without it.")
    if whole_read and all(trial.packets == 0 for trial in trials):
        raise EmptyRecording("The recording has no content: it lasts 0 seconds.")
    usable: list[StreamTrial] = []
    warnings: list[RecordingWarning] = []
    for trial in trials:
        what = About.PICTURE if trial.stream.type == "video" else About.SOUND
        if isinstance(trial.frame, av.VideoFrame) and (problem := unusable_picture(trial.frame, trial.stream)):
            if len(trials) == 1:
                raise UnsupportedRecording(f"The recording's {problem}.")
            warnings.append(RecordingWarning("picture_unusable", what, f"The {problem}, and was left out."))
        elif trial.frame is not None or (trial.packets == 0 and not whole_read):
            usable.append(trial)
        elif trial.encrypted:
            text = f"The {what} is encrypted and was left out."
            warnings.append(RecordingWarning(f"{what}_encrypted", what, text))
        elif trial.packets == 0:
            warnings.append(RecordingWarning(f"{what}_empty", what, f"The {what} is empty and was left out."))
        else:
            text = f"The {what} is damaged and was left out: nothing of it could be decoded."
            warnings.append(RecordingWarning(f"{what}_undecodable", what, text))
    if not usable:
        raise DamagedRecording("Nothing of the recording's sound or picture could be decoded.")
    return usable, warnings


def unusable_picture(frame: av.VideoFrame, stream: Stream) -> str | None:
    """Return why a decodable picture cannot be used, as a part of a sentence; None if it can."""
    width = shown_width(frame.width, stream)
    if min(width, frame.width, frame.height) < MIN_SIDE or not 1 / MAX_ASPECT <= width / frame.height <= MAX_ASPECT:
        return f"picture is {width} × {frame.height} pixels large: too narrow to show anything"
    size_bytes = sum(plane.buffer_size for plane in frame.planes)
    if size_bytes > MAX_FRAME_BYTES:
        return f"picture takes {size_bytes} bytes decoded, more than the {MAX_FRAME_BYTES} that can be processed"
    return None


def shown_width(width: int, stream: Stream) -> int:
    """Return the width that a viewer sees: the coded width times the aspect ratio of a pixel."""
    ratio = stream.sample_aspect_ratio if isinstance(stream, av.VideoStream) else None
    return max(1, round(width * (ratio or 1)))
