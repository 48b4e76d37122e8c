"""A person who never leaves, drawn with NumPy, and what moves in a room without being one."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from shared.domain.recording import Recording, VideoStream
from shared.media.video.frames import SampledFrame
from shared.tracking.detection import Box, Detection, FrameDetections, overlap
from shared.tracking.detectors.build_plates import build_window_plates
from shared.tracking.detectors.fused import RecordingDetector, describe_detector
from shared.tracking.detectors.lingering import find_lingering
from shared.tracking.payload import InstructorTracking, TrackingPart
from shared.tracking.plan import TrackingPlan
from shared.tracking.plate.activity import Activity, measure_activity
from shared.tracking.plate.fans import find_fans
from shared.tracking.plate.outlines import MIN_PICTURES, Outline, find_films, find_outlines
from shared.tracking.plate.plate import build_plate
from shared.tracking.track.candidates import BY_OUTLINE, EVERYWHERE, select_candidates
from shared.tracking.track.confidence import OUTLINE
from shared.tracking.track.merge import NOBODY_SEEN, merge_tracking

WIDTH, HEIGHT = 160, 90
PICTURES = 32
PERSON: Box = (0.4, 0.33, 0.2, 0.37)
Picture = NDArray[np.uint8]


def paint_person(bgr: Picture, x: float, y: float, bottom: float) -> None:
    """Draw head and shoulders with the top of the head at x, y, hidden below `bottom`; all in pixels."""
    whole = bgr.copy()
    shift = 3  # eighths of a pixel
    for across, down, wide, tall, colour in ((0, 24, 14, 15, (130, 60, 50)), (0, 7, 5, 7, (60, 80, 120))):
        middle = round((x + across) * 8), round((y + down) * 8)
        cv2.ellipse(whole, middle, (wide * 8, tall * 8), 0, 0, 360, colour, -1, cv2.LINE_AA, shift)
    bgr[: round(bottom)] = whole[: round(bottom)]


def lecturer(t: float, bgr: Picture) -> None:
    """Draw a person who sways behind a lectern."""
    paint_person(bgr, 80 + 1.6 * np.sin(t * 1.7), 31 + 0.6 * np.sin(t * 2.3), 62)
    bgr[62:88, 62:98] = (70, 100, 140)


def pictures(*moving: Callable[[float, Picture], None], count: int = PICTURES) -> list[SampledFrame]:
    rng = np.random.default_rng(4)
    rough = cv2.resize(rng.normal(170, 12, (9, 16, 3)).astype(np.float32), (WIDTH, HEIGHT))
    frames = []
    for index in range(count):
        bgr = np.clip(rough, 0, 255).astype(np.uint8)
        for paint in moving:
            paint(index / 2, bgr)
        grainy = bgr + 2 * rng.standard_normal(bgr.shape, np.float32)
        frames.append(SampledFrame(index, index / 2, np.clip(grainy, 0, 255).astype(np.uint8)))
    return frames


def activity_of(frames: list[SampledFrame]) -> Activity:
    stack = np.stack([frame.bgr for frame in frames]).astype(np.float32)
    return measure_activity(stack, np.median(stack, axis=0).astype(np.float32))


def outlines(frames: list[SampledFrame], screen: NDArray[np.bool_] | None = None) -> list[Outline]:
    nowhere = np.zeros((HEIGHT, WIDTH), bool)
    return find_outlines(activity_of(frames), nowhere if screen is None else screen)


def still(t: float, bgr: Picture) -> None:
    lecturer(0.0, bgr)


def lamp(t: float, bgr: Picture) -> None:
    glow = cv2.ellipse(np.zeros(bgr.shape[:2], np.float32), (80, 40), (11, 17), 0, 0, 360, 1.0, -1)
    bgr[:] = np.clip(bgr + (70 * abs(np.sin(t * 2.7)) * glow)[..., None], 0, 255)


def film(t: float, bgr: Picture) -> None:
    shown = np.random.default_rng(int(t * 2)).integers(0, 255, (3, 4, 3)).astype(np.uint8)
    bgr[20:70, 60:90] = cv2.resize(shown, (30, 50))


def laptop(t: float, bgr: Picture) -> None:
    """Draw a film whose scenes last for two or three samples."""
    shown = np.random.default_rng(int(t // 1.2)).integers(0, 255, (5, 7, 3)).astype(np.uint8)
    bgr[40:58, 90:118] = cv2.resize(shown, (28, 18), interpolation=cv2.INTER_CUBIC)


def clock(t: float, bgr: Picture) -> None:
    cv2.circle(bgr, (80, 40), 12, (240, 240, 240), -1)
    tip = 80 + 11 * np.sin(t / 30 * np.pi), 40 - 11 * np.cos(t / 30 * np.pi)
    cv2.line(bgr, (80, 40), (round(tip[0]), round(tip[1])), (20, 20, 20), 1, cv2.LINE_AA)


def fan(t: float, bgr: Picture, blades: int = 3, squeeze: float = 1.0) -> None:
    """Draw a fan whose blades are at nearly the same place in every third sample."""
    x, radius = 130, 15
    for number in range(blades):
        start = 2 * t * 237 / blades + 360 / blades * number  # 711 in three samples: 9 short of a multiple of 360
        size = round(squeeze * radius), radius
        cv2.ellipse(bgr, (x, 26), size, 0, start, start + 150 / blades, (60, 70, 80), -1, cv2.LINE_AA)


def slides(t: float, bgr: Picture) -> None:
    rng = np.random.default_rng(int(t // 5))
    bgr[20:60, 40:110] = 235
    for row in range(24, 58, 6):
        cv2.line(bgr, (44, row), (50 + int(rng.integers(10, 54)), row), (40, 40, 60), 2)


def audience(t: float, bgr: Picture) -> None:
    for number, x in enumerate((30, 80, 130)):
        paint_person(bgr, x + 1.6 * np.sin(t * 1.7 + number), 64, HEIGHT)


def test_a_person_is_found_by_their_outline() -> None:
    (found,) = outlines(pictures(lecturer))
    assert overlap(found.box, PERSON) >= 0.6
    assert found.likeness >= 0.9


def test_a_person_is_found_beside_a_film_and_not_on_a_screen() -> None:
    def small_film(t: float, bgr: Picture) -> None:
        shown = np.random.default_rng(int(t * 2)).integers(0, 255, (3, 4, 3)).astype(np.uint8)
        bgr[10:30, 10:45] = cv2.resize(shown, (35, 20))

    frames = pictures(lecturer, small_film)
    (found,) = outlines(frames)
    assert overlap(found.box, PERSON) >= 0.6
    screen = np.zeros((HEIGHT, WIDTH), bool)
    screen[20:75, 50:110] = True
    assert outlines(frames, screen) == []


@pytest.mark.parametrize("thing", [still, lamp, film, clock, slides, audience], ids=lambda thing: thing.__name__)
def test_what_moves_in_a_room_is_no_person(thing: Callable[[float, Picture], None]) -> None:
    assert outlines(pictures(thing)) == []


def test_a_few_pictures_tell_nothing() -> None:
    assert outlines(pictures(lecturer, count=MIN_PICTURES - 1)) == []


def test_a_film_of_long_scenes_is_a_film_and_a_person_who_stands_there_is_not() -> None:
    films = find_films(activity_of(pictures(lecturer, laptop)))
    assert films[40:58, 90:118].all()
    assert not films[:, :86].any()


def test_a_person_who_comes_and_goes_is_not_part_of_the_plate() -> None:
    plate = build_plate(pictures())

    def comes_and_goes(t: float, bgr: Picture) -> None:
        if int(t) % 2:
            lecturer(t, bgr)

    face: Box = (0.47, 0.35, 0.06, 0.12)
    assert find_lingering(pictures(comes_and_goes), plate, (face,)) == ()
    ((box, score),) = find_lingering(pictures(), plate, (face,))
    assert (box[0] < face[0], score) == (True, 0.5)
    around = replace(plate, outlines=(Outline((0.36, 0.3, 0.28, 0.42), 0.7),))  # the person and where they sway to
    assert find_lingering(pictures(comes_and_goes), around, ()) == ()
    assert len(find_lingering(pictures(), around, ())) == 1


def track(frames: list[SampledFrame]) -> InstructorTracking:
    seconds = len(frames) / 2
    ((of_window, plate),) = build_window_plates(frames, 0, (0.0, seconds), None, lambda fraction: None)
    plan = TrackingPlan(kind="plate", detector=describe_detector("plate", None), plates=(of_window,))
    plan = TrackingPlan.model_validate_json(plan.model_dump_json(by_alias=True))
    detector = RecordingDetector(plan, lambda name: plate, None, 2.0)
    video = VideoStream(0, "h264", WIDTH, HEIGHT, 0, 2.0, 0.0, seconds)
    return merge_tracking(
        [TrackingPart.of(0, [detector.detect(frame) for frame in frames])],
        session_id="s",
        job_id="j",
        recording=Recording("mp4", 1, 0.0, seconds, video, None),
        sample_fps=2.0,
        detector=plan.detector,
        plate_warnings=of_window.warnings,
    )


def test_the_track_says_how_sure_it_is() -> None:
    result = track(pictures(lecturer))
    assert result.derived_metrics.coverage_percent == 100
    assert BY_OUTLINE in result.warning_details
    assert {each.source for frame in result.frame_detections for each in frame.detections} >= {OUTLINE}
    assert all(overlap(point.box, PERSON) >= 0.5 for point in result.track_points)
    assert all(0.75 <= point.confidence <= 0.9 for point in result.track_points)


@pytest.mark.parametrize("blades", [3, 4, 5, 6])
@pytest.mark.parametrize("squeeze", [1.0, 0.6], ids=["from the front", "at an angle"])
def test_the_blades_of_a_fan_are_no_person_and_hide_none(blades: int, squeeze: float) -> None:
    found = activity_of(pictures(partial(fan, blades=blades, squeeze=squeeze), lecturer))
    fans = find_fans(found)
    assert fans[12:40, 130 - round(15 * squeeze) : 130 + round(15 * squeeze)].mean() > 0.95
    assert not fans[:, : 130 - round(15 * squeeze) - 4].any()


@pytest.mark.parametrize("thing", [lecturer, lamp, film, clock, slides, audience], ids=lambda thing: thing.__name__)
def test_what_does_not_turn_is_no_fan(thing: Callable[[float, Picture], None]) -> None:
    assert not find_fans(activity_of(pictures(thing))).any()


@pytest.mark.parametrize("things", [(), (film,), (laptop,), (fan,)], ids=["nothing", "film", "laptop", "fan"])
def test_an_empty_room_stays_empty(things: tuple[Callable[[float, Picture], None], ...]) -> None:
    assert track(pictures(*things)).warning_details == (NOBODY_SEEN,)


def test_a_face_that_is_seen_at_times_does_not_hide_the_outline() -> None:
    box = (0.4, 0.3, 0.1, 0.5)

    def frame(number: int) -> FrameDetections:
        source = "face" if number % 40 < 20 else OUTLINE
        return FrameDetections(number, number / 2, (Detection(box, 0.9, source),), ("plate", "face"))

    kept = select_candidates([frame(number) for number in range(200)], EVERYWHERE, 2.0)
    assert all(each.detections for each in kept)
