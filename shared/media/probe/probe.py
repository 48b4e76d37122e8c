"""Find the facts of a recording (container, picture, sound, clock) by reading a little of it.

Every file that is no usable recording ends here in an error of the project's tree, with a sentence for a person. Apart
from storage, jobs and the stages, which it knows nothing of.
"""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import BinaryIO

import av
import av.error
from av.container import InputContainer
from av.stream import Disposition, Stream

from shared.domain.errors import (
    DamagedRecording,
    EmptyRecording,
    EncryptedRecording,
    NoUsableStream,
    UnsupportedRecording,
)
from shared.domain.recording import AudioStream, Recording, VideoStream
from shared.domain.warning import About, RecordingWarning
from shared.media.aiff_length import find_short_aiff
from shared.media.container import HEADERLESS, AnyPacket, demux_past_damage, open_container
from shared.media.corrected_file import ShortSound
from shared.media.limits import MAX_ASPECT, MAX_FRAME_BYTES, MIN_SIDE, TRIAL_SEC
from shared.media.probe.choose_tracks import choose_tracks
from shared.media.probe.xing import declared_frames
from shared.media.timeline.pieces import is_decodable, moving_pictures, sounds
from shared.media.timeline.truncation import length_warning
from shared.media.video.orientation import UPRIGHT, orientation_of
from shared.media.wav_length import find_short_wav

XING_SHARE = 0.02
"""FFmpeg's length of an MP3 differs from the declared one by the encoder's delays at most, unless it is a guess."""
TRIAL_PACKETS_PER_STREAM = 100
"""A stream is given up if this many packets decode to nothing; no delay of a decoder comes near it."""
TRIAL_PACKETS = 2000
"""Most packets read while waiting for a stream: sound may begin minutes after the picture."""
MAX_PICTURES = 4
"""Most pictures of a recording that are considered."""
MAX_SOUNDS = 8
"""Most sounds of a recording that are considered."""
GUESSED = RecordingWarning(
    "duration_guessed",
    About.RECORDING,
    "The recording does not say how long it is; its length was guessed from its bit rate.",
)
_ENCRYPTED_TAGS = frozenset({"encv", "enca", "drmi", "drms"})
"""Codec tags of encrypted streams in MP4."""


@dataclass(slots=True)
class _Trial:
    """What the first packets of a stream showed; times on the container's clock."""

    stream: Stream
    packets: int = 0
    encrypted: bool = False
    frame: av.VideoFrame | av.AudioFrame | None = None

    @property
    def settled(self) -> bool:
        """Return whether the stream gave a frame or is given up."""
        return self.frame is not None or self.encrypted or self.packets >= TRIAL_PACKETS_PER_STREAM


def probe(source: BinaryIO, size_bytes: int, *, guess: bool = False, whole: bool = True) -> Recording:
    """Return the facts of the recording in `source` (seekable, `size_bytes` long) that its header declares.

    The length is 0 where no header declares it; `timeline.measure` finds the real one.

    Raise EmptyRecording, NotMedia, EncryptedRecording, NoUsableStream, DamagedRecording or UnsupportedRecording.

    Args:
        source: the file.
        size_bytes: its size.
        guess: if no header declares the length, take FFmpeg's guess from the bit rate, with a warning.
        whole: False if `source` ends before the recording does.
    """
    if size_bytes == 0:
        raise EmptyRecording("The file is empty (0 bytes).")
    with open_container(source) as container:
        candidates = [_Trial(stream) for stream in _candidates(container)]
        if not candidates:
            raise NoUsableStream(_nothing_usable(container))
        whole_read = _try_decoding(container, candidates) and whole
        videos, audios = (_worth_choosing(candidates, kind) for kind in ("video", "audio"))
        length_sec = container.duration / av.time_base if whole and container.duration else None
        chosen = choose_tracks(source, videos, audios, length_sec)
        usable, warnings = _sort_out([each for each in candidates if each.stream.index in chosen.used], whole_read)
        recording = _describe(container, usable, size_bytes)
        unused = [each for each in candidates if each.frame is not None and each.stream.index not in chosen.used]
        recording = replace(_with_others(recording, unused), choice=chosen.choice)
        warnings.extend(chosen.warnings)
    if recording.container in HEADERLESS and not _has_xing_header(recording, usable):
        if guess and recording.duration_sec > 0:
            warnings.append(GUESSED)
        else:
            recording = _without_length(recording)
    elif recording.container == "mp3":
        recording = _with_xing_length(source, recording)
    if recording.container == "wav" and whole:
        warnings.extend(_wav_cut_off(source, size_bytes))
        warnings.extend(_declared_short(find_short_wav(source)))
    if recording.container == "aiff" and whole:
        warnings.extend(_declared_short(find_short_aiff(source)))
    return replace(recording, warnings=tuple(warnings))


def _candidates(container: InputContainer) -> Iterator[Stream]:
    """Yield pictures, then sounds, as players prefer them: marked as default first, then the largest."""
    videos, audios = list(moving_pictures(container)), list(sounds(container))
    videos.sort(key=lambda s: (not s.disposition & Disposition.default, -s.width * s.height, s.index))
    audios.sort(key=lambda s: (not s.disposition & Disposition.default, -s.channels, s.index))
    yield from videos[:MAX_PICTURES]
    yield from audios[:MAX_SOUNDS]


def _worth_choosing(trials: Sequence[_Trial], kind: str) -> list[int]:
    """Return the stream indexes of this kind that can be used; of none, the one that players prefer."""
    those = [trial for trial in trials if trial.stream.type == kind]
    usable = [
        trial
        for trial in those
        if isinstance(trial.frame, av.AudioFrame)
        or (isinstance(trial.frame, av.VideoFrame) and not _unusable_picture(trial.frame, trial.stream))
    ]
    return [trial.stream.index for trial in usable or those[:1]]


def _nothing_usable(container: InputContainer) -> str:
    """Return the sentence that explains why the container has no usable stream."""
    kinds = sorted({stream.type for stream in container.streams})
    if not kinds:
        return "The file has no streams: neither sound nor picture."
    if any(not is_decodable(s) for s in container.streams if s.type in ("video", "audio")):
        return "The recording's sound and picture are in a coding that is not supported."
    if kinds == ["video"]:
        return "The file has only still pictures (cover art): neither sound nor moving picture."
    return f"The file has neither sound nor picture, only: {', '.join(kinds)}."


def _try_decoding(container: InputContainer, trials: Sequence[_Trial]) -> bool:
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


def _try_packet(trial: _Trial, packet: AnyPacket) -> None:
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


def _sort_out(trials: Sequence[_Trial], whole_read: bool) -> tuple[list[_Trial], list[RecordingWarning]]:
    """Return the usable streams, and a warning for each that is left out. Raise an error if none is usable."""
    if all(trial.encrypted for trial in trials):
        raise EncryptedRecording("The recording is encrypted (copy protection); it can only be processed without it.")
    if whole_read and all(trial.packets == 0 for trial in trials):
        raise EmptyRecording("The recording has no content: it lasts 0 seconds.")
    usable: list[_Trial] = []
    warnings: list[RecordingWarning] = []
    for trial in trials:
        what = About.PICTURE if trial.stream.type == "video" else About.SOUND
        if isinstance(trial.frame, av.VideoFrame) and (problem := _unusable_picture(trial.frame, trial.stream)):
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


def _unusable_picture(frame: av.VideoFrame, stream: Stream) -> str | None:
    """Return why a decodable picture cannot be used, as a part of a sentence; None if it can."""
    width = _shown_width(frame.width, stream)
    if min(width, frame.width, frame.height) < MIN_SIDE or not 1 / MAX_ASPECT <= width / frame.height <= MAX_ASPECT:
        return f"picture is {width} × {frame.height} pixels large: too narrow to show anything"
    size_bytes = sum(plane.buffer_size for plane in frame.planes)
    if size_bytes > MAX_FRAME_BYTES:
        return f"picture takes {size_bytes} bytes decoded, more than the {MAX_FRAME_BYTES} that can be processed"
    return None


def _shown_width(width: int, stream: Stream) -> int:
    """Return the width that a viewer sees: the coded width times the aspect ratio of a pixel."""
    ratio = stream.sample_aspect_ratio if isinstance(stream, av.VideoStream) else None
    return max(1, round(width * (ratio or 1)))


def _describe(container: InputContainer, usable: Sequence[_Trial], size_bytes: int) -> Recording:
    starts = [_start(trial) for trial in usable]
    start_sec = min(starts)
    container_end = _container_end(container, start_sec)
    declared = [_end(trial, start) for trial, start in zip(usable, starts, strict=True)]
    # Where only the beginnings are known, their difference is no length.
    end_sec = max((end for end in (container_end, *declared) if end is not None), default=start_sec)
    if end_sec <= start_sec:
        end_sec, container_end, declared = start_sec, None, [None] * len(starts)
    ends = [end or container_end or start for end, start in zip(declared, starts, strict=True)]
    video: VideoStream | None = None
    audio: AudioStream | None = None
    for trial, start, end in zip(usable, starts, ends, strict=True):
        if isinstance(trial.stream, av.VideoStream):
            video = _describe_video(trial, trial.stream, start - start_sec, end - start)
        elif isinstance(trial.stream, av.AudioStream):
            audio = _describe_audio(trial, trial.stream, start - start_sec, end - start)
    return Recording(
        container=container.format.name,
        size_bytes=size_bytes,
        start_sec=start_sec,
        duration_sec=end_sec - start_sec,
        video=video,
        audio=audio,
    )


def _with_others(recording: Recording, unused: Sequence[_Trial]) -> Recording:
    """Return the recording with the tracks that are not used, on its clock."""
    videos: list[VideoStream] = []
    audios: list[AudioStream] = []
    for trial in unused:
        start = _start(trial)
        end = _end(trial, start) or recording.start_sec + recording.duration_sec
        place = start - recording.start_sec, max(0.0, end - start)
        if isinstance(trial.stream, av.VideoStream):
            videos.append(_describe_video(trial, trial.stream, *place))
        elif isinstance(trial.stream, av.AudioStream):
            audios.append(_describe_audio(trial, trial.stream, *place))
    by_index = sorted(videos, key=lambda each: each.index), sorted(audios, key=lambda each: each.index)
    return replace(recording, other_videos=tuple(by_index[0]), other_audios=tuple(by_index[1]))


def _describe_video(trial: _Trial, stream: av.VideoStream, start_sec: float, duration_sec: float) -> VideoStream:
    frame = trial.frame
    orientation, width, height = UPRIGHT, stream.width, stream.height
    if isinstance(frame, av.VideoFrame):
        orientation, width, height = orientation_of(frame), frame.width, frame.height
    width = _shown_width(width, stream)
    if orientation.is_sideways:
        width, height = height, width
    rate = stream.average_rate or stream.guessed_rate or stream.base_rate or Fraction(0)
    return VideoStream(
        index=stream.index,
        codec=stream.codec_context.name,
        width=width,
        height=height,
        rotation=orientation.rotation,
        fps=round(float(rate), 3),
        start_sec=start_sec,
        duration_sec=duration_sec,
        mirrored=orientation.mirrored,
        pixel_aspect=float(stream.sample_aspect_ratio or 1),
        pixel_format=frame.format.name if isinstance(frame, av.VideoFrame) else None,
        field_order="auto" if isinstance(frame, av.VideoFrame) and frame.interlaced_frame else None,
    )


def _describe_audio(trial: _Trial, stream: av.AudioStream, start_sec: float, duration_sec: float) -> AudioStream:
    sample_rate, channels = stream.sample_rate, stream.channels
    if isinstance(trial.frame, av.AudioFrame):
        sample_rate, channels = trial.frame.sample_rate, trial.frame.layout.nb_channels
    return AudioStream(
        index=stream.index,
        codec=stream.codec_context.name,
        sample_rate=sample_rate,
        channels=channels,
        start_sec=start_sec,
        duration_sec=duration_sec,
    )


def _start(trial: _Trial) -> float:
    """Return the time of the stream's first frame. The container's declaration is second best (wrong in Matroska)."""
    if trial.frame is not None and trial.frame.pts is not None and trial.frame.time_base is not None:
        return float(trial.frame.pts * trial.frame.time_base)
    stream = trial.stream
    if stream.start_time is not None and stream.time_base is not None:
        return float(stream.start_time * stream.time_base)
    return 0.0


def _end(trial: _Trial, start_sec: float) -> float | None:
    """Return the declared end of the stream, counted from its declared start; None if it declares none."""
    stream = trial.stream
    tagged = re.fullmatch(r"(\d{1,5}):(\d\d):(\d\d(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
    if tagged:  # Matroska writers note the end of each stream, counted from zero
        hours, minutes, seconds = tagged.groups()
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    if stream.duration is not None and stream.time_base is not None:
        declared_start = stream.start_time * stream.time_base if stream.start_time is not None else start_sec
        return float(declared_start + stream.duration * stream.time_base)
    return None


def _container_end(container: InputContainer, start_sec: float) -> float | None:
    if container.duration is None or container.duration <= 0:
        return None
    duration_sec = container.duration / av.time_base
    # Matroska counts its duration from zero, the others from their first stream's start.
    return duration_sec if container.format.name == "matroska,webm" else start_sec + duration_sec


def _has_xing_header(recording: Recording, usable: Sequence[_Trial]) -> bool:
    # FFmpeg knows an MP3's start (the encoder's delay) only from that header, which also has the exact length.
    return recording.container == "mp3" and bool(usable[0].stream.start_time)


def _with_xing_length(source: BinaryIO, recording: Recording) -> Recording:
    """Return an MP3 with the length that its header declares, where FFmpeg guessed another one."""
    audio, frames = recording.audio, declared_frames(source)
    if audio is None or not frames:
        return recording
    declared_sec = frames * (1152 if audio.sample_rate >= 32_000 else 576) / audio.sample_rate
    if abs(declared_sec - recording.duration_sec) <= XING_SHARE * declared_sec:
        return recording
    return replace(recording, duration_sec=declared_sec, audio=replace(audio, duration_sec=declared_sec))


def _declared_short(short: ShortSound | None) -> list[RecordingWarning]:
    """Return a warning if a file holds more sound than its header declares; all of it is read."""
    return [] if short is None else length_warning(short.declared_sec, short.actual_sec, joined=False)


def _without_length(recording: Recording) -> Recording:
    """Return the recording without the length that FFmpeg guessed from its bit rate."""
    audio = recording.audio
    return replace(recording, duration_sec=0.0, audio=None if audio is None else replace(audio, duration_sec=0.0))


def _wav_cut_off(source: BinaryIO, size_bytes: int) -> Iterator[RecordingWarning]:
    """Yield a warning if the WAV's header declares more bytes than the file has; streams declare 0 or -1.

    FFmpeg trims the length of a cut WAV to the file's size, so the header is read here.
    """
    source.seek(0)
    announced = int.from_bytes(source.read(8)[4:8], "little") + 8
    if 0xFFFFFF00 > announced > 8 and size_bytes < 0.98 * announced:
        text = f"The recording is cut off: it declares {announced} bytes but the file has only {size_bytes}."
        yield RecordingWarning("recording_cut_off", About.RECORDING, text)
