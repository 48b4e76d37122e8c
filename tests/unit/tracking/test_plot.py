"""The track's pictures and what is behind them."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from shared.domain.recording import Recording, VideoStream
from shared.tracking.detection import Detection, FrameDetections
from shared.tracking.drawing.plot_data import COLUMNS, MAX_BINS, TrackPlot
from shared.tracking.drawing.track_charts import draw_heat_map, draw_positions
from shared.tracking.payload import InstructorTracking, TrackingDetector, TrackingPart
from shared.tracking.track.merge import merge_tracking

FPS = 2.0
PLATE = np.full((180, 320, 3), 90, np.uint8)


def tracked(xs: Sequence[float | None], duration_sec: float | None = None) -> InstructorTracking:
    """Return a track with its box's centre at these places, one for each sample; None for absence."""
    frames = [
        FrameDetections(k, k / FPS, () if x is None else (Detection((x - 0.05, 0.2, 0.1, 0.6), 0.8, "plate"),))
        for k, x in enumerate(xs)
    ]
    length = duration_sec or len(xs) / FPS
    return merge_tracking(
        [TrackingPart.of(0, frames)],
        session_id="s1",
        job_id="j1",
        recording=Recording("mp4", 1, 0.0, length, VideoStream(0, "h264", 1920, 1080, 0, 30.0, 0.0, length), None),
        sample_fps=FPS,
        detector=TrackingDetector(name="plate", version="1"),
        plate_warnings=(),
    )


def long_track(xs: Sequence[float]) -> InstructorTracking:
    """Return a track with these places, one for each sample, without following a person for so long."""
    short = tracked(xs[:2])
    points = tuple(short.track_points[0].model_copy(update={"t": k / FPS, "x": x}) for k, x in enumerate(xs))
    source = short.source.model_copy(update={"duration_sec": len(xs) / FPS})
    return short.model_copy(update={"track_points": points, "source": source})


def picture(png: bytes) -> NDArray[np.uint8]:
    decoded = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.asarray(decoded, np.uint8)


def test_every_second_of_the_track_is_in_one_cell_of_the_heat_map() -> None:
    track = tracked([0.26] * 30 + [0.29] * 10)
    heat = TrackPlot.of(track).heat_map
    assert (heat.columns, heat.rows) == (COLUMNS, 36)
    found = {(row, column): sec for row, cells in enumerate(heat.seconds) for column, sec in enumerate(cells) if sec}
    assert found == {(18, 16): 15.0, (18, 18): 5.0}


def test_a_short_recording_has_a_bin_for_every_sample() -> None:
    plot = TrackPlot.of(tracked([0.3, 0.4, 0.5, 0.6] * 5))
    assert plot.bin_sec == 0.5
    assert [(each.t, each.x) for each in plot.positions[:3]] == [(0.0, 0.3), (0.5, 0.4), (1.0, 0.5)]


def test_a_long_recording_has_no_more_bins_than_can_be_seen_and_loses_no_extreme() -> None:
    plot = TrackPlot.of(long_track([0.3] * 2000 + [0.31, 0.36, 0.32] + [0.3] * 2000))
    assert 1000 < len(plot.positions) <= MAX_BINS
    assert plot.bin_sec == 1.5
    assert max(each.max_x for each in plot.positions) == 0.36
    assert all(each.min_x <= each.x <= each.max_x for each in plot.positions)


def test_while_no_person_was_followed_there_are_no_bins() -> None:
    plot = TrackPlot.of(tracked([0.3] * 20 + [None] * 20 + [0.3] * 20))
    assert plot.gaps == ((10.0, 20.0),)
    assert not [each for each in plot.positions if 10.0 <= each.t < 20.0]
    assert len(plot.positions) == 40


def test_the_heat_map_glows_where_the_instructor_was_and_nowhere_else() -> None:
    shown = picture(draw_heat_map(TrackPlot.of(tracked([0.25] * 40)), PLATE))
    colour = shown.max(axis=2).astype(int) - shown.min(axis=2)
    left, right = colour[:, 100:480], colour[:, 480:880]
    assert left.max() > 100
    assert right.max() < 40  # ink


def test_x_over_time_is_drawn_from_left_to_right_and_top_to_bottom() -> None:
    shown = picture(draw_positions(TrackPlot.of(tracked([0.1] * 30 + [0.9] * 30))))
    blue = (shown[:, :, 0].astype(int) - shown[:, :, 2]) > 100
    rows, columns = np.nonzero(blue)
    half = (84 + 972) // 2
    assert rows[columns < half - 20].max() < shown.shape[0] // 2 < rows[columns > half + 20].min()


@pytest.mark.parametrize("xs", [[None] * 20, [0.4] * 3, [None] * 5 + [0.4] * 5])
def test_a_track_with_next_to_nothing_in_it_is_drawn_all_the_same(xs: list[float | None]) -> None:
    plot = TrackPlot.of(tracked(xs))
    for png in (draw_heat_map(plot, PLATE), draw_positions(plot)):
        assert picture(png).shape[1] == 1000
