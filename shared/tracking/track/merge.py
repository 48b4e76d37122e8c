"""Merge the detections of all parts into the instructor's track.

Apart from the stage, because it knows nothing of pictures, storage or rows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace

from shared.domain.recording import Recording
from shared.domain.warning import About, RecordingWarning, texts
from shared.tracking.detection import FrameDetections
from shared.tracking.payload import (
    DerivedMetrics,
    DetectionPayload,
    FramePayload,
    InstructorTracking,
    TrackingDetector,
    TrackingPart,
    TrackingSource,
    TrackPointPayload,
)
from shared.tracking.track.association import TrackPoint, associate
from shared.tracking.track.candidates import EVERYWHERE, Zones, select_candidates, track_warnings
from shared.tracking.track.metrics import derive_metrics, gaps_of, presence_of
from shared.tracking.track.screencast import leave_out_writing

NOBODY_SEEN = RecordingWarning(
    "nobody_seen",
    About.TRACK,
    "No person was seen in the recording. A person who never moves may be taken for a part of the room.",
)


def merge_tracking(
    parts: Iterable[TrackingPart],
    *,
    session_id: str,
    job_id: str,
    recording: Recording,
    sample_fps: float,
    detector: TrackingDetector,
    plate_warnings: Sequence[RecordingWarning] = (),
    zones: Zones = EVERYWHERE,
    is_screen: bool = False,
) -> InstructorTracking:
    """Return the track through the frames of all parts, from the start of `recording` to its declared end.

    Detections outside of `zones` are reported with their frames and not followed. The cut into parts does not change
    the result. Frames past the end are left out.

    Args:
        parts: the parts numbered 0, 1, 2, … in this order.
        session_id: written into the result.
        job_id: written into the result.
        recording: the facts of the recording.
        sample_fps: samples a second.
        detector: written into the result.
        plate_warnings: warnings of the plan.
        zones: limits on who is followed.
        is_screen: whether the picture is that of a screen, without a camera's noise, grain and shades.

    Raises:
        ValueError: the parts are in another order or their samples overlap, or the recording has no picture.
    """
    video, duration_sec = recording.video, recording.duration_sec
    if video is None:
        raise ValueError("a recording without a picture has no track")
    frames, warnings = _concatenate(parts)
    frames = [frame for frame in frames if frame.index < duration_sec * sample_fps]
    if is_screen:
        frames = leave_out_writing(frames, sample_fps)
    selected = select_candidates(frames, zones, sample_fps)
    points = associate(selected, sample_fps)
    warnings += track_warnings(selected, points)
    all_warnings = tuple(dict.fromkeys((*plate_warnings, *warnings, *(() if points else (NOBODY_SEEN,)))))
    presence = presence_of(points, sample_fps, duration_sec)
    metrics = derive_metrics(
        points, width=video.width, height=video.height, sample_fps=sample_fps, duration_sec=duration_sec
    )
    return InstructorTracking(
        session_id=session_id,
        job_id=job_id,
        source=TrackingSource(
            width=video.width, height=video.height, fps=video.fps, duration_sec=duration_sec, sample_fps=sample_fps
        ),
        detector=detector,
        frame_detections=tuple(_frame_payload(frame) for frame in frames),
        track_points=tuple(_point_payload(point) for point in points),
        presence=presence,
        gaps=gaps_of(presence),
        derived_metrics=DerivedMetrics(**asdict(metrics)),
        warnings=texts(all_warnings),
        warning_details=all_warnings,
    )


def _concatenate(parts: Iterable[TrackingPart]) -> tuple[list[FrameDetections], list[RecordingWarning]]:
    """Return frames and warnings of the parts in one row, the detections of each frame by descending score."""
    frames: list[FrameDetections] = []
    warnings: list[RecordingWarning] = []
    end_index = 0
    for number, part in enumerate(parts):
        if part.part != number:
            raise ValueError(f"part {part.part} comes where part {number} is due")
        if part.frames and part.start_index < end_index:
            raise ValueError(f"part {number} starts at sample {part.start_index}, before {end_index}")
        end_index = max(end_index, part.end_index)
        for frame in part.to_frames():
            found = sorted(frame.detections, key=lambda each: (-each.score, each.box, each.source))
            frames.append(replace(frame, detections=tuple(found)))
        warnings += part.warnings
    return frames, warnings


def _frame_payload(frame: FrameDetections) -> FramePayload:
    """Return the frame as the result lists it."""
    detections = tuple(
        DetectionPayload(box=each.box, score=each.score, source=each.source) for each in frame.detections
    )
    return FramePayload(t=frame.time_sec, detections=detections)


def _point_payload(point: TrackPoint) -> TrackPointPayload:
    """Return the point as the result lists it."""
    return TrackPointPayload(
        t=point.time_sec, x=point.x, y=point.y, box=point.box, confidence=point.confidence, state=point.state
    )
