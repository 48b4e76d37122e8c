import pytest

from shared.tracking.detection import Detection, FrameDetections
from shared.tracking.track.screencast import leave_out_writing


def seen(x: float, moves: float | None, source: str = "plate") -> Detection:
    return Detection((x, 0.3, 0.15, 0.5), 0.6, source, moves=moves)


def kept(*row: tuple[Detection, ...], sample_fps: float = 2.0) -> list[list[float]]:
    frames = [FrameDetections(k, k / sample_fps, detections) for k, detections in enumerate(row)]
    return [[each.box[0] for each in frame.detections] for frame in leave_out_writing(frames, sample_fps)]


def test_what_was_written_and_stands_is_no_person() -> None:
    """A block of code grows by a few letters a sample; a menu opens at once and stays."""
    typed = [(seen(0.2, (0.03, 0.01, 0.0)[k % 3]),) for k in range(40)]
    menu = [(seen(0.6, 0.9 if k == 0 else 0.0),) for k in range(20)]
    assert kept(*typed, *menu) == [[]] * 60


def test_the_inset_of_a_camera_is_kept_beside_writing() -> None:
    row = [(seen(0.2, 0.01), seen(0.8, 0.5 if k % 4 else 0.04)) for k in range(40)]
    assert kept(*row) == [[0.8]] * 40


@pytest.mark.parametrize("source", ["onnx", "plate+onnx", "face", "still"])
def test_a_person_whom_another_detector_saw_is_kept(source: str) -> None:
    assert kept(*[(seen(0.5, 0.0, source),)] * 10) == [[0.5]] * 10


def test_a_person_who_walks_and_then_stands_in_a_picture_without_noise_is_kept() -> None:
    walk = [round(0.1 + 0.02 * k, 2) for k in range(30)]
    row = [*((seen(x, 0.6),) for x in walk), *[(seen(0.7, 0.0),)] * 30]
    assert kept(*row) == [*([x] for x in walk), *[[0.7]] * 30]


def test_detections_of_earlier_releases_are_kept() -> None:
    assert kept(*[(seen(0.5, None),)] * 10) == [[0.5]] * 10


@pytest.mark.parametrize(
    ("sample_fps", "typed", "sways"), [(0.5, 0.12, 0.3), (10.0, 0.006, 0.02)], ids=["slow samples", "fast samples"]
)
def test_as_much_moves_as_in_the_time_between_two_samples(sample_fps: float, typed: float, sways: float) -> None:
    assert kept(*[(seen(0.2, typed), seen(0.8, sways))] * 40, sample_fps=sample_fps) == [[0.8]] * 40
