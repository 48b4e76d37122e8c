"""Draw the track on the pictures of a recording: all boxes, the instructor's box, the recent way, and the time.

Apart from the charts, because it draws on the coder's planes directly: converting every picture to RGB and back would
cost more than the drawing.
"""

from bisect import bisect_right
from collections.abc import Sequence

import cv2
import numpy as np

from shared.media.video.yuv import YuvPicture
from shared.tracking.payload import InstructorTracking, TrackPointPayload

Colour = tuple[int, int, int]
"""Luma, blue and red chroma in FFmpeg's limited range."""
Box = Sequence[float]

_OBSERVED: Colour = (170, 70, 40)
_INTERPOLATED: Colour = (180, 40, 165)
_ANYBODY: Colour = (200, 128, 128)
_TRAIL: Colour = (200, 60, 150)
_WHITE: Colour = (235, 128, 128)
_BLACK: Colour = (20, 128, 128)

_TRAIL_SEC = 5.0
"""Length of the way that is drawn."""
_LETTER_SHARE = 0.028
"""Height of the time's digits, as a fraction of the picture."""


class Overlay:
    """Draws a track on pictures of its recording."""

    def __init__(self, track: InstructorTracking) -> None:
        self._step_sec = 1 / track.source.sample_fps
        self._frames = track.frame_detections
        self._frame_times = [frame.t for frame in track.frame_detections]
        self._points = track.track_points
        self._point_times = [point.t for point in track.track_points]

    def draw(self, picture: YuvPicture, time_sec: float) -> None:
        """Draw what was known at `time_sec` on the recording's clock."""
        pen = _Pen(picture)
        sample = bisect_right(self._frame_times, time_sec + self._step_sec / 2) - 1
        if sample >= 0 and time_sec - self._frame_times[sample] < self._step_sec:
            for each in self._frames[sample].detections:
                pen.box(each.box, _ANYBODY, 1)
        pen.trail([(point.x, point.y) for point in self._trail(time_sec)], _TRAIL)
        here = self._instructor(time_sec)
        if here is not None:
            box, observed = here
            pen.box(box, _OBSERVED if observed else _INTERPOLATED, 3)
        pen.label(_clock(time_sec) + ("" if here is not None else "  nobody followed"))

    def _trail(self, time_sec: float) -> Sequence[TrackPointPayload]:
        """Return the points of the last seconds, after the last gap."""
        last = bisect_right(self._point_times, time_sec)
        first = bisect_right(self._point_times, time_sec - _TRAIL_SEC)
        for number in range(last - 1, first, -1):
            if self._point_times[number] - self._point_times[number - 1] > 1.5 * self._step_sec:
                first = number
                break
        return self._points[first:last]

    def _instructor(self, time_sec: float) -> tuple[Box, bool] | None:
        """Return the box interpolated between the samples around the time, and whether it was observed at both; None in
        a gap."""
        after = bisect_right(self._point_times, time_sec)
        before = after - 1
        if before < 0 or time_sec - self._point_times[before] > self._step_sec:
            return None
        start = self._points[before]
        if after == len(self._points) or self._point_times[after] - start.t > 1.5 * self._step_sec:
            return start.box, start.state == "observed"
        end = self._points[after]
        share = (time_sec - start.t) / (end.t - start.t)
        box = [one + (other - one) * share for one, other in zip(start.box, end.box, strict=True)]
        return box, start.state == end.state == "observed"


class _Pen:
    """Draws on all three planes; places are fractions of the picture."""

    def __init__(self, picture: YuvPicture) -> None:
        self._planes = picture.planes
        self._unit = max(1, round(picture.height / 400))

    def box(self, box: Box, colour: Colour, weight: int) -> None:
        """Draw the outline of a box."""
        left, top, width, height = box
        for plane, value in zip(self._planes, colour, strict=True):
            rows, columns = plane.shape
            corner = round(left * columns), round(top * rows)
            opposite = round((left + width) * columns) - 1, round((top + height) * rows) - 1
            cv2.rectangle(plane, corner, opposite, value, self._thickness(weight, rows))

    def trail(self, places: Sequence[tuple[float, float]], colour: Colour) -> None:
        """Draw a line through `places` and a dot at the last one."""
        if not places:
            return
        for plane, value in zip(self._planes, colour, strict=True):
            rows, columns = plane.shape
            path = np.array([(round(x * columns), round(y * rows)) for x, y in places], np.int32)
            thickness = self._thickness(2, rows)
            cv2.polylines(plane, [path], False, value, thickness)
            cv2.circle(plane, path[-1].tolist(), 2 * thickness, value, -1)

    def label(self, text: str) -> None:
        """Write `text` on black in the top left corner."""
        brightness = self._planes[0]
        size = brightness.shape[0] * _LETTER_SHARE
        scale, thickness = size / 21.0, max(1, round(size / 10))
        (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)
        edge = round(size)
        for plane, value in zip(self._planes, _BLACK, strict=True):
            part = brightness.shape[0] // plane.shape[0]
            plane[: (height + 2 * edge) // part, : (width + 2 * edge) // part] = value
        place = (edge, height + edge)
        cv2.putText(brightness, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, _WHITE[0], thickness, cv2.LINE_AA)

    def _thickness(self, weight: int, rows: int) -> int:
        """Return the thickness of a line of this weight on a plane of `rows` rows, in pixels."""
        share = rows / float(self._planes[0].shape[0])
        return max(1, round(weight * self._unit * share))


def _clock(sec: float) -> str:
    """Return the time as h:mm:ss.t."""
    minutes, seconds = divmod(sec, 60)
    return f"{int(minutes) // 60}:{int(minutes) % 60:02d}:{int(seconds):02d}.{int(seconds % 1 * 10)}"
