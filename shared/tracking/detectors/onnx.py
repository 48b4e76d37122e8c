"""Finds people by what they look like, with a model of the YOLOX family in onnxruntime; remembers no frame.

Slower than the plate, and it needs a file that is not part of the project, but it knows a person who never moves, and
does not mind a camera that does.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from shared.domain.errors import EngineUnavailable
from shared.media.video.frames import SampledFrame
from shared.tracking.detection import Detection
from shared.tracking.detectors.onnx_shape import with_picture_size
from shared.tracking.detectors.yolox import check_values, letterbox, needed_size, people, row_count

MIN_SCORE = 0.04
"""Of what the model says. So little tells of nobody, unless somebody comes into the picture there or leaves it."""
_SCORE_POWER = 0.6  # a tenth, by which a person half in the picture is found, is worth a quarter
_GREY = 114
_LARGEST_SIDE = 1280
_MIN_COLUMNS = 6  # box, anything, one class
_ERRORS_ONLY = 3
_MOST_SIZES = 3


@dataclass(frozen=True, slots=True)
class _Sized:
    """A model that takes pictures of `size`: height and width in pixels."""

    session: onnxruntime.InferenceSession
    size: tuple[int, int]


class OnnxDetector:
    """Runs a model on frames of any size, in one thread."""

    name = "onnx"
    version = "2"

    def __init__(self, path: Path) -> None:
        """Raises EngineUnavailable when there is no such file or it is no model of this family."""
        try:
            data = path.read_bytes()
        except OSError as err:
            raise EngineUnavailable(f"The detector's model '{path.name}' is not on this machine.") from err
        self.sha256 = hashlib.sha256(data).hexdigest()
        self.model = f"{path.stem} sha256:{self.sha256}"
        self._data = data
        try:
            session = _session(data)
            self._input, self._side = _input(session)
            self._square = self._checked(session, (self._side, self._side))
        except ValueError as err:
            raise EngineUnavailable(f"The detector's model '{path.name}' cannot be used: {err}.") from err
        self._sized: dict[tuple[int, int], _Sized] = {self._square.size: self._square}

    def detect(self, frame: SampledFrame) -> tuple[Detection, ...]:
        """The people in `frame`, the likeliest first."""
        model = self._for(frame.bgr)
        picture, scale = letterbox(frame.bgr, model.size)
        height, width = frame.bgr.shape[0] * scale, frame.bgr.shape[1] * scale
        found = []
        for (left, top, across, down), score in people(self._run(model, picture), model.size, MIN_SCORE):
            x, y = max(0.0, left / width), max(0.0, top / height)
            right, bottom = min(1.0, (left + across) / width), min(1.0, (top + down) / height)
            if right > x and bottom > y:
                box = (round(x, 4), round(y, 4), round(right - x, 4), round(bottom - y, 4))
                found.append(Detection(box, round(min(1.0, score) ** _SCORE_POWER, 4), self.name))
        return tuple(found)

    def _for(self, bgr: NDArray[np.uint8]) -> "_Sized":
        """The model for pictures of the shape of `bgr`: without most of the square's grey, if it can do without."""
        size = needed_size(bgr, self._side)
        if size not in self._sized:
            try:
                smaller = _session(with_picture_size(self._data, self._input, *size))
                made = self._checked(smaller, size)
            except ValueError:  # the square is part of its arithmetic
                made = self._square
            if len(self._sized) >= _MOST_SIZES:
                self._sized = {self._square.size: self._square}
            self._sized[size] = made
            return made
        return self._sized[size]

    def _checked(self, session: onnxruntime.InferenceSession, size: tuple[int, int]) -> "_Sized":
        model = _Sized(session, size)
        check_values(self._run(model, np.full((1, 3, *size), _GREY, np.float32)))
        return model

    def _run(self, model: "_Sized", picture: NDArray[np.float32]) -> NDArray[np.float32]:
        """The model's rows; raises ValueError when they do not have the family's shape."""
        try:
            output = np.asarray(model.session.run(None, {self._input: picture})[0])
        except Exception as err:  # as when it is loaded
            raise ValueError("it cannot be run") from err
        rows = row_count(model.size)
        if output.ndim != 3 or output.shape[:2] != (1, rows) or output.shape[2] < _MIN_COLUMNS:
            raise ValueError(f"it gives an output of {list(output.shape)}, not of [1, {rows}, 5 + classes]")
        rows_of_one: NDArray[np.float32] = output[0].astype(np.float32, copy=False)
        return rows_of_one


@cache
def _loaded(path: Path, changed_ns: int) -> OnnxDetector:
    return OnnxDetector(path)


def warm_model(path: Path) -> OnnxDetector:
    """The model at `path`, loaded once a process unless the file changes; raises EngineUnavailable."""
    try:
        return _loaded(path, path.stat().st_mtime_ns)
    except OSError as err:
        raise EngineUnavailable(f"The detector's model '{path.name}' is not on this machine.") from err


def _session(data: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as err:  # the runtime's errors have no common class but this one
        raise ValueError("it is damaged, or no ONNX model") from err


def _input(session: onnxruntime.InferenceSession) -> tuple[str, int]:
    """The name of the model's one input, and its side in pixels."""
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(inputs[0].shape) != 4:
        raise ValueError("it does not take one picture of floats")
    _, channels, height, width = inputs[0].shape
    square = isinstance(height, int) and height == width and height % 32 == 0 and 32 <= height <= _LARGEST_SIDE
    if channels != 3 or not square:
        raise ValueError(f"it takes an input of {list(inputs[0].shape)}, not of [1, 3, side, side]")
    return str(inputs[0].name), int(height)
