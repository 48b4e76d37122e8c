"""Describe the streams of a recording by what their headers declare and their first frames showed.

Apart from the probe, which reads and chooses them.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import av
from av.container import InputContainer

from shared.domain.recording import AudioStream, Recording, VideoStream
from shared.media.probe.stream_trial import StreamTrial, shown_width
from shared.media.video.orientation import UPRIGHT, orientation_of


def describe(container: InputContainer, usable: Sequence[StreamTrial], size_bytes: int) -> Recording:
    """Return the facts of the recording with the usable streams, of each kind at most one, on its clock."""
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


def with_others(recording: Recording, unused: Sequence[StreamTrial]) -> Recording:
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


def _describe_video(trial: StreamTrial, stream: av.VideoStream, start_sec: float, duration_sec: float) -> VideoStream:
    frame = trial.frame
    orientation, width, height = UPRIGHT, stream.width, stream.height
    if isinstance(frame, av.VideoFrame):
        orientation, width, height = orientation_of(frame), frame.width, frame.height
    width = shown_width(width, stream)
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


def _describe_audio(trial: StreamTrial, stream: av.AudioStream, start_sec: float, duration_sec: float) -> AudioStream:
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


def _start(trial: StreamTrial) -> float:
    """Return the time of the stream's first frame. The container's declaration is second best (wrong in Matroska)."""
    if trial.frame is not None and trial.frame.pts is not None and trial.frame.time_base is not None:
        return float(trial.frame.pts * trial.frame.time_base)
    stream = trial.stream
    if stream.start_time is not None and stream.time_base is not None:
        return float(stream.start_time * stream.time_base)
    return 0.0


def _end(trial: StreamTrial, start_sec: float) -> float | None:
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
