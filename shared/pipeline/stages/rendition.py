"""Run the rendition stage: render videos in parts by time, and join them without encoding again.

Every part plans the camera's path from the whole track: that takes a second, and makes all parts agree.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import BinaryIO

import av
from pydantic import BaseModel

from shared.domain.options import FollowCam
from shared.domain.stage import Stage
from shared.media.payload import RenditionPayload
from shared.media.video.encode import CODECS, H264, VP9, Codec, Colours, VideoEncoder, frame_rate
from shared.media.video.fit import Crop
from shared.media.video.frames import shown_frames
from shared.media.video.join import (
    COPIED_CODECS,
    PLAYED_CODECS,
    Piece,
    join_pieces,
    video_index_bytes,
)
from shared.media.video.picture import video_of
from shared.media.video.remux import remux, remux_index_bytes
from shared.media.video.yuv import Cutter, YuvPicture
from shared.pipeline import artefacts
from shared.pipeline.artefacts import Artefact
from shared.pipeline.context import StepContext
from shared.pipeline.stages.block_file import write_in_blocks
from shared.pipeline.stages.job_blobs import (
    open_file,
    open_recording,
    read_json,
    recording_of,
    write_file,
    write_json,
)
from shared.pipeline.stages.plan import makes_playable, remuxes_playable, sample_range
from shared.pipeline.stages.sidecar import RenditionList
from shared.tracking.drawing.overlay import Overlay
from shared.tracking.drawing.virtual_camera import crop_at, crop_size, plan_camera
from shared.tracking.payload import InstructorTracking

OVERLAY_HEIGHT = 540
LONGER_SIDE_PX, SHORTER_SIDE_PX = 1920, 1080
"""The largest picture that every browser plays smoothly."""


class RenditionPart(BaseModel):
    """The file that a part leaves beside its pieces of video."""

    first_index: int
    """The first picture is at `first_index` / rate seconds."""
    frames: int
    """Pictures in each piece."""


@dataclass(frozen=True, slots=True)
class _Video:
    """One of the videos, and how to paint a picture of it from a frame."""

    artefact: Artefact
    piece: Artefact
    width: int
    height: int
    paint: Callable[[int, av.VideoFrame], YuvPicture]
    codec: Codec
    for_browsers: bool = False
    """Whether every browser has to play it, from its beginning on."""


def render_part(context: StepContext) -> None:
    """Render one time slice of every video that was asked for."""
    recording, number = recording_of(context), context.message.part
    rate = frame_rate(video_of(recording))
    fps = float(rate)
    samples = sample_range(recording, context.job.stages[Stage.RENDITION].parts, number, fps)
    videos = _videos(context, rate)
    if not videos:
        nothing = RenditionPart(first_index=0, frames=0)
        write_json(context.services, context.job, artefacts.RENDITION_PART, nothing, part=number)
        return
    pieces = {video.piece: io.BytesIO() for video in videos}
    encoders: dict[Artefact, VideoEncoder] = {}
    first: int | None = None
    frames = 0
    with ExitStack() as stack:
        source = stack.enter_context(open_recording(context))
        shown = shown_frames(
            source,
            recording,
            sample_fps=fps,
            start_sec=samples.start / fps,
            end_sec=samples.stop / fps,
            holds_last=True,
            whole_frames=True,
            report=context.report,
        )
        for index, frame in shown:
            if first is None:
                first, colours = index, Colours.of(frame)
                for video in videos:
                    encoder = VideoEncoder(pieces[video.piece], video.width, video.height, rate, colours, video.codec)
                    stack.callback(encoder.close)
                    encoders[video.piece] = encoder
            for video in videos:
                encoders[video.piece].write(index, video.paint(index, frame))
            frames += 1
    if frames:
        for video in videos:
            write_file(context.services, context.job, video.piece, pieces[video.piece].getvalue(), part=number)
    part = RenditionPart(first_index=first or 0, frames=frames)
    write_json(context.services, context.job, artefacts.RENDITION_PART, part, part=number)


def join_renditions(context: StepContext) -> None:
    """Join the parts of each video with the recording's sound, and list the videos for the sidecar."""
    rate = frame_rate(video_of(recording_of(context)))
    parts = list(_parts(context))
    videos = _videos(context, rate) if parts else []
    is_remuxed = remuxes_playable(recording_of(context), context.job.options)
    turns = len(videos) + is_remuxed
    made = [_remux(context, partial(_report, context, len(videos), turns))] if is_remuxed else []
    for turn, video in enumerate(videos):
        _join(context, video, parts, rate, partial(_report, context, turn, turns))
        _, last = parts[-1]
        made.append(
            RenditionPayload(
                name=video.artefact.name,
                content_type=video.artefact.content_type,
                width=video.width,
                height=video.height,
                codec=video.codec.name,
                duration_sec=round(float((last.first_index + last.frames) / rate), 3),
            )
        )
    write_json(context.services, context.job, artefacts.RENDITIONS, RenditionList(renditions=made))


def _remux(context: StepContext, report: Callable[[float], None]) -> RenditionPayload:
    """Write the recording as an MP4 with the picture as it is."""
    recording = recording_of(context)
    video = video_of(recording)

    def write(target: BinaryIO, report: Callable[[float], None]) -> None:
        remux(partial(open_recording, context), recording, target, report)

    write_in_blocks(
        context.services, context.job, artefacts.PLAYABLE, write, report, room_bytes=remux_index_bytes(recording)
    )
    return RenditionPayload(
        name=artefacts.PLAYABLE.name,
        content_type=artefacts.PLAYABLE.content_type,
        width=video.width,
        height=video.height,
        codec=H264.name,
        duration_sec=round(recording.duration_sec, 3),
    )


def _report(context: StepContext, turn: int, turns: int, fraction: float) -> None:
    context.report((turn + fraction) / turns)


def _videos(context: StepContext, rate: Fraction) -> list[_Video]:
    """Return the videos that were asked for."""
    wanted = context.job.options
    recording = recording_of(context)
    encodes = makes_playable(recording, wanted) and not remuxes_playable(recording, wanted)
    videos = [_playable(context)] if encodes else []
    if not wanted.wants_track_video:
        return videos
    track = read_json(context.services, context.job, artefacts.INSTRUCTOR_TRACKING, InstructorTracking)
    if wanted.overlay:
        videos.append(_overlay(context, track, rate))
    if wanted.camera is not None:
        videos.append(_follow(context, track, rate, wanted.camera))
    return videos


def _playable(context: StepContext) -> _Video:
    """Return the recording as it is, at most 1080p, for every browser."""
    video = video_of(recording_of(context))
    longer, shorter = max(video.width, video.height), min(video.width, video.height)
    scale = min(1.0, LONGER_SIDE_PX / longer, SHORTER_SIDE_PX / shorter)
    width, height = _even(video.width * scale), _even(video.height * scale)
    cutter, whole = Cutter(video, width, height), Crop()

    def paint(index: int, frame: av.VideoFrame) -> YuvPicture:
        return cutter.cut(frame, whole)

    codec = _codec(context, H264)
    return _Video(artefacts.PLAYABLE, artefacts.PLAYABLE_PIECE, width, height, paint, codec, for_browsers=True)


def _overlay(context: StepContext, track: InstructorTracking, rate: Fraction) -> _Video:
    video = video_of(recording_of(context))
    height = _even(min(OVERLAY_HEIGHT, video.height))
    width = _even(height * video.width / video.height)
    cutter, overlay, whole = Cutter(video, width, height), Overlay(track), Crop()

    def paint(index: int, frame: av.VideoFrame) -> YuvPicture:
        picture = cutter.cut(frame, whole)
        overlay.draw(picture, index / float(rate))
        return picture

    return _Video(artefacts.OVERLAY, artefacts.OVERLAY_PIECE, width, height, paint, _codec(context, VP9))


def _follow(context: StepContext, track: InstructorTracking, rate: Fraction, how: FollowCam) -> _Video:
    recording = recording_of(context)
    video, fps = video_of(recording), float(rate)
    camera = plan_camera(track, sample_range(recording, 1, 0, fps).stop, fps, how.aspect_ratio)
    crop_width, crop_height = crop_size(track, how.aspect_ratio)
    height = _even(min(how.max_height_px, crop_height * video.height))
    width = _even(height * crop_width * video.width / (crop_height * video.height))
    cutter = Cutter(video, width, height)

    def paint(index: int, frame: av.VideoFrame) -> YuvPicture:
        return cutter.cut(frame, crop_at(camera, index))

    return _Video(artefacts.FOLLOW, artefacts.FOLLOW_PIECE, width, height, paint, _codec(context, VP9))


def _codec(context: StepContext, earlier: Codec) -> Codec:
    """Return the codec that the job began with; `earlier` is that of jobs which an earlier release planned."""
    name = context.job.rendition_codec
    return earlier if name is None else CODECS[name]


def _even(pixels: float) -> int:
    return max(2, round(pixels / 2) * 2)


def _parts(context: StepContext) -> Iterator[tuple[int, RenditionPart]]:
    """Yield the parts that have pictures, by number."""
    for number in range(context.job.stages[Stage.RENDITION].parts):
        part = read_json(context.services, context.job, artefacts.RENDITION_PART, RenditionPart, part=number)
        if part.frames:
            yield number, part


def _join(
    context: StepContext,
    video: _Video,
    parts: Sequence[tuple[int, RenditionPart]],
    rate: Fraction,
    report: Callable[[float], None],
) -> None:
    pieces = [
        Piece(part.first_index, part.frames, partial(open_file, context, video.piece, part=number))
        for number, part in parts
    ]
    recording, room = recording_of(context), None
    if video.for_browsers:
        audio = recording.audio
        room = video_index_bytes(
            sum(part.frames for _, part in parts), recording.duration_sec, audio.sample_rate if audio else 0
        )
    sound = partial(open_recording, context) if recording.audio else None
    codecs = PLAYED_CODECS if video.for_browsers else COPIED_CODECS

    def join(target: BinaryIO, report: Callable[[float], None]) -> None:
        join_pieces(pieces, rate, sound, recording, target, report, codecs=codecs, index_bytes=room)

    write_in_blocks(context.services, context.job, video.artefact, join, report, room_bytes=room or 0)
