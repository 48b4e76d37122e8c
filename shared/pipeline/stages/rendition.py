"""The rendition stage: the overlay and the follow-cam, rendered in parts by time and joined without encoding again.

The camera's path is worked out from the whole track in every part: that takes a second, and makes all parts agree.
"""

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import BinaryIO

import av
from pydantic import BaseModel

from shared.domain.renditions import FOLLOW, OVERLAY, FollowCam, Renditions
from shared.domain.stage import Stage
from shared.media.block_writer import BlockWriter
from shared.media.payload import RenditionPayload
from shared.media.video.encode import CODEC, CONTENT_TYPE, Colours, Vp9Encoder, frame_rate
from shared.media.video.frames import shown_frames
from shared.media.video.join import Piece, copies_sound, join_pieces
from shared.media.video.picture import video_of
from shared.media.video.yuv import Crop, Cutter, YuvPicture
from shared.pipeline.context import StepContext
from shared.pipeline.stages.job_blobs import AUDIO_COPY, open_blob, open_recording, part_blob, recording_of
from shared.pipeline.stages.plan import sample_range
from shared.pipeline.stages.sidecar import RENDITIONS, RenditionList
from shared.storage.ports import RESULTS, WORK
from shared.tracking.drawing.overlay import Overlay
from shared.tracking.drawing.virtual_camera import crop_at, crop_size, plan_camera
from shared.tracking.payload import InstructorTracking

OVERLAY_HEIGHT = 540
HASHED_FROM = 0.9
"""How far a join is when the file is written and its hash begins."""


class RenditionPart(BaseModel):
    """What a part leaves beside its pieces of video: `frames` pictures of each, the first at `first_index` / rate."""

    first_index: int
    frames: int


@dataclass(frozen=True, slots=True)
class _Video:
    """One of the videos: how a frame becomes a picture of it."""

    name: str
    width: int
    height: int
    paint: Callable[[int, av.VideoFrame], YuvPicture]


def render_part(context: StepContext) -> None:
    """Renders one time slice of every video that was asked for."""
    recording, blobs, number = recording_of(context), context.services.storage.blobs, context.message.part
    rate = frame_rate(video_of(recording))
    fps = float(rate)
    samples = sample_range(recording, context.job.stages[Stage.RENDITION].parts, number, fps)
    videos = _videos(context, rate)
    pieces = {video.name: io.BytesIO() for video in videos}
    encoders: dict[str, Vp9Encoder] = {}
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
            report=context.report,
        )
        for index, frame in shown:
            if first is None:
                first, colours = index, Colours.of(frame)
                for video in videos:
                    encoder = Vp9Encoder(pieces[video.name], video.width, video.height, rate, colours)
                    stack.callback(encoder.close)
                    encoders[video.name] = encoder
            for video in videos:
                encoders[video.name].write(index, video.paint(index, frame))
            frames += 1
    if frames:
        for video in videos:
            blobs.write(WORK, _piece_blob(context, number, video.name), pieces[video.name].getvalue(), CONTENT_TYPE)
    part = RenditionPart(first_index=first or 0, frames=frames)
    blobs.write(WORK, part_blob(context, number), part.model_dump_json().encode(), "application/json")


def join_renditions(context: StepContext) -> None:
    """Joins the parts of each video, with the recording's sound, and notes what there is for the sidecar."""
    rate = frame_rate(video_of(recording_of(context)))
    parts = list(_parts(context))
    videos = _videos(context, rate) if parts else []
    made = []
    for turn, video in enumerate(videos):
        _join(context, video.name, parts, rate, partial(_report, context, turn, len(videos)))
        _, last = parts[-1]
        made.append(
            RenditionPayload(
                name=video.name,
                content_type=CONTENT_TYPE,
                width=video.width,
                height=video.height,
                codec=CODEC,
                duration_sec=round(float((last.first_index + last.frames) / rate), 3),
            )
        )
    listed = RenditionList(renditions=made)
    blob = context.work_blob(RENDITIONS)
    context.services.storage.blobs.write(WORK, blob, listed.model_dump_json(by_alias=True).encode(), "application/json")


def _report(context: StepContext, turn: int, turns: int, fraction: float) -> None:
    context.report((turn + fraction) / turns)


def _videos(context: StepContext, rate: Fraction) -> list[_Video]:
    """The videos that were asked for."""
    wanted = Renditions.of(context.job.options)
    blob = context.services.storage.blobs.read(RESULTS, context.work_blob("instructor-tracking.json"))
    track = InstructorTracking.model_validate_json(blob)
    videos = []
    if wanted.overlay:
        videos.append(_overlay(context, track, rate))
    if wanted.follow_cam is not None:
        videos.append(_follow(context, track, rate, wanted.follow_cam))
    return videos


def _overlay(context: StepContext, track: InstructorTracking, rate: Fraction) -> _Video:
    video = video_of(recording_of(context))
    height = _even(min(OVERLAY_HEIGHT, video.height))
    width = _even(height * video.width / video.height)
    cutter, overlay, whole = Cutter(video, width, height), Overlay(track), Crop()

    def paint(index: int, frame: av.VideoFrame) -> YuvPicture:
        picture = cutter.cut(frame, whole)
        overlay.draw(picture, index / float(rate))
        return picture

    return _Video(OVERLAY, width, height, paint)


def _follow(context: StepContext, track: InstructorTracking, rate: Fraction, how: FollowCam) -> _Video:
    recording = recording_of(context)
    video, fps = video_of(recording), float(rate)
    camera = plan_camera(track, sample_range(recording, 1, 0, fps).stop, fps, how.aspect)
    crop_width, crop_height = crop_size(track, how.aspect)
    height = _even(min(how.height, crop_height * video.height))
    width = _even(height * crop_width * video.width / (crop_height * video.height))
    cutter = Cutter(video, width, height)
    return _Video(FOLLOW, width, height, lambda index, frame: cutter.cut(frame, crop_at(camera, index)))


def _even(pixels: float) -> int:
    return max(2, round(pixels / 2) * 2)


def _piece_blob(context: StepContext, number: int, name: str) -> str:
    return context.work_blob(f"{Stage.RENDITION}/{number:05d}-{name}")


def _parts(context: StepContext) -> Iterator[tuple[int, RenditionPart]]:
    """The parts that have pictures, by number."""
    for number in range(context.job.stages[Stage.RENDITION].parts):
        part = RenditionPart.model_validate_json(context.services.storage.blobs.read(WORK, part_blob(context, number)))
        if part.frames:
            yield number, part


def _join(
    context: StepContext,
    name: str,
    parts: Sequence[tuple[int, RenditionPart]],
    rate: Fraction,
    report: Callable[[float], None],
) -> None:
    services, blobs, blob = context.services, context.services.storage.blobs, context.work_blob(name)
    pieces = [
        Piece(part.first_index, part.frames, partial(open_blob, services, WORK, _piece_blob(context, number, name)))
        for number, part in parts
    ]
    with BlockWriter(partial(blobs.stage_block, RESULTS, blob)) as target:
        join_pieces(
            pieces, rate, _sound(context), recording_of(context), target, lambda done: report(HASHED_FROM * done)
        )
        count = target.finish()
    facts = blobs.commit_blocks(RESULTS, blob, count, CONTENT_TYPE)
    digest, read = hashlib.sha256(), 0
    for chunk in blobs.chunks(RESULTS, blob):
        digest.update(chunk)
        read += len(chunk)
        report(HASHED_FROM + (1 - HASHED_FROM) * read / facts.size_bytes)
    blobs.note_sha256(RESULTS, blob, digest.hexdigest())


def _sound(context: StepContext) -> Callable[[], BinaryIO] | None:
    """Where the video's sound comes from: the recording, as it is, or the copy that was made for the transcription."""
    recording = recording_of(context)
    if recording.audio is None:
        return None
    if copies_sound(recording):
        return partial(open_recording, context)
    return partial(open_blob, context.services, WORK, context.work_blob(AUDIO_COPY))
