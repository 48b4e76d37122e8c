"""Plan a calm virtual camera that keeps the instructor in the picture: where to crop at each frame.

The camera is planned for the whole recording at once, so it looks ahead, and a slice of the path equals the path of the
slice:

1. speed: of all paths within the speed limit take the one that strays least from the instructor's centre. It is known
   in closed form: halfway between the highest and the lowest such path that touches it;
2. dead zone: the camera rests while that path stays within the zone around it, and moves no more than it must;
3. picture: limit the centre so that the crop never leaves the picture;
4. acceleration: average over one second, twice. The camera begins to move a second before it has to, and the mean of
   places inside the picture is inside the picture.

Each step keeps what the one before it guarantees, so the limits hold by construction.
docs/decisions/0012-renditions.md. Apart from the rendition, because it is arithmetic.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.media.video.fit import Crop
from shared.tracking.payload import InstructorTracking

Path = NDArray[np.float64]

MAX_SPEED_PER_SEC = 0.3
"""Speed along an axis, in picture widths (or heights) a second."""

AVERAGE_SEC = 1.0
"""Length of each of the two averages; together they look one second ahead."""

MAX_ACCELERATION_PER_SEC2 = 2 * MAX_SPEED_PER_SEC / AVERAGE_SEC
"""In picture widths (or heights) a second squared."""

DEAD_ZONE_SHARE = 0.18
"""Distance of the instructor from the crop's middle before the camera moves, as a fraction of the crop."""

_CROP_BODY_HEIGHTS = 1.7
"""Height of the crop in body heights, if the picture allows."""

_MIN_CROP_SHARE = 0.4
"""Least height of the crop, as a fraction of the picture."""
_BODY_QUANTILE = 0.95
"""The crop fits the body heights and widths that this share of the boxes does not exceed."""


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """A crop of constant size and its centre at each frame, in fractions of the picture."""

    width: float
    """Width of the crop."""
    height: float
    """Height of the crop."""
    x: Path
    """Centre at each frame, from the left."""
    y: Path
    """Centre at each frame, from the top."""


def plan_camera(track: InstructorTracking, frames: int, fps: float, aspect: float | None = None) -> Camera:
    """Return the camera for `frames` frames at k / fps seconds.

    `aspect` is the crop's width to its height in pixels, or None for the picture's own. Without a track the crop is in
    the middle and as large as possible.
    """
    width, height = crop_size(track, aspect)
    times = np.arange(frames) / fps
    x, y = instructor_centre(track, times)
    return Camera(width, height, camera_path(x, width, fps), camera_path(y, height, fps))


def crop_at(camera: Camera, frame: int) -> Crop:
    """Return the crop at a frame."""
    left, top = float(camera.x[frame]) - camera.width / 2, float(camera.y[frame]) - camera.height / 2
    return Crop(left, top, camera.width, camera.height)


def crop_size(track: InstructorTracking, aspect: float | None) -> tuple[float, float]:
    """Return the crop's width and height as fractions: the body with room around it, in this aspect, inside the
    picture."""
    shape = (aspect or track.source.width / track.source.height) * track.source.height / track.source.width
    largest = min(1.0, 1.0 / shape)
    if not track.track_points:
        return shape * largest, largest
    boxes = np.array([point.box for point in track.track_points])
    body_width, body_height = np.quantile(boxes[:, 2:], _BODY_QUANTILE, axis=0)
    stray = MAX_SPEED_PER_SEC * AVERAGE_SEC / 3  # how far the averages may leave a path of the greatest speed behind
    wide_enough = (body_width + 2 * stray) / (1 - 2 * DEAD_ZONE_SHARE)
    wanted = max(_MIN_CROP_SHARE, _CROP_BODY_HEIGHTS * float(body_height), float(wide_enough) / shape)
    height = min(largest, wanted)
    return shape * height, height


def instructor_centre(track: InstructorTracking, times: Path) -> tuple[Path, Path]:
    """Return the instructor's centre (x, y) at each of `times`; NaN in gaps."""
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


def camera_path(aim: Path, size: float, fps: float, max_speed: float = MAX_SPEED_PER_SEC) -> Path:
    """Return the crop's centre along one axis for a target `aim`, which may be unknown (NaN) at times.

    The crop is `size` long on this axis. The centre lies in [size / 2, 1 - size / 2], moves at most `max_speed` a
    second and accelerates at most 2 * max_speed / AVERAGE_SEC a second squared.
    """
    half = size / 2
    if not len(aim) or np.isnan(aim).all() or half >= 0.5:
        return np.full(aim.shape, 0.5)
    slow = _nearest_slow_path(aim, max_speed / fps)
    inside = _rest_within(slow, DEAD_ZONE_SHARE * size).clip(half, 1 - half)
    window = max(1, round(AVERAGE_SEC * fps))
    smooth = _average(_average(inside, window, 0), window, 1)
    return smooth.clip(half, 1 - half)  # against rounding alone


def _nearest_slow_path(aim: Path, step: float) -> Path:
    """Return, of the paths that move at most `step` a frame, the one that strays least from `aim` where it is known."""
    ramp: Path = np.arange(len(aim), dtype=np.float64) * np.float64(step)
    back = ramp[::-1]
    high = np.where(np.isnan(aim), -np.inf, aim)
    low = np.where(np.isnan(aim), np.inf, aim)
    lowest = np.maximum(_running_max(high + ramp) - ramp, _running_max((high + back)[::-1])[::-1] - back)
    highest = -np.maximum(_running_max(ramp - low) - ramp, _running_max((back - low)[::-1])[::-1] - back)
    path: Path = (lowest + highest) / 2
    return path


def _running_max(values: Path) -> Path:
    """Return the running maximum."""
    return np.asarray(np.maximum.accumulate(values))


def _rest_within(path: Path, zone: float) -> Path:
    """Return a path that rests unless `path` would be further than `zone` away."""
    at, resting = float(path[0]), []
    for place in path.tolist():
        at = min(max(at, place - zone), place + zone)
        resting.append(at)
    return np.array(resting)


def _average(path: Path, window: int, earlier: int) -> Path:
    """Return the mean over `window` frames around each; an even window reaches one frame further back or ahead."""
    back = window // 2 if earlier else (window - 1) // 2
    padded = np.concatenate((np.full(back, path[0]), path, np.full(window - 1 - back, path[-1])))
    sums = np.concatenate(([0.0], np.cumsum(padded)))
    mean: Path = (sums[window:] - sums[:-window]) / window
    return mean
