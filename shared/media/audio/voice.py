"""Run the silero model, which tells voices from other sounds and ships with faster-whisper.

Apart from `shared.transcription.vad`, which finds the edges of speech, because the choice of a track asks it, too.
"""

from importlib.metadata import files
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from shared.domain.errors import EngineUnavailable
from shared.warm_models import kept_warm

WINDOW = 512
"""Samples of a window."""
CONTEXT = 64
"""Samples of the previous window that the model takes in front of each window."""


class VoiceModel:
    """The model and its recurrent state for one recording and gain."""

    def __init__(self, gain: float = 1.0) -> None:
        self._gain = np.float32(gain)
        self._h = self._c = np.zeros((1, 1, 128), dtype=np.float32)
        self._context = np.zeros(CONTEXT, dtype=np.float32)

    def hear(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probabilities (n,) of the next n windows, and advance the state."""
        windows = _windows(samples * self._gain, self._context)
        probabilities, self._h, self._c = _session().run(None, {"input": windows, "h": self._h, "c": self._c})
        self._context = windows[-1, -CONTEXT:]
        return np.ravel(probabilities)


def _windows(samples: NDArray[np.float32], context: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (n, 64 + 512): each window after the end of the previous one."""
    padded = np.pad(samples, (0, -len(samples) % WINDOW))
    rows = padded.reshape(-1, WINDOW)
    contexts = np.vstack([context, rows[:-1, -CONTEXT:]])
    return np.hstack([contexts, rows])


@kept_warm(1)
def _session() -> Any:
    """Return the model, loaded once a process; one thread, so that parallel parts do not compete for cores."""
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = 1
    options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(_model_path(), providers=["CPUExecutionProvider"], sess_options=options)


def _model_path() -> str:
    """Return the model's path, without importing faster-whisper, which would load all of CTranslate2."""
    for file in files("faster-whisper") or []:
        if file.match("assets/silero_vad*.onnx"):
            return str(file.locate())
    raise EngineUnavailable("faster-whisper's package lacks the model that finds speech: install it again.")
