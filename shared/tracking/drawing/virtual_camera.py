"""A calm virtual camera that keeps the instructor in the picture: where to crop, frame by frame. Pure numbers.

The camera is planned for the whole recording at once, so it looks ahead, and a part of it is what the whole has there:

1. speed: of all paths no faster than the limit the one that strays least from the instructor's centre, which is known
   in closed form: halfway between the highest and the lowest such path that touches it;
2. dead zone: the camera rests while that path stays within the zone around it, and moves no more than it must;
3. picture: pulled in so far that the crop never leaves the picture;
4. acceleration: an average over one second, twice. It begins to move a second before it has to, and the mean of places
   inside the picture is inside the picture.

Each step keeps what the one before it promises, so the limits hold by construction. docs/decisions/0012-renditions.md.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.media.video.yuv import Crop
from shared.tracking.payload import InstructorTracking

Path = NDArray[np.float64]

MAX_SPEED = 0.3
"""The camera's speed along an axis, in picture widths (or heights) a second."""

AVERAGE_SEC = 1.0
"""The length of each of the two averages: together they look one second ahead."""

MAX_ACCELERATION = 2 * MAX_SPEED / AVERAGE_SEC
"""In picture widths (or heights) a second squared."""

DEAD_ZONE = 0.18
"""How far the instructor may go from the crop's middle before the camera moves, as a fraction of the crop."""

_ROOM = 1.7
"""The crop's height in body heights, where the picture allows."""

_SMALLEST_CROP = 0.4
_TALL = 0.95
"""The crop goes by the body heights and widths that so many of the boxes do not exceed."""


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """A crop of constant size (fractions of the picture) and its centre at each frame."""

    width: float
    height: float
    x: Path
    y: Path


def plan_camera(track: InstructorTracking, frames: int, fps: float, aspect: float | None = None) -> Camera:
    """The camera for `frames` frames at k / fps seconds; `aspect` is the crop's width to its height in pixels, the
    picture's own for None. Nobody to follow: the middle, as large as can be."""
    width, height = crop_size(track, aspect)
    times = np.arange(frames) / fps
    x, y = aim_at(track, times)
    return Camera(width, height, camera_path(x, width, fps), camera_path(y, height, fps))


def crop_at(camera: Camera, frame: int) -> Crop:
    """What the camera shows at a frame."""
    left, top = float(camera.x[frame]) - camera.width / 2, float(camera.y[frame]) - camera.height / 2
    return Crop(left, top, camera.width, camera.height)


def crop_size(track: InstructorTracking, aspect: float | None) -> tuple[float, float]:
    """The crop's width and height as fractions: the body with room around it, in this aspect, inside the picture."""
    shape = (aspect or track.source.width / track.source.height) * track.source.height / track.source.width
    largest = min(1.0, 1.0 / shape)
    if not track.track_points:
        return shape * largest, largest
    boxes = np.array([point.box for point in track.track_points])
    body_width, body_height = np.quantile(boxes[:, 2:], _TALL, axis=0)
    stray = MAX_SPEED * AVERAGE_SEC / 3  # how far the averages may leave a path of the greatest speed behind
    wide_enough = (body_width + 2 * stray) / (1 - 2 * DEAD_ZONE)
    wanted = max(_SMALLEST_CROP, _ROOM * float(body_height), float(wide_enough) / shape)
    height = min(largest, wanted)
    return shape * height, height


def aim_at(track: InstructorTracking, times: Path) -> tuple[Path, Path]:
    """The instructor's centre at each time; NaN while nobody is followed."""
    points = track.track_points
    if not points:
        return np.full(times.shape, np.nan), np.full(times.shape, np.nan)
    at = np.array([point.t for point in points])
    after = np.searchsorted(at, times, side="left").clip(0, len(at) - 1)
    before = np.searchsorted(at, times, side="right").clip(1, len(at)) - 1
    near = np.minimum(np.abs(at[after] - times), np.abs(times - at[before]))
    step = 1 / track.source.sample_fps
    known = (at[after] - at[before] <= 1.5 * step) & (near <= step)
    x = np.interp(times, at, [point.x for point in points])
    y = np.interp(times, at, [point.y for point in points])
    return np.where(known, x, np.nan), np.where(known, y, np.nan)


def camera_path(aim: Path, size: float, fps: float, max_speed: float = MAX_SPEED) -> Path:
    """The crop's centre along one axis, whose crop is `size` long, for an aim that may be unknown (NaN) for a while.

    It lies in [size / 2, 1 - size / 2], moves at most `max_speed` a second and accelerates at most
    2 * max_speed / AVERAGE_SEC a second squared.
    """
    half = size / 2
    if not len(aim) or np.isnan(aim).all() or half >= 0.5:
        return np.full(aim.shape, 0.5)
    slow = _nearest_slow_path(aim, max_speed / fps)
    inside = _rest_within(slow, DEAD_ZONE * size).clip(half, 1 - half)
    window = max(1, round(AVERAGE_SEC * fps))
    smooth = _average(_average(inside, window, 0), window, 1)
    return smooth.clip(half, 1 - half)  # against rounding alone


def _nearest_slow_path(aim: Path, step: float) -> Path:
    """Of the paths that move at most `step` a frame the one that strays least from the aim, where that is known."""
    ramp: Path = np.arange(len(aim), dtype=np.float64) * np.float64(step)
    back = ramp[::-1]
    high = np.where(np.isnan(aim), -np.inf, aim)
    low = np.where(np.isnan(aim), np.inf, aim)
    lowest = np.maximum(_running_max(high + ramp) - ramp, _running_max((high + back)[::-1])[::-1] - back)
    highest = -np.maximum(_running_max(ramp - low) - ramp, _running_max((back - low)[::-1])[::-1] - back)
    path: Path = (lowest + highest) / 2
    return path


def _running_max(values: Path) -> Path:
    return np.asarray(np.maximum.accumulate(values))


def _rest_within(path: Path, zone: float) -> Path:
    """A path that stands still unless `path` would be further than `zone` away."""
    at, resting = float(path[0]), []
    for place in path.tolist():
        at = min(max(at, place - zone), place + zone)
        resting.append(at)
    return np.array(resting)


def _average(path: Path, window: int, earlier: int) -> Path:
    """The mean over `window` frames around each; an even window reaches one frame further back, or ahead."""
    back = window // 2 if earlier else (window - 1) // 2
    padded = np.concatenate((np.full(back, path[0]), path, np.full(window - 1 - back, path[-1])))
    sums = np.concatenate(([0.0], np.cumsum(padded)))
    mean: Path = (sums[window:] - sums[:-window]) / window
    return mean
