"""A drawn face that talks: what the cascades and their rules make of it, alone and beside a plate."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from shared.domain.recording import Recording, VideoStream
from shared.media.video.frames import SampledFrame
from shared.tracking.detection import overlap
from shared.tracking.detectors.build_plates import build_window_plates
from shared.tracking.detectors.faces import ANYWHERE, FaceDetector, find_face_places
from shared.tracking.detectors.fused import RecordingDetector, describe_detector
from shared.tracking.payload import InstructorTracking, TrackingPart
from shared.tracking.plan import TrackingPlan
from shared.tracking.track.candidates import BY_FACE
from shared.tracking.track.merge import NOBODY_SEEN, merge_tracking

FPS = 2.0
WIDTH, HEIGHT = 640, 360
Picture = NDArray[np.uint8]
Place = Callable[[float], tuple[float, float] | None]


def paint_face(bgr: Picture, x: float, y: float, size: float) -> None:
    """Hair, a face with eyes, brows, nose and mouth, and shoulders; the centre is at x, y, `size` pixels high."""

    def oval(across: float, down: float, wide: float, tall: float, colour: tuple[int, int, int]) -> None:
        middle, axes = (round(x + across * size), round(y + down * size)), (round(wide * size), round(tall * size))
        cv2.ellipse(bgr, middle, axes, 0, 0, 360, colour, -1, cv2.LINE_AA)

    oval(0, 1.5, 1.1, 1.0, (120, 70, 50))
    oval(0, -0.08, 0.42, 0.56, (25, 30, 40))
    oval(0, 0.05, 0.36, 0.48, (140, 170, 215))
    for side in (-1, 1):
        oval(side * 0.15, -0.06, 0.105, 0.065, (95, 120, 165))
        oval(side * 0.15, -0.05, 0.075, 0.038, (235, 235, 235))
        oval(side * 0.15, -0.05, 0.036, 0.038, (30, 25, 20))
        oval(side * 0.155, -0.155, 0.09, 0.02, (30, 35, 45))
    oval(0, 0.12, 0.055, 0.09, (165, 195, 235))
    oval(0, 0.19, 0.075, 0.03, (105, 130, 175))
    oval(0, 0.30, 0.13, 0.035, (70, 70, 150))
    oval(0, 0.44, 0.2, 0.06, (120, 150, 195))


def sways(t: float) -> tuple[float, float]:
    return 320 + 14 * np.sin(t * 1.3), 170 + 5 * np.sin(t * 0.9)


def filmed(place: Place, *, seconds: float = 28.0, size: float = 90, noise: float = 2.0) -> list[SampledFrame]:
    rng = np.random.default_rng(2)
    wall = cv2.resize(
        rng.normal(150, 18, (9, 16, 3)).astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC
    )
    frames = []
    for index in range(round(seconds * FPS)):
        bgr = np.clip(wall, 0, 255).astype(np.uint8)
        where = place(index / FPS)
        if where is not None:
            paint_face(bgr, *where, size)
        bgr = np.clip(bgr + noise * rng.standard_normal(bgr.shape, np.float32), 0, 255).astype(np.uint8)
        frames.append(SampledFrame(index, index / FPS, bgr))
    return frames


def tracked(frames: list[SampledFrame], faces: FaceDetector | None) -> tuple[InstructorTracking, TrackingPlan]:
    seconds = len(frames) / FPS
    made = list(build_window_plates(frames[::2], 0, (0.0, seconds), None, lambda fraction: None, faces))
    plates = {of_window.name: plate for of_window, plate in made}
    plan = TrackingPlan(
        kind="plate",
        detector=describe_detector("plate", None, faces=any(of_window.faces for of_window, _ in made)),
        plates=tuple(of_window for of_window, _ in made),
        warnings=tuple(warning for of_window, _ in made for warning in of_window.warnings),
    )
    detector = RecordingDetector(plan, plates.__getitem__, None, FPS, faces if plan.needs_faces else None)
    track = merge_tracking(
        [TrackingPart.of(0, [detector.detect(frame) for frame in frames])],
        session_id="s",
        job_id="j",
        recording=Recording("mp4", 1, 0.0, seconds, VideoStream(0, "h264", WIDTH, HEIGHT, 0, FPS, 0.0, seconds), None),
        sample_fps=FPS,
        detector=plan.detector,
        plate_warnings=plan.warnings,
    )
    return track, plan


def test_a_person_who_talks_and_never_leaves_is_found_by_their_face() -> None:
    track, plan = tracked(filmed(sways), FaceDetector())
    assert len(plan.plates[0].faces) == 1
    assert track.detector.name == "plate+face"
    assert track.derived_metrics.coverage_percent >= 98
    assert BY_FACE in track.warning_details
    assert {each.source for frame in track.frame_detections for each in frame.detections} == {"face"}
    for point in track.track_points:
        assert point.x == pytest.approx(sways(point.t)[0] / WIDTH, abs=0.02)
        assert point.box[1] <= (sways(point.t)[1] - 40) / HEIGHT
        assert point.box[1] + point.box[3] >= 0.95  # head and shoulders, down to the picture's edge


def test_no_person_is_seen_while_they_are_away() -> None:
    track, _ = tracked(filmed(lambda t: None if 16 <= t < 22 else sways(t)), FaceDetector())
    assert track.presence == ((0.0, 16.0), (22.0, 28.0))


def test_without_faces_such_a_room_is_empty() -> None:
    track, plan = tracked(filmed(lambda t: (320, 170), seconds=16), None)
    assert (track.presence, plan.needs_faces) == ((), False)


@pytest.mark.parametrize("noise", [0.5, 6.0])
def test_a_portrait_on_the_wall_is_no_person(noise: float) -> None:
    frames = filmed(lambda t: (320, 170), seconds=16, noise=noise)
    assert len(FaceDetector().detect(frames[0])) == 1
    track, plan = tracked(frames, FaceDetector())
    assert (plan.needs_faces, track.presence, track.detector.name) == (False, (), "plate")
    assert track.warning_details == (NOBODY_SEEN,)


def test_a_face_on_a_screen_is_no_person() -> None:
    frames = filmed(sways, seconds=12)
    screen = np.zeros((180, 320), bool)
    assert len(find_face_places(frames, FaceDetector(), screen, anywhere=False)) == 1
    screen[20:160, 80:240] = True
    assert find_face_places(frames, FaceDetector(), screen, anywhere=False) == ()


def test_where_the_camera_moves_faces_are_looked_for_everywhere() -> None:
    def carried(t: float) -> tuple[float, float]:
        return 320 + 160 * np.sin(t), 170.0

    screen = np.zeros((180, 320), bool)
    assert find_face_places(filmed(carried, seconds=12), FaceDetector(), screen, anywhere=True) == (ANYWHERE,)
    assert find_face_places(filmed(lambda t: None, seconds=12), FaceDetector(), screen, anywhere=True) == ()


def test_a_known_face_is_looked_for_nearby_only() -> None:
    (frame,) = filmed(lambda t: (320, 170), seconds=0.5)
    detector = FaceDetector()
    (face,) = detector.faces(frame)
    (near,), (anywhere,) = detector.detect_around(frame, [face]), detector.detect(frame)
    assert overlap(near.box, anywhere.box) > 0.8
    assert detector.detect_around(frame, [(0.02, 0.05, 0.1, 0.18)]) == ()
