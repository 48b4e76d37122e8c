"""Detect people by their appearance, with a model of the YOLOX family in onnxruntime.

Slower than the plate, and the model is not part of the project. But it finds a person who never moves and works with a
moving camera. Apart from `yolox.py`, which holds the arithmetic.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from shared.domain.errors import EngineUnavailable
from shared.media.video.frames import SampledFrame
from shared.tracking.detection import Detection
from shared.tracking.detectors.clothes import describe_clothes_in
from shared.tracking.detectors.onnx_shape import resize_input
from shared.tracking.detectors.yolox import check_values, decode_people, letterbox, needed_size, row_count
from shared.warm_models import kept_warm

MIN_SCORE = 0.04
"""Least score of the model. So low a score matters only if a person enters or leaves the picture there."""
_SCORE_POWER = 0.6
"""Exponent that maps the model's score to ours: a score of 0.1, typical for a person half in the picture, becomes 0.25.
"""
_GREY = 114
"""Value of the test picture."""
_MAX_SIDE_PX = 1280
"""Largest input of a model."""
_MIN_COLUMNS = 6
"""Columns of the output: box, objectness, and at least one class."""
_ERRORS_ONLY = 3
"""The runtime's log level for errors."""
_MAX_SIZES = 3
"""Number of sessions for different picture sizes that are kept."""


@dataclass(frozen=True, slots=True)
class _Sized:
    """A model for pictures of one size."""

    session: onnxruntime.InferenceSession
    """The runtime's session."""
    size: tuple[int, int]
    """Height and width in pixels."""


class OnnxDetector:
    """Runs a model on frames of any size, in one thread, without memory of other frames."""

    name = "onnx"
    version = "2"

    def __init__(self, path: Path) -> None:
        """Load the model. Raise EngineUnavailable if the file is missing or is no model of this family."""
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
        """Return the people in `frame`, in descending order of score."""
        model = self._for(frame.bgr)
        picture, scale = letterbox(frame.bgr, model.size)
        height, width = frame.bgr.shape[0] * scale, frame.bgr.shape[1] * scale
        found = []
        for (left, top, across, down), score in decode_people(self._run(model, picture), model.size, MIN_SCORE):
            x, y = max(0.0, left / width), max(0.0, top / height)
            right, bottom = min(1.0, (left + across) / width), min(1.0, (top + down) / height)
            if right > x and bottom > y:
                box = (round(x, 4), round(y, 4), round(right - x, 4), round(bottom - y, 4))
                sure = round(min(1.0, score) ** _SCORE_POWER, 4)
                found.append(Detection(box, sure, self.name, describe_clothes_in(frame.bgr, box)))
        return tuple(found)

    def _for(self, bgr: NDArray[np.uint8]) -> "_Sized":
        """Return the model for pictures of this shape, without most of the square's padding if the model allows it."""
        size = needed_size(bgr, self._side)
        if size not in self._sized:
            try:
                smaller = _session(resize_input(self._data, self._input, *size))
                made = self._checked(smaller, size)
            except ValueError:  # the square is part of its arithmetic
                made = self._square
            if len(self._sized) >= _MAX_SIZES:
                self._sized = {self._square.size: self._square}
            self._sized[size] = made
            return made
        return self._sized[size]

    def _checked(self, session: onnxruntime.InferenceSession, size: tuple[int, int]) -> "_Sized":
        """Return the model if it gives valid values for a grey picture. Raise ValueError otherwise."""
        model = _Sized(session, size)
        check_values(self._run(model, np.full((1, 3, *size), _GREY, np.float32)))
        return model

    def _run(self, model: "_Sized", picture: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the model's rows. Raise ValueError if they do not have the family's shape."""
        try:
            output = np.asarray(model.session.run(None, {self._input: picture})[0])
        except Exception as err:  # as when it is loaded
            raise ValueError("it cannot be run") from err
        rows = row_count(model.size)
        if output.ndim != 3 or output.shape[:2] != (1, rows) or output.shape[2] < _MIN_COLUMNS:
            raise ValueError(f"it gives an output of {list(output.shape)}, not of [1, {rows}, 5 + classes]")
        rows_of_one: NDArray[np.float32] = output[0].astype(np.float32, copy=False)
        return rows_of_one


@kept_warm(1)
def _loaded(path: Path, changed_ns: int) -> OnnxDetector:
    """Return the model at `path`; `changed_ns` makes the cache load a changed file again."""
    return OnnxDetector(path)


def load_model(path: Path) -> OnnxDetector:
    """Return the model at `path`, loaded once per process unless the file changes. Raise EngineUnavailable."""
    try:
        return _loaded(path, path.stat().st_mtime_ns)
    except OSError as err:
        raise EngineUnavailable(f"The detector's model '{path.name}' is not on this machine.") from err


def _session(data: bytes) -> onnxruntime.InferenceSession:
    """Return a session for the model file `data`. Raise ValueError if the runtime refuses it."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as err:  # the runtime's errors have no common class but this one
        raise ValueError("it is damaged, or no ONNX model") from err


def _input(session: onnxruntime.InferenceSession) -> tuple[str, int]:
    """Return the name of the model's only input and its side in pixels. Raise ValueError if it is no square picture."""
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(inputs[0].shape) != 4:
        raise ValueError("it does not take one picture of floats")
    _, channels, height, width = inputs[0].shape
    square = isinstance(height, int) and height == width and height % 32 == 0 and 32 <= height <= _MAX_SIDE_PX
    if channels != 3 or not square:
        raise ValueError(f"it takes an input of {list(inputs[0].shape)}, not of [1, 3, side, side]")
    return str(inputs[0].name), int(height)
